#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <iostream>

namespace twinhub::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::seconds time_limit{5};

}  // namespace

std::string reachable(const std::string& listen) {
  if (listen == "0.0.0.0") return "127.0.0.1";
  return listen == "::" ? "::1" : listen;
}

int check_health(const config::Settings& settings) {
  asio::io_context context;
  beast::tcp_stream stream(context);
  beast::flat_buffer buffer;
  http::request<http::empty_body> request{http::verb::get, "/readyz", 11};
  request.set(http::field::host, "localhost");
  request.keep_alive(false);
  http::response<http::string_body> response;
  beast::error_code outcome = asio::error::timed_out;
  stream.expires_after(time_limit);
  beast::error_code error;
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(reachable(settings.ops_listen), error),
                                         settings.ops_port);
  stream.async_connect(endpoint, [&](beast::error_code connected) {
    if (connected) return void(outcome = connected);
    http::async_write(stream, request, [&](beast::error_code written, std::size_t) {
      if (written) return void(outcome = written);
      http::async_read(stream, buffer, response, [&](beast::error_code read, std::size_t) { outcome = read; });
    });
  });
  context.run();
  if (outcome) {
    std::cerr << "twinhub: the operations port " << settings.ops_port << " does not answer: " << outcome.message()
              << "\n";
    return exit_failed;
  }
  std::cout << response.body();
  return response.result() == http::status::ok ? exit_ok : exit_failed;
}

}  // namespace twinhub::cli
