#include "bench/load/registry.hpp"

namespace twinhub::load {

void create_devices(World& world, const std::vector<std::string>& ids) {
  constexpr std::size_t at_a_time = 64;
  std::size_t next = 0, created = 0;
  const auto put = [&](const std::string& id) {
    const std::string body = R"({"deviceId":")" + id +
                             R"(","status":"enabled","authentication":{"type":"sas","symmetricKey":{"primaryKey":")" +
                             world.options.device_key + R"(","secondaryKey":")" + world.options.device_key + R"("}}})";
    world.back_ends().request({"PUT", "/devices/" + id + "?api-version=2021-04-12", {}, body},
                              [&world, &created, id](const auto* answer) {
                                constexpr int ok = 200, already_there = 409;
                                if (answer != nullptr && answer->status != ok && answer->status != already_there)
                                  world.errors.add(Wrong::refused, "creating " + id + ": " + std::string(answer->body));
                                ++created;
                              });
  };
  world.run_until("creating devices", [&] {
    while (next < ids.size() && next - created < at_a_time) put(ids[next++]);
    return created == ids.size();
  });
}

}  // namespace twinhub::load
