#include "server/rest/http_session.hpp"

#include "protocol/iothub/connect_fields.hpp"
#include "server/base/error_table.hpp"
#include "server/base/log.hpp"
#include "server/net/http_text.hpp"
#include "server/net/peer_chain.hpp"
#include "server/net/request_head.hpp"
#include "server/net/web_socket_request.hpp"
#include "server/rest/annex.hpp"
#include "server/rest/http_message.hpp"
#include "server/rest/refusal.hpp"
#include "server/rest/request.hpp"
#include "server/rest/routes.hpp"
#include "server/rest/web_socket.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace twinhub::rest {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::string_view json_type = "application/json; charset=utf-8";

/// One request and its answer: what a connection that waits does not have.
struct Exchange {
  std::optional<http::request_parser<http::string_body>> parser;  ///< from the head's end to the body's
  Request request;                                                ///< the same
  Authorized authorized;
  std::optional<hub::Operation> operation;                ///< once it is authorized
  std::chrono::steady_clock::time_point began{};          ///< when the head was whole
  std::optional<AnnexRequest> annex;                      ///< in the place of `authorized`
  std::optional<http::response<http::empty_body>> go_on;  ///< 100 Continue
  std::optional<http::response<http::string_body>> answer;
  RequestRefusal refusal;  ///< for its notice
};

class Session final : public HttpSession, public std::enable_shared_from_this<Session> {
 public:
  Session(RestLane& lane, std::uint64_t id, net::Stream stream) : lane_(lane), id_(id), stream_(std::move(stream)) {
    stream_.count_in(lane_.counters.bytes);
  }

  void start() override {
    stream_.expires_after(lane_.options().header_timeout);
    stream_.async_handshake(net::Stream::Side::server, [self = shared_from_this()](beast::error_code error) {
      self->is_tls_ = !error && self->stream_.ssl() != nullptr;
      if (!error) return self->read_head();
      if (error == beast::error::timeout)
        self->stream_.note(
            {.stage = notices::Stage::tls, .reason = Reason::no_connect, .detail = "No TLS handshake in time."});
      self->end();
    });
  }

  void respond(Response response) override {
    if (!handling_) return;
    handling_ = false;
    auto& answer = exchange().answer;
    if (response.note) {
      exchange_->refusal.reason = response.note->reason;
      exchange_->refusal.detail = std::move(response.note->detail);
    }
    if (response.note || response.status == 401 || response.status == 403)
      note_refusal(stream_, response, exchange_->refusal);
    answer.emplace(static_cast<http::status>(response.status), 11);
    answer->set(http::field::server, "twinhub");
    answer->set("x-ms-request-id", hub::make_request_id());
    for (const auto& [name, value] : response.headers) answer->set(net::header_name(name), net::header_value(value));
    if (!response.body.empty() && answer->count(http::field::content_type) == 0)
      answer->set(http::field::content_type, json_type);
    answer->keep_alive(keep_alive_ && !lane_.stopping() && response.status != 429);  // as IoT Hub
    answer->body() = std::move(response.body);
    if (response.status != 204) answer->prepare_payload();
    if (is_head_) answer->body().clear();  // its length is told, the body is not sent (RFC 9110, 9.3.2)
    count(response.status);
    stream_.expires_after(lane_.options().header_timeout);
    http::async_write(stream_, *answer,
                      [self = shared_from_this()](beast::error_code error, std::size_t) { self->answered(error); });
  }

  void stop(bool now) override {
    if (!now && (handling_ || is_answering())) return;  // closes after its answer
    stream_.close();
  }

 private:
  void answered(beast::error_code error) {
    const bool go_on = !error && exchange_->answer->keep_alive();
    exchange_.reset();
    had_answer_ = true;
    if (!go_on) return shut_down();
    const auto& options = lane_.options();
    stream_.expires_after(known_ ? options.idle_timeout
                                 : std::min(options.stranger_idle_timeout, options.idle_timeout));
    if (buffer_.size() == 0) buffer_ = {};  // a connection that waits holds nothing
    read_head();
  }

  // --- the head of a request: its bytes alone are kept until they are all there
  void read_head() {
    if (lane_.stopping()) return shut_down();
    finder_ = {};
    is_head_ = false;
    if (buffer_.size() > 0) stream_.expires_after(lane_.options().header_timeout);
    look_for_head();
  }

