#include "server/cli/event_stream.hpp"

#include "server/cli/commands.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <istream>
#include <utility>

namespace twinhub::cli {
namespace {

namespace asio = boost::asio;

Error unreachable(const config::Settings& settings, const boost::system::error_code& error) {
  return fail(Errc::service_unavailable,
              "the operations port " + std::to_string(settings.ops_port) + ": " + error.message());
}

}  // namespace

struct EventStream::Connection {
  explicit Connection(const config::Settings& settings_in) : settings(settings_in) {}

  /// Throws boost::system::system_error at the end of the stream.
  std::string line() {
    asio::read_until(socket, buffer, '\n');
    std::string line;
    std::getline(in, line);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
  }

  const config::Settings& settings;
  asio::io_context context;
  asio::ip::tcp::socket socket{context};
  asio::streambuf buffer;
  std::istream in{&buffer};
};

EventStream::EventStream(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
EventStream::~EventStream() = default;
EventStream::EventStream(EventStream&&) noexcept = default;
EventStream& EventStream::operator=(EventStream&&) noexcept = default;

Result<EventStream> EventStream::open(const config::Settings& settings, const std::string& query) {
  try {
    auto connection = std::make_unique<Connection>(settings);
    connection->socket.connect({asio::ip::make_address(reachable(settings.ops_listen)), settings.ops_port});
    asio::write(connection->socket, asio::buffer("GET /events?" + query + " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    const std::string status = connection->line();
    while (!connection->line().empty()) {
    }
    if (status.find(" 200 ") == std::string::npos) return fail(Errc::argument_invalid, connection->line());
    return EventStream(std::move(connection));
  } catch (const boost::system::system_error& error) {
    return unreachable(settings, error.code());
  }
}

Result<EventStream::Event> EventStream::next() {
  const auto rest_behind = [](const std::string& line, std::string_view name) {
    return line.starts_with(name) ? std::optional(line.substr(name.size())) : std::nullopt;
  };
  Event event;
  try {
    while (true) {
      const std::string line = connection_->line();
      if (auto position = rest_behind(line, "id: ")) event.position = std::move(*position);
      if (auto data = rest_behind(line, "data: ")) event.data = std::move(*data);
      if (line.empty() && !event.data.empty()) return event;
    }
  } catch (const boost::system::system_error& error) {
    return unreachable(connection_->settings, error.code());
  }
}

}  // namespace twinhub::cli
