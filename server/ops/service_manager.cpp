#include "server/ops/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace twinhub::ops {
namespace {

/// One line of the message: a status must not become another assignment.
std::string status_line(std::string_view status) {
  std::string line = "\nSTATUS=";
  for (const char c : status) line += c == '\n' || c == '\r' ? ' ' : c;
  return line;
}

/// CLOCK_MONOTONIC, which is libstdc++'s steady clock, as Type=notify-reload wants it.
std::string monotonic_line() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return "\nMONOTONIC_USEC=" + std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace

ServiceManager::ServiceManager(std::string_view socket) : socket_(socket) {
  const bool is_known = !socket_.empty() && (socket_.front() == '/' || socket_.front() == '@');
  if (!is_known || socket_.size() >= sizeof(sockaddr_un::sun_path)) return;
  descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

ServiceManager ServiceManager::of_environment() {
  const char* const socket = std::getenv("NOTIFY_SOCKET");
  return ServiceManager(socket == nullptr ? "" : socket);
}

ServiceManager::~ServiceManager() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void ServiceManager::status(std::string_view line) const { tell(status_line(line).substr(1)); }
void ServiceManager::ready(std::string_view status) const { tell("READY=1" + status_line(status)); }
void ServiceManager::reloading() const { tell("RELOADING=1" + monotonic_line() + status_line("Reloading")); }
void ServiceManager::stopping(std::string_view status) const { tell("STOPPING=1" + status_line(status)); }

void ServiceManager::tell(std::string_view lines) const {
  if (descriptor_ < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // Lost when the manager does not listen: the hub serves all the same.
  (void)::sendto(descriptor_, lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 length);
}

}  // namespace twinhub::ops
