#include "server/ops/ops_door.hpp"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <thread>

namespace twinhub::ops {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::chrono::seconds time_limit{15};
constexpr std::uint32_t header_bytes_max = 8 * 1024;
constexpr std::uint64_t body_bytes_max = 1024;

class Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const Pages& pages, EventStreams& streams)
      : stream_(std::move(socket)), pages_(pages), streams_(streams) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(header_bytes_max);
    parser_->body_limit(body_bytes_max);
    stream_.expires_after(time_limit);
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->answer();
    });
  }

 private:
  void answer() {
    const auto& request = parser_->get();
    const bool is_head = request.method() == http::verb::head;
    Page page;
    if (request.method() == http::verb::get || is_head) {
      const std::string_view target(request.target().data(), request.target().size());
      const std::size_t path_end = std::min(target.find('?'), target.size());
      if (!is_head && target.substr(0, path_end) == "/events") return stream_events(target.substr(path_end));
      page = pages_(target.substr(0, path_end));
    } else {
      page = {405, page.type, "GET and HEAD only\n"};
    }
    response_.emplace(static_cast<http::status>(page.status), 11);
    response_->set(http::field::content_type, page.type);
    response_->set(http::field::cache_control, "no-store");
    response_->keep_alive(request.keep_alive());
    response_->body() = std::move(page.body);
    response_->prepare_payload();
    if (is_head) response_->body().clear();
    http::async_write(stream_, *response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error || !self->response_->keep_alive()) return;
      self->read();
    });
  }

  /// A client that comes back says where it was (WHATWG HTML, 9.2.3).
  void stream_events(std::string_view query) {
    std::string text(query.substr(std::min<std::size_t>(1, query.size())));
    const auto last = parser_->get()["Last-Event-ID"];
    if (!last.empty()) text += (text.empty() ? "from=" : "&from=") + std::string(last);
    streams_.adopt(stream_.release_socket(), std::move(text));
  }

  beast::tcp_stream stream_;
  const Pages& pages_;
  EventStreams& streams_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

class OpsDoorImpl final : public OpsDoor {
 public:
  OpsDoorImpl(Pages pages, OpenEventSource open_events)
      : pages_(std::move(pages)), streams_(EventStreams::make(std::move(open_events))), acceptor_(context_) {}

  ~OpsDoorImpl() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> listen(const std::string& address, std::uint16_t port) {
    boost::system::error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (!error) acceptor_.open(ip.is_v6() ? tcp::v6() : tcp::v4(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind({ip, port}, error);
    if (!error) acceptor_.listen(64, error);
    if (error) {
      const bool in_use = error == asio::error::address_in_use;
      return fail(Errc::service_unavailable,
                  "port " + std::to_string(port) + " on " + address +
                      (in_use ? " is in use by another process" : " cannot be opened: " + error.message()) +
                      " (--ops-port)");
    }
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }

  void wake_event_streams() override { streams_->wake(); }
  std::uint16_t port() const override { return acceptor_.local_endpoint().port(); }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) std::make_shared<Session>(std::move(socket), pages_, *streams_)->read();
      accept();
    });
  }

  Pages pages_;
  std::unique_ptr<EventStreams> streams_;
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<OpsDoor>> OpsDoor::open(const std::string& address, std::uint16_t port, Pages pages,
                                               OpenEventSource open_events) {
  auto door = std::make_unique<OpsDoorImpl>(std::move(pages), std::move(open_events));
  if (const auto listening = door->listen(address, port); !listening) return listening.error();
  return std::unique_ptr<OpsDoor>(std::move(door));
}

}  // namespace twinhub::ops
