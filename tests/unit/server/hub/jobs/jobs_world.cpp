#include "tests/unit/server/hub/jobs/jobs_world.hpp"

#include <future>
#include <stdexcept>
#include <thread>

namespace twinhub::hub {

std::string device_id(int number) {
  const std::string digits = std::to_string(number);
  return "device-" + std::string(3 - digits.size(), '0') + digits;
}

Result<std::string> JobsWorld::create(const std::string& id, std::string_view body) {
  return answer_of<std::string>([&](auto done) { hub.jobs.create(id, body, true, std::move(done)); });
}

Result<std::string> JobsWorld::update(const std::string& id, std::string_view condition, std::string_view more) {
  return create(id, R"({"type":"scheduleUpdateTwin","queryCondition":")" + std::string(condition) +
                        R"(","updateTwin":{"etag":"*","properties":{"desired":{"a":1}}})" + std::string(more) + "}");
}

Result<std::string> JobsWorld::method(const std::string& id, std::string_view condition, std::string_view more) {
  return create(id, R"({"type":"scheduleDeviceMethod","queryCondition":")" + std::string(condition) +
                        R"(","cloudToDeviceMethod":{"methodName":"reboot","payload":{"in":5}})" + std::string(more) +
                        "}");
}

Result<std::string> JobsWorld::cancel(const std::string& id) {
  return answer_of<std::string>([&](auto done) { hub.jobs.cancel(id, std::move(done)); });
}

std::string JobsWorld::job(const std::string& id) {
  const auto shown = answer_of<std::string>([&](auto done) { hub.jobs.get(id, std::move(done)); });
  return shown ? *shown : std::string();
}

std::string JobsWorld::counts(const std::string& id) {
  const std::string shown = job(id);
  std::string all;
  for (const char* name : {"deviceCount", "succeededCount", "failedCount", "runningCount", "pendingCount"})
    all += (all.empty() ? "" : "/") + at(shown, std::string("deviceJobStatistics/") + name);
  return all;
}

void JobsWorld::sync() {
  // Units become durable in order: when this one is, all before it are.
  std::promise<void> durable;
  while (!store->write_records({{storage::RecordKind::cursors, "sync", ""}}, {},
                               [&durable](const Result<void>&, storage::Outbox&) { durable.set_value(); })) {
    std::this_thread::yield();  // the queue is full
  }
  durable.get_future().get();
}

bool JobsWorld::tick_until(const std::function<bool()>& reached) {
  constexpr int ticks_max = 20'000;
  for (int i = 0; i < ticks_max; ++i) {
    if (reached()) return true;
    hub.tick();
    sync();
  }
  return false;
}

std::string JobsWorld::run(const std::string& id) {
  std::string shown;
  const bool ended = tick_until([&] {
    shown = status(id);
    return shown == "\"completed\"" || shown == "\"failed\"" || shown == "\"cancelled\"";
  });
  return ended ? shown.substr(1, shown.size() - 2) : "never ended: " + shown;
}

std::vector<std::string> JobsWorld::rows(const std::string& job) {
  std::vector<std::string> all;
  const auto scanned = hub.jobs.scan(job, {}, [&](std::string_view, std::string_view json) {
    all.emplace_back(json);
    return true;
  });
  if (!scanned) throw std::runtime_error(scanned.error().detail);
  return all;
}

std::vector<std::string> JobsWorld::outcomes(const std::string& job) {
  const auto plain = [](std::string text) { return text.size() < 2 ? text : text.substr(1, text.size() - 2); };
  std::vector<std::string> all;
  for (const std::string& row : rows(job)) {
    std::string text = plain(at(row, "deviceId"));
    if (const std::string module = plain(at(row, "moduleId")); !module.empty()) text += "/" + module;
    text += " " + plain(at(row, "status"));
    if (const std::string code = plain(at(row, "error/code")); !code.empty()) text += " " + code;
    all.push_back(text);
  }
  return all;
}

std::size_t JobsWorld::changes(const std::string& device) const {
  std::size_t count = 0;
  for (const auto& event : events({device, ""})) count += event.source == storage::EventSource::twin_change ? 1U : 0U;
  return count;
}

void JobsWorld::create_devices(int count) {
  for (int i = 0; i < count; ++i) {
    if (!put({device_id(i), ""})) throw std::runtime_error("a device cannot be created");
  }
}

}  // namespace twinhub::hub
