#include "tests/unit/server/management/arm/arm_world.hpp"

#include <stdexcept>

namespace twinhub::management {
namespace {

void read_query(std::string_view text, std::map<std::string, std::string>& query) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    const std::size_t equals = pair.find('=');
    query[std::string(pair.substr(0, equals))] = std::string(pair.substr(equals + 1));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
  }
}

}  // namespace

std::string code_of(const ArmAnswer& answer) { return at(answer.body, "error/code"); }
std::string message_of(const ArmAnswer& answer) { return at(answer.body, "error/message"); }

ArmWorld::ArmWorld(ArmOptions options_in, std::unique_ptr<hub::World> world_in)
    : world(world_in ? std::move(world_in) : std::make_unique<hub::World>()), options(std::move(options_in)) {
  options.subscription = subscription;
  options.tenant = "99999999-2222-3333-4444-555555555555";
  options.routing.fallback = {"$fallback", "DeviceMessages", "true", {"events"}, true};
  options.keep_policies = [this](const std::vector<hub::Policy>& policies) -> Result<void> {
    if (keeping_fails) return fail(Errc::service_unavailable, "the disk is full");
    kept = policies;
    return {};
  };
  restart();
}

void ArmWorld::restart() {
  manager = std::make_unique<ResourceManager>(world->hub, world->random, options);
  if (const auto loaded = manager->load(); !loaded) throw std::runtime_error(loaded.error().detail);
}

ArmAnswer ArmWorld::ask(std::string_view method, const std::string& path, std::string body, std::string if_match) {
  ArmRequest request{.method = std::string(method),
                     .if_match = std::move(if_match),
                     .body = std::move(body),
                     .client = "iothubowner",
                     .host = "hub.example"};
  const std::size_t mark = std::min(path.find('?'), path.size());
  if (mark < path.size()) read_query(std::string_view(path).substr(mark + 1), request.query);
  request.query.emplace("api-version", "2023-06-30");
  std::string_view rest = std::string_view(path).substr(0, mark);
  while (!rest.empty()) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (!segment.empty()) request.segments.emplace_back(segment);
    rest.remove_prefix(std::min(segment.size() + 1, rest.size()));
  }
  ArmAnswer answer = manager->answer(request);
  EXPECT_TRUE(answer.body.empty() || json::parse(answer.body)) << answer.body;
  return answer;
}

ArmAnswer ArmWorld::create_hub() {
  EXPECT_EQ(ask("PUT", group_path, R"({"location":"westus2"})").status, 201);
  return ask("PUT", hub_path, R"({"location":"westus2","sku":{"name":"S1","capacity":1},"properties":{}})");
}

}  // namespace twinhub::management
