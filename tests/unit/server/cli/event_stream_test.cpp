#include "server/cli/event_stream.hpp"

#include <gmock/gmock.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <thread>

namespace twinhub::cli {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

/// An operations port with one client, which is told `text` and then nothing more until the test ends.
class SilentHub {
 public:
  explicit SilentHub(std::string text) : text_(std::move(text)) {
    settings.ops_listen = "127.0.0.1";
    settings.ops_port = acceptor_.local_endpoint().port();
    thread_ = std::thread([this] {
      acceptor_.accept(client_);
      asio::write(client_, asio::buffer(text_));
    });
  }
  ~SilentHub() { thread_.join(); }

  config::Settings settings;

 private:
  std::string text_;
  asio::io_context context_;
  tcp::acceptor acceptor_{context_, {asio::ip::make_address("127.0.0.1"), 0}};
  tcp::socket client_{context_};
  std::thread thread_;
};

constexpr milliseconds silence{200};

TEST(CliEventStream, BeginsWithItsPositionAndGoesOnWithEvents) {
  const SilentHub hub("HTTP/1.1 200 OK\r\n\r\nid: 5,7\n\n: ping\n\nid: 6,7\nevent: x\ndata: {\"n\":1}\n\n");
  auto stream = EventStream::open(hub.settings, "from=now");
  ASSERT_TRUE(stream) << stream.error().detail;
  const auto begin = stream->next();
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->position, "5,7");
  EXPECT_EQ(begin->data, "");
  const auto event = stream->next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->position, "6,7");
  EXPECT_EQ(event->data, R"({"n":1})");
}

TEST(CliEventStream, AHubThatIsSilentForTooLongHasGone) {
  const SilentHub hub("HTTP/1.1 200 OK\r\n\r\nid: 5,7\n\n");
  auto stream = EventStream::open(hub.settings, "from=now");
  ASSERT_TRUE(stream) << stream.error().detail;
  ASSERT_TRUE(stream->next());
  const auto event = stream->next(silence);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Errc::service_unavailable);
}

TEST(CliEventStream, AHubWithoutAnAnswerCannotBeReached) {
  const SilentHub hub("HTTP/1.1 200 OK\r\n");
  const auto stream = EventStream::open(hub.settings, "from=now", silence);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Errc::service_unavailable);
}

TEST(CliEventStream, ARefusalSaysWhyAndAFullHubIsOnlyBusy) {
  const SilentHub refusing("HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\nwrong\n");
  const auto refused = EventStream::open(refusing.settings, "from=never");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::argument_invalid);
  EXPECT_EQ(refused.error().detail, "wrong");
  const SilentHub full("HTTP/1.1 503 Service Unavailable\r\n\r\ntoo many\n");
  const auto busy = EventStream::open(full.settings, "from=now");
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, Errc::service_unavailable);
}

}  // namespace
}  // namespace twinhub::cli
