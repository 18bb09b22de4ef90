#include "server/events/http_client.hpp"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <ctime>

namespace twinhub::events {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Plain = beast::tcp_stream;
using Secure = beast::ssl_stream<beast::tcp_stream>;

constexpr std::chrono::milliseconds stop_look{50};
constexpr std::chrono::seconds last_answer{1};  // after stop was asked for
constexpr std::uint64_t answer_bytes_max = 1U << 20;

struct Place {
  bool secure = false;
  std::string host, port, path;
};

std::optional<Place> place_of(const std::string& url) {
  Place place;
  place.secure = url.starts_with("https://");
  const std::string rest = url.substr(place.secure ? 8 : 7);
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  place.path = rest.substr(slash);
  if (place.path.empty() || place.path.front() != '/') place.path.insert(0, "/");
  const std::string authority = rest.substr(0, slash);
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  place.host = authority.substr(0, has_port ? colon : std::string::npos);
  place.port = has_port ? authority.substr(colon + 1) : place.secure ? "443" : "80";
  if (place.host.size() > 2 && place.host.front() == '[') place.host = place.host.substr(1, place.host.size() - 2);
  if (place.host.empty() || place.port.empty() || authority.find('@') != std::string::npos) return std::nullopt;
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20) return std::nullopt;
  }
  return place;
}

class Client final : public HttpClient {
 public:
  Client(HttpTarget target, Place place) : target_(std::move(target)), place_(std::move(place)), resolver_(context_) {}

  Result<void> load_tls() {
    if (!place_.secure) return {};
    beast::error_code error;
    if (target_.ca.empty()) {
      tls_.set_default_verify_paths(error);
    } else {
      tls_.load_verify_file(target_.ca, error);
    }
    if (!error && !target_.certificate.empty()) tls_.use_certificate_chain_file(target_.certificate, error);
    if (!error && !target_.private_key.empty())
      tls_.use_private_key_file(target_.private_key, asio::ssl::context::pem, error);
    if (error)
      return fail(Errc::argument_invalid, target_.url + ": a certificate or key cannot be used: " + error.message());
    return {};
  }

  Result<HttpAnswer> post(const std::string& body, const std::string& content_type,
                          const std::stop_token& stop) override {
    const bool kept = connected();
    auto answer = try_post(body, content_type, stop);
    if (!answer && kept && !stop.stop_requested() && closed_early_) answer = try_post(body, content_type, stop);
    return answer;
  }

 private:
  [[nodiscard]] bool connected() const { return plain_ != nullptr || secure_ != nullptr; }
  [[nodiscard]] Plain& lowest() { return plain_ ? *plain_ : beast::get_lowest_layer(*secure_); }
  void drop() {
    plain_.reset();
    secure_.reset();
    buffer_.clear();
  }

  /// Runs one asynchronous step to its end or until stop.
  template <class Start>
  beast::error_code run(const std::stop_token& stop, Start&& start) {
    beast::error_code outcome = asio::error::operation_aborted;
    bool done = false;
    start([&](beast::error_code error, auto&&...) {
      outcome = error;
      done = true;
    });
    context_.restart();
    auto cancel_at = std::chrono::steady_clock::time_point::max();
    while (!done) {
      context_.run_for(stop_look);
      // An orderly stop makes no duplicates: the answer may still come.
      if (stop.stop_requested()) cancel_at = std::min(cancel_at, std::chrono::steady_clock::now() + last_answer);
      if (done || std::chrono::steady_clock::now() < cancel_at) {
        context_.restart();
        continue;
      }
      resolver_.cancel();
      if (connected()) lowest().cancel();
      context_.restart();
      context_.run();
    }
    return outcome;
  }

  Result<void> connect(const std::stop_token& stop) {
    tcp::resolver::results_type found;
    auto error = run(stop, [&](auto done) {
      resolver_.async_resolve(place_.host, place_.port, [&found, done](beast::error_code code, auto results) mutable {
        found = results;
        done(code);
      });
    });
    if (error) return failure("finding the address", error);
    if (place_.secure) {
      secure_ = std::make_unique<Secure>(context_, tls_);
      secure_->set_verify_mode(asio::ssl::verify_peer);
      secure_->set_verify_callback(asio::ssl::host_name_verification(place_.host));
      // SSL_set_tlsext_host_name, without its cast: macros of C are not clean in C++.
      SSL_ctrl(secure_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(place_.host.c_str()));
    } else {
      plain_ = std::make_unique<Plain>(context_);
    }
    lowest().expires_after(target_.timeout);
    error = run(stop, [&](auto done) { lowest().async_connect(found, done); });
    if (!error && secure_) {
      lowest().expires_after(target_.timeout);
      error = run(stop, [&](auto done) { secure_->async_handshake(asio::ssl::stream_base::client, done); });
    }
    if (error) return failure("connecting", error);
    return {};
  }

  Error failure(const char* step, const beast::error_code& error) {
    drop();
    return fail(Errc::service_unavailable, target_.url + ": " + step + " failed: " + error.message());
  }

  Result<HttpAnswer> try_post(const std::string& body, const std::string& content_type, const std::stop_token& stop) {
    closed_early_ = false;
    if (!connected()) {
      if (const auto opened = connect(stop); !opened) return opened.error();
    }
    http::request<http::string_body> request{http::verb::post, place_.path, 11};
    request.set(http::field::host,
                place_.host + (place_.port == "80" || place_.port == "443" ? "" : ":" + place_.port));
    request.set(http::field::user_agent, "twinhub");
    request.set(http::field::content_type, content_type);
    for (const auto& [name, value] : target_.headers) request.set(name, value);
    request.body() = body;
    request.prepare_payload();
    lowest().expires_after(target_.timeout);
    auto error = run(stop, [&](auto done) {
      plain_ ? http::async_write(*plain_, request, done) : http::async_write(*secure_, request, done);
    });
    closed_early_ = error && error != beast::error::timeout;
    if (error) return failure("sending", error);
    http::response_parser<http::string_body> parser;
    parser.body_limit(answer_bytes_max);
    lowest().expires_after(target_.timeout);
    error = run(stop, [&](auto done) {
      plain_ ? http::async_read(*plain_, buffer_, parser, done) : http::async_read(*secure_, buffer_, parser, done);
    });
    closed_early_ = error == http::error::end_of_stream || error == asio::error::connection_reset;
    if (error) return failure("the answer", error);
    HttpAnswer answer{parser.get().result_int(), std::nullopt};
    const auto header = parser.get()[http::field::retry_after];
    if (!header.empty()) answer.retry_after = parse_retry_after(std::string(header), std::time(nullptr));
    if (!parser.get().keep_alive()) drop();
    return answer;
  }

  HttpTarget target_;
  Place place_;
  asio::io_context context_{1};
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  tcp::resolver resolver_;
  std::unique_ptr<Plain> plain_;
  std::unique_ptr<Secure> secure_;
  beast::flat_buffer buffer_;
  bool closed_early_ = false;
};

}  // namespace

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
  auto place = place_of(target.url);
  if (!place) return fail(Errc::argument_invalid, "'" + target.url + "' is no URL of a web server");
  auto client = std::make_unique<Client>(std::move(target), std::move(*place));
  if (const auto loaded = client->load_tls(); !loaded) return loaded.error();
  return std::unique_ptr<HttpClient>(std::move(client));
}

}  // namespace twinhub::events