  void look_for_head() {
    const net::HeadSearch head = finder_.look(buffer_, head_bytes_max());
    if (head.error) return got_bad_request(head.error);
    if (head.bytes > 0) return got_head(head.bytes);
    if (!known_) stream_.place().hold(buffer_.size() == 0 ? 0 : buffer_.capacity());
    read_more_head();
  }

  void read_more_head() {
    stream_.async_receive(lane_.scratch(), [self = shared_from_this()](beast::error_code error, std::size_t bytes) {
      if (error) return self->head_failed(error);
      const bool is_first = self->buffer_.size() == 0;
      self->keep({self->lane_.scratch().data(), bytes});
      if (is_first) self->stream_.expires_after(self->lane_.options().header_timeout);
      self->look_for_head();
    });
  }

  void keep(std::string_view bytes) {
    const auto room = buffer_.prepare(bytes.size());
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(room.data()));
    buffer_.commit(bytes.size());
  }

  void head_failed(beast::error_code error) {
    if (error == beast::error::timeout && !had_answer_)
      stream_.note({.stage = notices::Stage::http, .reason = Reason::no_connect, .detail = "No request came in time."});
    if (error != beast::error::timeout && buffer_.size() == 0) note_end();
    end();
  }

  /// How a connection ends whose peer has left, or that has had nothing to say: an answer of its own each request has.
  void note_end() const {
    if (lane_.stopping()) return;
    notices::Happening what{.stage = notices::Stage::http, .reason = Reason::peer_closed, .kind = notices::Kind::ended};
    if (!had_answer_ && is_tls_) {
      what = {.stage = notices::Stage::tls,
              .reason = Reason::certificate_rejected,
              .detail = "It left after the TLS handshake without a request; a health check does so, too."};
    } else if (!had_answer_) {
      what.stage = notices::Stage::connect;
      what.detail = "Before a request.";
    }
    stream_.note(what);
  }

  [[nodiscard]] std::size_t head_bytes_max() const {
    const auto& options = lane_.options();
    return known_ ? options.header_bytes_max : std::min(options.header_bytes_max, options.stranger_header_bytes_max);
  }

  void got_head(std::size_t size) {
    exchange_ = std::make_unique<Exchange>();
    exchange_->began = std::chrono::steady_clock::now();
    auto& parser = exchange_->parser;
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(lane_.options().header_bytes_max));
    parser->body_limit(lane_.options().body_bytes_max);
    const std::string_view head(static_cast<const char*>(buffer_.data().data()), size);
    if (const auto fault = net::read_head(*parser, head)) {
      if (!fault->framing) return got_bad_request(fault->error);
      const auto& [status, words] = *fault->framing;
      return refuse_framing(fail(Errc::generic_bad_request, std::string(words)), status);
    }
    buffer_.consume(size);
    stream_.expires_after(lane_.options().header_timeout);
    lane_.counters.requests.add(1);
    const auto& message = parser->get();
    keep_alive_ = message.keep_alive();
    is_head_ = message.method() == http::verb::head;
    exchange_->request = request_of(message);
    if (exchange_->request.authorization.empty())
      exchange_->request.client_certificates = net::peer_chain(stream_.ssl());
    if (asks_for_web_socket(message, exchange_->request, lane_.web_sockets())) return hand_on();
    begin();
  }

  /// The body is read of an authorized request only.
  void begin() {
    guarded([this] {
      const Annex* const annex = lane_.annex();
      if (annex != nullptr && annex->has(exchange_->request, stream_.ssl() != nullptr)) return begin_in_annex();
      auto authorized = authorize(lane_.hub(), exchange_->request);
      if (auto* refusal = std::get_if<Response>(&authorized)) return refuse(std::move(*refusal));
      exchange_->authorized = std::move(std::get<Authorized>(authorized));
      exchange_->operation = exchange_->authorized.operation;
      become_known();
      receive_body();
    });
  }

  void begin_in_annex() {
    exchange_->refusal.protocol = "management";
    exchange_->refusal.is_of_rights = true;
    exchange_->refusal.target = exchange_->request.path;
    const auto& parser = *exchange_->parser;
    const auto& message = parser.get();
    const auto text_of = [&message](http::field name) {
      const auto value = message[name];
      return std::string_view(value.data(), value.size());
    };
    const asio::ip::address peer = stream_.peer();
    const std::string_view authority = net::split_target({message.target().data(), message.target().size()}).authority;
    const std::string_view host = authority.empty() ? text_of(http::field::host) : authority;
    Visit visit{exchange_->request, host, text_of(http::field::if_match), peer, std::nullopt};
    if (const auto length = parser.content_length()) {
      visit.body_bytes = *length;
    } else if (!parser.chunked()) {
      visit.body_bytes = 0;
    }
    auto admitted = lane_.annex()->admit(visit);
    if (auto* refusal = std::get_if<Response>(&admitted)) return refuse(std::move(*refusal));
    exchange_->annex = std::move(std::get<AnnexRequest>(admitted));
    if (exchange_->annex->is_known) become_known();
    if (!known_) stream_.place().hold(buffer_.capacity() + visit.body_bytes.value_or(lane_.options().body_bytes_max));
    receive_body();
  }

  void receive_body() {
    if (exchange_->parser->is_done()) return handle();
    const auto& message = exchange_->parser->get();
    // HTTP/1.0 knows no interim answers (RFC 9110, 10.1.1).
    if (message.version() >= 11 && beast::iequals(message[http::field::expect], "100-continue")) return ask_for_body();
    read_body();
  }

  void become_known() {
    if (known_) return;
    known_ = true;
    stream_.place().prove();
    const auto& login = exchange_->authorized.call.login;
    const std::string id = login ? iothub::client_id_of(login->id) : std::string();
    stream_.note({.stage = notices::Stage::http, .kind = notices::Kind::connected, .id = id});
    // A device that shows its certificate shows it with every request; others need no more than they have proved.
    if (!exchange_->request.authorization.empty()) net::forget_peer_chain(stream_.ssl());
  }

  /// A body that has come along with the head is thrown away; when more of it is to come, the connection ends.
  void refuse(Response response) {
    if (!net::discard_body(*exchange_->parser, buffer_)) keep_alive_ = false;
    const auto& message = exchange_->parser->get();
    const auto target = message.target();
    exchange_->refusal.is_of_rights = true;
    // Each cause costs what the request has cost: a peer that goes on and on is told about by its first ones.
    constexpr std::uint8_t causes_max = 8;
    if ((response.status == 401 || response.status == 403) && refusals_explained_ < causes_max) {
      ++refusals_explained_;
      note_cause(exchange_->request, lane_.hub(), exchange_->refusal);
    }
    // The management plane knows its clients by then.
    if (response.status == 403 && !exchange_->refusal.protocol.empty())
      exchange_->refusal.reason = Reason::policy_rights;
    exchange_->refusal.target =
        std::string(message.method_string()) + ' ' + std::string(target.substr(0, target.find('?')));
    finish_request();
    respond(std::move(response));
  }

  void ask_for_body() {
    exchange_->go_on.emplace(http::status::continue_, 11);
    http::async_write(stream_, *exchange_->go_on, [self = shared_from_this()](beast::error_code written, std::size_t) {
      self->exchange_->go_on.reset();
      if (written) return self->end();
      self->read_body();
    });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *exchange_->parser,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (error) return self->got_bad_request(error);
                       self->guarded([&] { self->handle(); });
                     });
  }

  /// The request is off the wire.
  void finish_request() {
    exchange().parser.reset();
    handling_ = true;
    stream_.expires_never();  // every request is answered: by the hub, or when the store closes
  }

  void handle() {
    exchange_->request.body = std::move(exchange_->parser->get().body());
    finish_request();
    if (exchange_->annex) {
      const AnnexRequest admitted = *std::exchange(exchange_->annex, std::nullopt);
      return admitted.answer({&lane_, id_}, std::exchange(exchange_->request, {}).body);
    }
    Request request = std::exchange(exchange_->request, {});
    const Authorized authorized = std::exchange(exchange_->authorized, {});
    rest::handle({&lane_, id_}, request, authorized);
  }

  template <class Task>
  void guarded(Task task) {
    try {
      task();
    } catch (const std::exception& unexpected) {
      log::error({.event = "request_failed"}, "request failed: {}", unexpected.what());
      handling_ = true;
      keep_alive_ = keep_alive_ && !has_parser();
      respond(error_response(fail(Errc::server_error, "The request failed unexpectedly."), lane_.hub().clock.wall()));
    }
  }

  // --- bytes that are not a request, and requests that are not of the REST API
  /// Bytes that are not a request are answered if that is possible; the connection ends in any case.
  void got_bad_request(beast::error_code error) {
    const bool is_syntax = error.category() == make_error_code(http::error::bad_method).category();
    if (!is_syntax || error == http::error::end_of_stream || error == http::error::partial_message) return end();
    if (error == http::error::body_limit) {
      refuse_framing(fail(Errc::message_too_large, "The request body is larger than this hub takes."), 0);
    } else if (error == http::error::header_limit) {
      refuse_framing(fail(Errc::generic_bad_request, "The request headers are too large."), 431);
    } else {
      refuse_framing(fail(Errc::generic_bad_request, "The request is not valid HTTP: " + error.message()), 0);
    }
  }

  void refuse_framing(const Error& error, unsigned status) {
    const std::string code = std::to_string(status == 0 ? hub::row_of(error.code).http_status : status);
    stream_.note({.stage = notices::Stage::http,
                  .reason = Reason::protocol_fault,
                  .kind = known_ ? notices::Kind::ended : notices::Kind::refused,
                  .code = code,
                  .detail = error.detail});
    keep_alive_ = false;
    is_head_ = has_parser() && exchange_->parser->get().method() == http::verb::head;
    finish_request();
    respond(error_response(error, lane_.hub().clock.wall(), status));
  }

  /// The connection becomes a WebSocket and leaves HTTP, or the request is refused.
  void hand_on() {
    const bool is_last = exchange_->parser->is_done() && buffer_.size() == 0;
    const auto& message = exchange_->parser->get();
    const auto choice = choose_web_socket_door(message, exchange_->request, lane_.web_sockets(), is_last);
    if (!choice) {
      keep_alive_ = false;
      stream_.note({.stage = notices::Stage::http,
                    .reason = Reason::protocol_fault,
                    .code = "WebSocket refused",
                    .detail = choice.error().detail});
      Response refusal = web_socket_refusal(message, choice.error(), lane_.hub().clock.wall());
      finish_request();
      return respond(std::move(refusal));
    }
    net::WebSocketRequest handed{std::move(stream_), std::string(message[http::field::sec_websocket_key]),
                                 choice->subprotocol};
    const auto self = shared_from_this();
    end();
    choice->door->adopt(lane_.io(), handed);
  }

  void count(unsigned status) {
    const Exchange& ended = exchange();
    lane_.count_answer(status, ended.operation, ended.began);
  }

  void shut_down() {
    buffer_ = {};
    stream_.expires_after(lane_.options().linger);
    stream_.async_linger([self = shared_from_this()](beast::error_code) { self->end(); });
  }

  void end() { lane_.forget(id_); }

  Exchange& exchange() {
    if (!exchange_) exchange_ = std::make_unique<Exchange>();
    return *exchange_;
  }
  [[nodiscard]] bool has_parser() const { return exchange_ && exchange_->parser; }
  [[nodiscard]] bool is_answering() const { return exchange_ && exchange_->answer; }

  RestLane& lane_;
  std::uint64_t id_;
  net::Stream stream_;
  beast::flat_buffer buffer_;
  net::HeadFinder finder_;
  std::unique_ptr<Exchange> exchange_;
  bool known_ = false;    ///< a request of the connection was authorized
  bool is_head_ = false;  ///< the answer has no body
  bool keep_alive_ = true;
  bool handling_ = false;
  bool had_answer_ = false;
  std::uint8_t refusals_explained_ = 0;
  bool is_tls_ = false;
};

}  // namespace

std::shared_ptr<HttpSession> make_http_session(RestLane& lane, std::uint64_t id, int descriptor, net::Place place,
                                               std::shared_ptr<SSL_CTX> tls) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  tcp::socket socket(lane.io().context());
  boost::system::error_code error = asio::error::not_connected;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0)
    socket.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, error);
  if (error) {
    place.leave();
    ::close(descriptor);
    return nullptr;
  }
  return std::make_shared<Session>(lane, id, net::Stream(std::move(socket), std::move(tls), std::move(place)));
}

}  // namespace twinhub::rest
