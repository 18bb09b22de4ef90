#include "server/net/http_client.hpp"

#include "server/net/client_tls.hpp"
#include "server/net/http_text.hpp"
#include "server/net/stream.hpp"

#include <sys/socket.h>
#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <ctime>

namespace twinhub::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::chrono::milliseconds stop_look{50};
constexpr int interim_answers_max = 16;         // before a final one
constexpr std::chrono::seconds last_answer{1};  // after stop was asked for

class Client final : public HttpClient {
 public:
  explicit Client(HttpTarget target) : target_(std::move(target)) {}

  Result<void> load_tls() {
    auto context = make_client_context(target_);
    if (!context) return context.error();
    tls_ = std::move(*context);
    return {};
  }

  bool reached() const override { return reached_; }

  Result<HttpAnswer> send(const HttpRequest& request, const std::stop_token& stop) override {
    const bool kept = stream_.has_value();
    auto answer = try_send(request, stop);
    if (!answer && kept && !stop.stop_requested() && closed_early_) answer = try_send(request, stop);
    return answer;
  }
  Result<void> open(const std::stop_token& stop) override { return stream_ ? Result<void>() : connect(stop); }

 private:
  /// Runs one asynchronous step to its end, or to a second after stop: an orderly stop makes no duplicates.
  template <class Start, class Cancel>
  beast::error_code run(const std::stop_token& stop, Start&& start, Cancel&& cancel) {
    beast::error_code outcome = asio::error::operation_aborted;
    bool done = false;
    start([&outcome, &done](beast::error_code error, auto&&...) {
      outcome = error;
      done = true;
    });
    auto cancel_at = std::chrono::steady_clock::time_point::max();
    while (!done) {
      context_.restart();
      if (!stop.stop_possible()) {
        context_.run();
        continue;
      }
      context_.run_for(stop_look);
      if (stop.stop_requested()) cancel_at = std::min(cancel_at, std::chrono::steady_clock::now() + last_answer);
      if (!done && std::chrono::steady_clock::now() >= cancel_at) cancel();
    }
    return outcome;
  }
  template <class Start>
  beast::error_code run(const std::stop_token& stop, Start&& start) {
    stream_->expires_after(target_.timeout);
    return run(stop, std::forward<Start>(start), [this] { stream_->close(); });
  }

  Result<void> connect(const std::stop_token& stop) {
    tcp::resolver resolver(context_);
    tcp::resolver::results_type found;
    const std::string& host = target_.address.empty() ? target_.host : target_.address;
    auto error = run(
        stop,
        [&](auto done) {
          resolver.async_resolve(host, std::to_string(target_.port), [&found, done](auto code, auto results) mutable {
            found = results;
            done(code);
          });
        },
        [&] { resolver.cancel(); });
    if (error) return failure("finding the address of", error);
    tcp::socket socket(context_);
    asio::steady_timer limit(context_, target_.timeout);
    bool late = false;
    limit.async_wait([&](beast::error_code cancelled) {
      if (cancelled) return;
      late = true;
      socket.close();
    });
    error = run(
        stop,
        [&](auto done) {
          asio::async_connect(socket, found, [&limit, done](auto code, auto&&...) mutable {
            limit.cancel();
            done(code);
          });
        },
        [&] { socket.close(); });
    context_.restart();
    context_.poll();  // the timer's handler has come back before what it refers to goes
    if (late) error = beast::error::timeout;
    if (error) return failure("connecting to", error);
    descriptor_ = socket.native_handle();
    stream_.emplace(std::move(socket), tls_);
    if (SSL* const ssl = stream_->ssl()) expect_host(ssl, target_.host);
    error = run(stop, [&](auto done) { stream_->async_handshake(Stream::Side::client, done); });
    if (error) return failure("the TLS handshake with", error);
    return {};
  }

  Error failure(const char* step, const beast::error_code& error) {
    drop_stream();
    const std::string& where = target_.address.empty() ? target_.host : target_.address;
    return fail(Errc::service_unavailable,
                std::string(step) + " " + where + ":" + std::to_string(target_.port) + " failed: " + error.message());
  }

  Result<HttpAnswer> try_send(const HttpRequest& request, const std::stop_token& stop) {
    closed_early_ = reached_ = false;
    if (stream_ && has_unasked_bytes()) drop_stream();
    if (!stream_) {
      if (const auto opened = connect(stop); !opened) return opened.error();
    }
    reached_ = true;
    const auto message = message_of(request);
    auto error = run(stop, [&](auto done) { http::async_write(*stream_, message, done); });
    closed_early_ = error && error != beast::error::timeout;
    if (error) return failure("sending to", error);
    return read_answer(stop);
  }

