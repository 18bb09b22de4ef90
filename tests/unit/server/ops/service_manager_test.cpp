#include "server/ops/service_manager.hpp"

#include "tests/support/cpp/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace twinhub::ops {
namespace {

using ::testing::MatchesRegex;

/// The end of the socket that systemd holds.
class Manager {
 public:
  explicit Manager(const std::string& name) : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), length), 0) << std::strerror(errno);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { ::close(descriptor_); }

  /// The next datagram; empty: there is none.
  [[nodiscard]] std::string heard() const {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    return size < 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(size));
  }

 private:
  int descriptor_;
};

void tell_a_life(const ServiceManager& hub) {
  hub.status("Opening the store");
  hub.ready("Serving");
  hub.reloading();
  hub.ready("Serving");
  hub.stopping("Answering what was accepted");
}

void expect_a_life(const Manager& manager) {
  EXPECT_EQ(manager.heard(), "STATUS=Opening the store");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=Serving");
  EXPECT_THAT(manager.heard(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+\nSTATUS=Reloading"));
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=Serving");
  EXPECT_EQ(manager.heard(), "STOPPING=1\nSTATUS=Answering what was accepted");
  EXPECT_EQ(manager.heard(), "");
}

TEST(ServiceManager, EachStepIsOneDatagramToThePathThatWasNamed) {
  const test::TemporaryFolder folder("notify");
  const std::string path = (folder.path() / "notify").string();
  const Manager manager(path);
  tell_a_life(ServiceManager(path));
  expect_a_life(manager);
}

TEST(ServiceManager, AnAbstractNameIsAsGoodAsAPath) {
  const std::string name = "@twinhub-test-" + std::to_string(::getpid());
  const Manager manager(name);
  tell_a_life(ServiceManager(name));
  expect_a_life(manager);
}

TEST(ServiceManager, AStatusOfSeveralLinesStaysOneAssignment) {
  const test::TemporaryFolder folder("notify");
  const std::string path = (folder.path() / "notify").string();
  const Manager manager(path);
  ServiceManager(path).ready("one\nMAINPID=1\r\ntwo");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=one MAINPID=1  two");
}

TEST(ServiceManager, WithoutAManagerThatListensNothingHappens) {
  const test::TemporaryFolder folder("notify");
  for (const std::string& socket :
       {std::string(), (folder.path() / "nobody").string(), std::string("vsock:2:1"), "/" + std::string(200, 'x')})
    tell_a_life(ServiceManager(socket));
}

TEST(ServiceManager, TheSocketIsTakenFromTheEnvironment) {
  const test::TemporaryFolder folder("notify");
  const std::string path = (folder.path() / "notify").string();
  const Manager manager(path);
  ASSERT_EQ(::setenv("NOTIFY_SOCKET", path.c_str(), 1), 0);
  ServiceManager::of_environment().ready("Serving");
  ASSERT_EQ(::unsetenv("NOTIFY_SOCKET"), 0);
  ServiceManager::of_environment().ready("Serving");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=Serving");
  EXPECT_EQ(manager.heard(), "");
}

}  // namespace
}  // namespace twinhub::ops
