#include "server/rest/http_session.hpp"

#include "server/hub/error_table.hpp"
#include "server/net/peer_chain.hpp"
#include "server/net/web_socket_request.hpp"
#include "server/rest/request.hpp"
#include "server/rest/routes.hpp"
#include "server/rest/web_socket.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>

namespace twinhub::rest {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::string_view json_type = "application/json; charset=utf-8";

class Session final : public HttpSession, public std::enable_shared_from_this<Session> {
 public:
  Session(RestLane& lane, std::uint64_t id, net::Stream stream) : lane_(lane), id_(id), stream_(std::move(stream)) {}

  void start() override {
    stream_.expires_after(lane_.options().header_timeout);
    if (SSL* const ssl = stream_.ssl()) net::request_client_certificate(ssl);  // devices come here too, by WebSocket
    stream_.async_handshake(net::Stream::Side::server, [self = shared_from_this()](beast::error_code error) {
      if (error) return self->end();
      self->read_header();
    });
  }

  void respond(Response response) override {
    if (!handling_) return;
    handling_ = false;
    answer_.emplace(static_cast<http::status>(response.status), 11);
    answer_->set(http::field::server, "twinhub");
    answer_->set("x-ms-request-id", hub::make_request_id());
    for (const auto& [name, value] : response.headers) answer_->set(name, value);
    if (!response.body.empty() && answer_->count(http::field::content_type) == 0)
      answer_->set(http::field::content_type, json_type);
    answer_->keep_alive(keep_alive_ && !lane_.stopping() && response.status != 429);  // as IoT Hub
    answer_->body() = std::move(response.body);
    if (response.status != 204) answer_->prepare_payload();
    count(response.status);
    stream_.expires_after(lane_.options().header_timeout);
    http::async_write(stream_, *answer_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      const bool go_on = !error && self->answer_->keep_alive();
      self->answer_.reset();
      if (!go_on) return self->shut_down();
      self->stream_.expires_after(self->lane_.options().idle_timeout);
      self->read_header();
    });
  }

  void stop(bool now) override {
    if (!now && (handling_ || answer_)) return;  // closes after its answer
    stream_.close();
  }

 private:
  void read_header() {
    if (lane_.stopping()) return shut_down();
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(lane_.options().header_bytes_max));
    parser_->body_limit(lane_.options().body_bytes_max);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, std::size_t) { self->got_header(error); });
  }

  void got_header(beast::error_code error) {
    if (error) return got_bad_request(error);
    stream_.expires_after(lane_.options().header_timeout);
    if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
    continue_.emplace(http::status::continue_, 11);
    http::async_write(stream_, *continue_, [self = shared_from_this()](beast::error_code written, std::size_t) {
      self->continue_.reset();
      if (written) return self->end();
      self->read_body();
    });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error) return self->got_bad_request(error);
      self->handle();
    });
  }

  /// Bytes that are no request get an answer if they can; the connection ends either way.
  void got_bad_request(beast::error_code error) {
    const bool too_large = error == http::error::body_limit;
    const bool is_syntax = error.category() == make_error_code(http::error::bad_method).category();
    if (!is_syntax || error == http::error::end_of_stream || error == http::error::partial_message) return end();
    keep_alive_ = false;
    handling_ = true;
    const Timestamp now = lane_.hub().clock.now();
    if (too_large) {
      respond(error_response(fail(Errc::message_too_large, "The request body is larger than this hub takes."), now));
    } else if (error == http::error::header_limit) {
      respond(error_response(fail(Errc::generic_bad_request, "The request headers are too large."), now, 431));
    } else {
      respond(
          error_response(fail(Errc::generic_bad_request, "The request is not valid HTTP: " + error.message()), now));
    }
  }

  void handle() {
    auto message = parser_->release();
    parser_.reset();
    keep_alive_ = message.keep_alive();
    handling_ = true;
    stream_.expires_never();  // the hub answers, or the store's end does
    lane_.counters.requests.fetch_add(1, std::memory_order_relaxed);
    Request request;
    request.method = message.method();
    read_target({message.target().data(), message.target().size()}, request);
    if (asks_for_web_socket(message, request)) return hand_on(message, request);
    request.authorization = message[http::field::authorization];
    if (request.authorization.empty()) request.client_certificates = net::peer_chain(stream_.ssl());
    if (const auto header = message.find(http::field::if_match); header != message.end()) {
      request.if_match = parse_if_match(std::string_view(header->value().data(), header->value().size()));
    }
    for (const auto& field : message) {
      const std::string_view name(field.name_string().data(), field.name_string().size());
      if (is_message_header(name)) request.headers.emplace_back(name, std::string(field.value()));
    }
    request.max_item_count = message["x-ms-max-item-count"];
    request.continuation = message["x-ms-continuation"];
    request.body = std::move(message.body());
    try {
      route({&lane_, id_}, request);
    } catch (const std::exception& unexpected) {
      spdlog::error("request failed: {}", unexpected.what());
      respond(error_response(fail(Errc::server_error, "The request failed unexpectedly."), lane_.hub().clock.now()));
    }
  }

  /// HTTP is over on this connection, or the request is refused.
  void hand_on(const http::request<http::string_body>& message, const Request& request) {
    const auto& take_over = lane_.web_sockets();
    const auto subprotocol = check_web_socket(message, request, buffer_.size() == 0, take_over != nullptr);
    if (!subprotocol) {
      keep_alive_ = false;
      return respond(web_socket_refusal(message, subprotocol.error(), lane_.hub().clock.now()));
    }
    net::WebSocketRequest handed{std::move(stream_), http::request<http::empty_body>(message.base()), *subprotocol};
    const auto self = shared_from_this();
    end();
    take_over(lane_.io(), handed);
  }

  void count(unsigned status) {
    auto& counters = lane_.counters;
    auto& counter = status < 400   ? counters.responses_2xx
                    : status < 500 ? counters.responses_4xx
                                   : counters.responses_5xx;
    counter.fetch_add(1, std::memory_order_relaxed);
  }

  void shut_down() {
    stream_.expires_after(std::chrono::seconds(5));
    stream_.async_shutdown([self = shared_from_this()](beast::error_code) { self->end(); });
  }

  void end() { lane_.forget(id_); }

  RestLane& lane_;
  std::uint64_t id_;
  net::Stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::empty_body>> continue_;
  std::optional<http::response<http::string_body>> answer_;
  bool keep_alive_ = true;
  bool handling_ = false;
};

}  // namespace

std::shared_ptr<HttpSession> make_http_session(RestLane& lane, std::uint64_t id, int descriptor,
                                               std::shared_ptr<SSL_CTX> tls) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    ::close(descriptor);
    return nullptr;
  }
  tcp::socket socket(lane.io().context());
  boost::system::error_code error;
  socket.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, error);
  if (error) {
    ::close(descriptor);
    return nullptr;
  }
  return std::make_shared<Session>(lane, id, net::Stream(std::move(socket), std::move(tls)));
}

}  // namespace twinhub::rest
