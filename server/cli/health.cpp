#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/net/http_client.hpp"

#include <chrono>
#include <iostream>

namespace twinhub::cli {

std::string reachable(const std::string& listen) {
  if (listen == "0.0.0.0") return "127.0.0.1";
  return listen == "::" ? "::1" : listen;
}

int check_health(const config::Settings& settings) {
  const auto client = net::HttpClient::make({.tls = false,
                                             .host = "localhost",
                                             .address = reachable(settings.ops_listen),
                                             .port = settings.ops_port,
                                             .timeout = std::chrono::seconds(5)});
  const auto answer = client ? (*client)->send({.path = "/readyz"}) : client.error();
  if (!answer) {
    std::cerr << "twinhub: the operations port " << settings.ops_port << " does not answer: " << answer.error().detail
              << "\n";
    return exit_unreachable;
  }
  std::cout << answer->body;
  return answer->status == 200 ? exit_ok : exit_failed;
}

}  // namespace twinhub::cli
