#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/ops_reader.hpp"
#include "server/net/http_client.hpp"

#include <chrono>
#include <iostream>
#include <utility>

namespace twinhub::cli {

std::string reachable(const std::string& listen) {
  if (listen == "0.0.0.0") return "127.0.0.1";
  return listen == "::" ? "::1" : listen;
}

int check_health(const config::Settings& settings) {
  net::HttpTarget target = ops_target(settings);
  target.timeout = std::chrono::seconds(5);
  const auto client = net::HttpClient::make(std::move(target));
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
