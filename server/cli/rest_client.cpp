#include "server/cli/rest_client.hpp"

#include "protocol/iothub/sas_token.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/credentials.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <optional>

namespace twinhub::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Stream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::uint64_t token_life_seconds = 300;

std::string authorization(const iothub::ConnectionString& credentials) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return iothub::make_sas_token(credentials.host_name, credentials.shared_access_key,
                                static_cast<std::uint64_t>(now.count()) + token_life_seconds, credentials.policy);
}

/// Runs one asynchronous step to its end, so that the stream's time limit applies to it.
template <class Start>
beast::error_code run(asio::io_context& context, Start&& start) {
  beast::error_code outcome;
  start([&outcome](beast::error_code error, auto&&...) { outcome = error; });
  context.restart();
  context.run();
  return outcome;
}

Error failure(const RestTarget& target, std::string_view step, const beast::error_code& error) {
  return fail(Errc::service_unavailable, std::string(step) + " " + target.address + ":" + std::to_string(target.port) +
                                             " failed: " + error.message());
}

}  // namespace

Result<RestTarget> local_target(const config::Settings& settings, const std::string& policy) {
  auto credentials = policy_credentials(settings, policy);
  if (!credentials) return credentials.error();
  const bool anywhere = settings.listen == "0.0.0.0" || settings.listen == "::";
  RestTarget target;
  target.credentials = std::move(*credentials);
  if (!anywhere) target.address = settings.listen;
  target.port = settings.https_port;
  target.ca_file = std::filesystem::path(settings.data_dir) / "tls" / "ca.pem";
  return target;
}

std::string message_of(const RestAnswer& answer) {
  const auto document = json::parse(answer.body);
  const auto message = document ? document->root().find("Message") : std::nullopt;
  const auto text = message ? message->string() : std::nullopt;
  if (!text) return answer.body;
  // Direct methods have JSON text in there.
  const auto inner = json::parse(*text);
  const auto inner_message = inner ? inner->root().find("message") : std::nullopt;
  return inner_message ? inner_message->string().value_or(*text) : *text;
}

Result<RestAnswer> call(const RestTarget& target, std::string_view method, std::string_view path, std::string_view body,
                        std::string_view if_match) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  beast::error_code error;
  tls.load_verify_file(target.ca_file.string(), error);
  if (error)
    return fail(Errc::service_unavailable,
                "the CA file " + target.ca_file.string() + " cannot be read: " + error.message());

  asio::io_context context;
  Stream stream(context, tls);
  stream.set_verify_mode(asio::ssl::verify_peer);
  stream.set_verify_callback(asio::ssl::host_name_verification(target.credentials.host_name));
  // SSL_set_tlsext_host_name, without its cast: macros of C are not clean in C++.
  SSL_ctrl(stream.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(target.credentials.host_name.c_str()));
  auto& socket = beast::get_lowest_layer(stream);
  socket.expires_after(target.time_limit);

  const auto address = asio::ip::make_address(target.address, error);
  if (error) return failure(target, "reading the address", error);
  error = run(context, [&](auto done) { socket.async_connect({address, target.port}, done); });
  if (error) return failure(target, "connecting to", error);
  error = run(context, [&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, done); });
  if (error) return failure(target, "the TLS handshake with", error);

  http::request<http::string_body> request{http::string_to_verb(method), path, 11};
  request.set(http::field::host, target.credentials.host_name);
  request.set(http::field::authorization, authorization(target.credentials));
  request.set(http::field::user_agent, "twinhub-cli");
  request.set(http::field::content_type, "application/json; charset=utf-8");
  request.set(http::field::connection, "close");
  if (!if_match.empty()) request.set(http::field::if_match, if_match);
  request.body() = body;
  request.prepare_payload();
  error = run(context, [&](auto done) { http::async_write(stream, request, done); });
  if (error) return failure(target, "sending to", error);

  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  error = run(context, [&](auto done) { http::async_read(stream, buffer, response, done); });
  if (error) return failure(target, "reading the answer of", error);
  return RestAnswer{response.result_int(), std::move(response.body())};
}

}  // namespace twinhub::cli