  /// The final answer, within one time limit: what stands before it (RFC 9110, 15.2) is nobody's answer, and what stands
  /// behind it is not the next one's.
  Result<HttpAnswer> read_answer(const std::stop_token& stop) {
    stream_->expires_after(target_.timeout);
    for (int interim = 0; interim <= interim_answers_max; ++interim) {
      http::response_parser<http::string_body> parser;
      parser.body_limit(target_.answer_bytes_max);
      const auto error = run(
          stop, [&](auto done) { http::async_read(*stream_, buffer_, parser, done); }, [this] { stream_->close(); });
      closed_early_ = interim == 0 && (error == http::error::end_of_stream || error == asio::error::connection_reset);
      if (error) return failure("reading the answer of", error);
      auto response = parser.release();
      const unsigned status = response.result_int();
      if (status >= 100 && status < 200 && status != 101) continue;
      if (status < 200 || status > 599) break;
      HttpAnswer answer{.status = status};
      for (const auto& field : response) answer.headers.emplace_back(field.name_string(), field.value());
      answer.body = std::move(response.body());
      if (!response.keep_alive() || buffer_.size() > 0) drop_stream();
      return answer;
    }
    return failure("reading the answer of", http::error::bad_status);
  }

  /// Of a connection that was kept: the peer has closed it, or has sent what belongs to no request. Over TLS it may have
  /// been a session ticket: then a connection is opened for nothing.
  bool has_unasked_bytes() const {
    char byte = 0;
    return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }

  void drop_stream() {
    stream_.reset();
    buffer_.clear();
  }

  http::request<http::string_body> message_of(const HttpRequest& request) const {
    http::request<http::string_body> message{http::string_to_verb(request.method), request_target(request.path), 11};
    const bool usual_port = target_.port == (target_.tls ? 443 : 80);
    const bool is_ipv6 = target_.host.find(':') != std::string::npos;
    message.set(http::field::host, (is_ipv6 ? "[" + target_.host + "]" : target_.host) +
                                       (usual_port ? "" : ":" + std::to_string(target_.port)));
    for (const auto& [name, value] : request.headers) message.set(header_name(name), header_value(value));
    message.body() = request.body;
    message.prepare_payload();
    return message;
  }

  const HttpTarget target_;
  std::shared_ptr<SSL_CTX> tls_;
  asio::io_context context_{1};
  std::optional<Stream> stream_;  // connected
  int descriptor_ = -1;           // of stream_, which owns it
  beast::flat_buffer buffer_;
  bool closed_early_ = false;
  bool reached_ = false;
};

}  // namespace

std::optional<HttpUrl> parse_http_url(const std::string& url) {
  HttpUrl parsed;
  HttpTarget& target = parsed.target;
  target.tls = url.starts_with("https://");
  if (!target.tls && !url.starts_with("http://")) return std::nullopt;
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20) return std::nullopt;
  }
  const std::string rest = url.substr(target.tls ? 8 : 7);
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  parsed.path = rest.substr(slash);
  if (parsed.path.empty() || parsed.path.front() != '/') parsed.path.insert(0, "/");
  const std::string authority = rest.substr(0, slash);
  if (authority.find('@') != std::string::npos) return std::nullopt;
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  target.host = authority.substr(0, has_port ? colon : std::string::npos);
  target.port = target.tls ? 443 : 80;
  if (has_port) {
    const char* const end = authority.data() + authority.size();
    const auto read = std::from_chars(authority.data() + colon + 1, end, target.port);
    if (read.ec != std::errc{} || read.ptr != end || target.port == 0) return std::nullopt;
  }
  if (target.host.size() > 2 && target.host.front() == '[') target.host = target.host.substr(1, target.host.size() - 2);
  if (target.host.empty()) return std::nullopt;
  return parsed;
}

std::string_view HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (beast::iequals({key.data(), key.size()}, {name.data(), name.size()})) return value;
  }
  return {};
}

std::optional<std::chrono::seconds> parse_retry_after(const std::string& text, std::int64_t now_unix) {
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc{} && end == text.data() + text.size()) return std::chrono::seconds(seconds);
  std::tm date{};
  const char* const rest = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  return std::chrono::seconds(std::max<std::int64_t>(0, ::timegm(&date) - now_unix));
}

Result<std::unique_ptr<HttpClient>> HttpClient::make(HttpTarget target) {
  auto client = std::make_unique<Client>(std::move(target));
  if (const auto loaded = client->load_tls(); !loaded) return loaded.error();
  return std::unique_ptr<HttpClient>(std::move(client));
}

}  // namespace twinhub::net
