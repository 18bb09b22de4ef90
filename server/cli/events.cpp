#include "protocol/iothub/property_bag.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <iostream>

namespace twinhub::cli {
namespace {

namespace asio = boost::asio;

std::string query_of(const TailOptions& options) {
  std::string query = "?from=" + iothub::percent_encode(options.from);
  if (!options.device.empty()) query += "&device=" + iothub::percent_encode(options.device);
  if (!options.source.empty()) query += "&source=" + iothub::percent_encode(options.source);
  return query;
}

/// Lines of the stream, one after the other; throws boost::system::system_error at its end.
class Lines {
 public:
  explicit Lines(asio::ip::tcp::socket& socket) : socket_(socket) {}
  std::string next() {
    asio::read_until(socket_, buffer_, '\n');
    std::string line;
    std::getline(in_, line);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
  }

 private:
  asio::ip::tcp::socket& socket_;
  asio::streambuf buffer_;
  std::istream in_{&buffer_};
};

int print_stream(Lines& lines, const TailOptions& options) {
  const std::string status = lines.next();
  while (!lines.next().empty()) {
  }
  if (status.find(" 200 ") == std::string::npos) {
    std::cerr << "twinhub: " << lines.next() << "\n";
    return exit_usage;
  }
  constexpr std::string_view data = "data: ";
  for (std::uint64_t printed = 0; options.count == 0 || printed < options.count;) {
    const std::string line = lines.next();
    if (!line.starts_with(data)) continue;
    std::cout << std::string_view(line).substr(data.size()) << std::endl;
    if (!std::cout) return exit_failed;  // whoever read this has gone
    ++printed;
  }
  return exit_ok;
}

}  // namespace

int tail_events(const config::Settings& settings, const TailOptions& options) {
  try {
    asio::io_context context;
    asio::ip::tcp::socket socket(context);
    socket.connect({asio::ip::make_address(reachable(settings.ops_listen)), settings.ops_port});
    asio::write(socket, asio::buffer("GET /events" + query_of(options) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    Lines lines(socket);
    return print_stream(lines, options);
  } catch (const boost::system::system_error& error) {
    std::cerr << "twinhub: the operations port " << settings.ops_port << ": " << error.code().message() << "\n";
    return exit_failed;
  }
}

}  // namespace twinhub::cli
