// What the tests of configurations share: bodies, calls that wait for their answer, and a hub on a store in memory.
#pragma once

#include "server/hub/configurations/configuration_store.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace twinhub::hub {

using Answer = ConfigurationStore::Answer;

/// A deviceContent body; `more` begins with a comma.
inline std::string body_of(std::string_view value, std::string_view target, std::string_view more = "",
                           std::string_view path = "properties.desired.c") {
  return R"({"content":{"deviceContent":{")" + std::string(path) + R"(":)" + std::string(value) +
         R"(}},"targetCondition":")" + std::string(target) + '"' + std::string(more) + "}";
}

inline Result<Answer> put_in(Hub& hub, const std::string& id, const std::string& body,
                             std::optional<std::string> if_match) {
  return answer_of<Answer>([&](auto done) { hub.configurations.put(id, body, header(if_match), std::move(done)); });
}

inline Result<Answer> report_of(Hub& hub, const std::string& id) {
  auto run = id.empty() ? hub.configuration_reports.begin_all() : hub.configuration_reports.begin(id);
  if (!run) return run.error();
  while ((*run)->step()) {
  }
  return (*run)->take();
}

/// Ticks until nothing waits; what a tick writes is durable before the next one.
inline void settle(Hub& hub) {
  for (int i = 0; i < 10'000; ++i) {
    hub.tick();
    EXPECT_TRUE(answer_of<void>([&](auto done) {
      ASSERT_TRUE(hub.store.write_records(
          {{storage::RecordKind::cursors, "settle", ""}}, {},
          [done](const Result<void>& durable, storage::Outbox& outbox) { done(durable, outbox); }));
    }));
    const auto figures = hub.configuration_rollout.figures();
    if (figures.waiting == 0 && figures.in_flight == 0 && !figures.pass) return;
  }
  FAIL() << "the rollout does not come to rest";
}

inline HubOptions bounded_by(const ConfigurationOptions& configurations) {
  HubOptions options;
  options.configurations = configurations;
  return options;
}

struct ConfigurationsTest : testing::Test {
  Result<Answer> put(const std::string& id, const std::string& body, std::optional<std::string> if_match = {}) {
    return put_in(world->hub, id, body, std::move(if_match));
  }
  Result<void> remove(const std::string& id, std::optional<std::string> if_match = {}) {
    return answer_of<void>([&](auto done) { world->hub.configurations.remove(id, header(if_match), std::move(done)); });
  }
  Result<void> apply(const std::string& device, const std::string& body) {
    return answer_of<void>([&](auto done) { world->hub.edge_content.apply(device, body, std::move(done)); });
  }
  std::string shown(const std::string& id, std::string_view path) { return at(report_of(world->hub, id)->json, path); }
  void rest() { settle(world->hub); }
  std::string of_twin(const IdentityId& id, std::string_view path) { return at(world->twin(id)->json, path); }
  std::string desired(const IdentityId& id, const std::string& name) {
    return of_twin(id, "properties/desired/" + name);
  }
  std::string status(const IdentityId& id, const std::string& configuration) {
    return of_twin(id, "configurations/" + configuration + "/status");
  }
  void tag(const IdentityId& id, const std::string& tags) { ASSERT_TRUE(world->patch(id, R"({"tags":)" + tags + "}")); }

  std::unique_ptr<World> world = std::make_unique<World>();
};

}  // namespace twinhub::hub
