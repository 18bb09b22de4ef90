#include "server/cli/event_stream.hpp"

#include "server/cli/ops_reader.hpp"
#include "server/cli/remote_hub.hpp"
#include "server/net/client_tls.hpp"
#include "server/net/stream.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <istream>
#include <optional>
#include <utility>

namespace twinhub::cli {
namespace {

namespace asio = boost::asio;

Error unreachable(const config::Settings& settings, const boost::system::error_code& error) {
  return fail(Errc::service_unavailable,
              "the operations port " + std::to_string(settings.ops_port) + ": " + error.message());
}

std::string request_for(const config::Settings& settings, const std::string& query) {
  std::string request = "GET /events?" + query +
                        " HTTP/1.1\r\nHost: " + (is_remote(settings) ? settings.ops_listen : "localhost") + "\r\n";
  // A hub in another network namespace does not take this for its own machine.
  if (!settings.ops_token.empty()) request += "Authorization: Bearer " + settings.ops_token + "\r\n";
  return request + "\r\n";
}

}  // namespace

struct EventStream::Connection {
  explicit Connection(const config::Settings& settings_in) : settings(settings_in) {}

  /// Throws boost::system::system_error at the end of the stream, and after the longest silence.
  std::string line(std::chrono::milliseconds silence) {
    finish([this](auto done) { asio::async_read_until(*stream, buffer, '\n', done); }, silence);
    std::string line;
    std::getline(in, line);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
  }

  /// Begins an operation and waits for its end. Throws boost::system::system_error.
  template <typename Begin>
  void finish(Begin begin, std::chrono::milliseconds silence) {
    boost::system::error_code outcome = asio::error::timed_out;
    begin([&outcome](const boost::system::error_code& error, const auto&...) { outcome = error; });
    context.restart();
    context.run_for(silence);
    if (!context.stopped()) {
      socket.close();
      if (stream) stream->close();
      context.run();  // the operation's end, which refers to `outcome`
      outcome = asio::error::timed_out;
    }
    if (outcome) throw boost::system::system_error(outcome);
  }

  /// Throws boost::system::system_error.
  void open(const net::HttpTarget& target, std::shared_ptr<SSL_CTX> tls, std::chrono::milliseconds silence) {
    asio::ip::tcp::resolver resolver(context);
    const auto places = resolver.resolve(target.address, std::to_string(target.port));
    finish([&](auto done) { asio::async_connect(socket, places, done); }, silence);
    stream.emplace(std::move(socket), std::move(tls));
    if (SSL* const ssl = stream->ssl()) net::expect_host(ssl, target.host);
    finish([this](auto done) { stream->async_handshake(net::Stream::Side::client, done); }, silence);
  }

  const config::Settings& settings;
  asio::io_context context;
  asio::ip::tcp::socket socket{context};  // until it is connected
  std::optional<net::Stream> stream;
  asio::streambuf buffer;
  std::istream in{&buffer};
};

EventStream::EventStream(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
EventStream::~EventStream() = default;
EventStream::EventStream(EventStream&&) noexcept = default;
EventStream& EventStream::operator=(EventStream&&) noexcept = default;

Result<EventStream> EventStream::open(const config::Settings& settings, const std::string& query,
                                      std::chrono::milliseconds silence) {
  const net::HttpTarget target = ops_target(settings);
  auto tls = net::make_client_context(target);
  if (!tls) return tls.error();
  try {
    auto connection = std::make_unique<Connection>(settings);
    connection->open(target, std::move(*tls), silence);
    const std::string request = request_for(settings, query);
    connection->finish([&](auto done) { asio::async_write(*connection->stream, asio::buffer(request), done); },
                       silence);
    const std::string status = connection->line(silence);
    while (!connection->line(silence).empty()) {
    }
    const bool is_busy = status.find(" 503 ") != std::string::npos;
    if (status.find(" 200 ") == std::string::npos)
      return fail(is_busy ? Errc::service_unavailable : Errc::argument_invalid, connection->line(silence));
    return EventStream(std::move(connection));
  } catch (const boost::system::system_error& error) {
    return unreachable(settings, error.code());
  }
}

Result<EventStream::Event> EventStream::next(std::chrono::milliseconds silence) {
  const auto rest_behind = [](const std::string& line, std::string_view name) {
    return line.starts_with(name) ? std::optional(line.substr(name.size())) : std::nullopt;
  };
  Event event;
  try {
    while (true) {
      const std::string line = connection_->line(silence);
      if (auto position = rest_behind(line, "id: ")) event.position = std::move(*position);
      if (auto data = rest_behind(line, "data: ")) event.data = std::move(*data);
      if (line.empty() && !event.position.empty()) return event;
    }
  } catch (const boost::system::system_error& error) {
    return unreachable(connection_->settings, error.code());
  }
}

}  // namespace twinhub::cli
