// A console on a hub without doors: requests as the operations port hands them on.
#pragma once

#include "server/console/site.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <algorithm>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/http/field.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::console {

inline constexpr ops::FigureInfo test_figures[] = {{"connected", "twinhub_connected_identities"}};

struct ConsoleWorld {
  explicit ConsoleWorld(ApiOptions options = {}) {
    options.hub_name = "hub";
    options.build = "cafe";
    api.emplace(ApiParts{world.hub, sessions, notices, stream,
                         [this](rest::IndirectRequest call) {
                           calls.push_back(call.request);
                           rights = call.rights;
                           call.answered({200, "{}", {{"ETag", "\"x\""}}});
                         }},
                std::move(options));
    site.emplace(*api, EmbeddedAssets{}, SiteOptions{{"hub.example"}});
  }
  ~ConsoleWorld() {
    pending->stop();
    workers.join();
  }

  using Headers = std::vector<std::pair<std::string, std::string>>;
  /// As a client on `peer` sends it, to localhost unless a Host is among the headers.
  ops::SiteAnswer send(std::string_view method, std::string_view target, const std::string& body = {},
                       Headers headers = {}) {
    namespace http = boost::beast::http;
    ops::SiteRequest request(http::string_to_verb({method.data(), method.size()}), {target.data(), target.size()}, 11);
    request.set(http::field::host, "localhost:9600");
    if (!body.empty()) {
      request.set(http::field::content_type, "application/json");
      request.set(http::field::content_length, std::to_string(body.size()));
    }
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    for (const auto& [name, value] : headers) request.set(name, value);
    auto admitted = site->admit(request.base(), {}, peer);
    if (auto* refused = std::get_if<ops::SiteAnswer>(&admitted)) return *refused;
    request.body() = body;
    std::optional<ops::SiteAnswer> answer;
    site->answer(std::move(request), peer, [&answer](ops::SiteAnswer given) { answer = std::move(given); });
    return answer.value_or(ops::SiteAnswer{.status = 0});
  }
  void log_in(const std::string& policy, char key) {
    token.clear();
    const auto answer =
        send("POST", "/console/api/session", R"({"policy":")" + policy + R"(","key":")" + hub::test_key(key) + "\"}");
    ASSERT_EQ(answer.status, 201U) << answer.body;
    token = json::parse(answer.body)->root().find("token")->string().value_or("");
  }
  static std::string header(const ops::SiteAnswer& answer, std::string_view name) {
    const auto found = std::find_if(answer.headers.begin(), answer.headers.end(),
                                    [name](const auto& each) { return each.first == name; });
    return found == answer.headers.end() ? "(absent)" : found->second;
  }

  hub::World world;
  notices::Notices notices;
  ops::FiguresHistory figures{test_figures};
  boost::asio::thread_pool workers{1};
  std::shared_ptr<PendingCount> pending = std::make_shared<PendingCount>(*world.store, world.clock, workers);
  Sessions sessions{world.hub.authenticator, world.clock, world.random};
  StreamParts stream{world.hub, notices, figures, *pending, sessions, "hub", "cafe"};
  std::vector<rest::Request> calls;
  hub::Right rights = hub::Right::none;
  std::optional<Api> api;
  std::optional<Site> site;
  boost::asio::ip::address peer = boost::asio::ip::make_address("127.0.0.1");
  std::string token;
};

}  // namespace twinhub::console
