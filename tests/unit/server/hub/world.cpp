#include "tests/unit/server/hub/world.hpp"
#include "storage/rocksdb/rocksdb_store.hpp"

#include <stdexcept>

namespace twinhub::hub {
namespace {

std::vector<Policy> policies() {
  const auto policy = [](std::string name, Right rights, char key) {
    return Policy{std::move(name), rights, test_key(key), test_key(static_cast<char>(key + 1))};
  };
  return {
      policy("iothubowner",
             Right::registry_read | Right::registry_write | Right::service_connect | Right::device_connect, 'A'),
      policy("service", Right::service_connect, 'C'),
      policy("device", Right::device_connect, 'E'),
      policy("registryRead", Right::registry_read, 'G'),
      policy("registryReadWrite", Right::registry_read | Right::registry_write, 'I'),
  };
}

}  // namespace

IfMatch header(const std::optional<std::string>& text) {
  return parse_if_match(text ? std::optional<std::string_view>(*text) : std::nullopt);
}

std::string test_key(char c) { return base64_encode(std::string(32, c)); }

storage::StoreOptions memory_options() {
  storage::StoreOptions options;
  options.durability = storage::Durability::memory;
  return options;
}

std::unique_ptr<storage::Store> open_store(storage::StoreOptions options, const Clock& clock) {
  options.now = [&clock] { return clock.now(); };
  options.steady = [&clock] { return clock.steady(); };
  options.settled = [&clock] { return clock.settled(); };
  auto store = storage::open_rocksdb_store(std::move(options));
  if (!store) throw std::runtime_error(store.error().detail);
  return std::move(*store);
}

World::World(storage::StoreOptions options, const HubOptions& hub_options)
    : store(open_store(std::move(options), clock)), hub(*store, clock, random, policies(), links, hub_options) {
  if (const auto recovered = hub.recover(); !recovered) throw std::runtime_error(recovered.error().detail);
}

Result<Registry::Answer> World::put(const IdentityId& id, std::string_view body, std::optional<std::string> if_match) {
  return answer_of<Registry::Answer>([&](auto done) { hub.registry.put(id, body, header(if_match), std::move(done)); });
}

Result<Registry::Answer> World::get(const IdentityId& id) {
  return answer_of<Registry::Answer>([&](auto done) { hub.registry.get(id, std::move(done)); });
}

Result<void> World::remove(const IdentityId& id, std::optional<std::string> if_match) {
  return answer_of<void>([&](auto done) { hub.registry.remove(id, header(if_match), std::move(done)); });
}

Result<Twins::Answer> World::twin(const IdentityId& id, Twins::Dialect dialect) {
  return answer_of<Twins::Answer>([&](auto done) { hub.twins.get(id, dialect, std::move(done)); });
}

Result<Twins::Answer> World::patch(const IdentityId& id, std::string_view body, std::optional<std::string> if_match,
                                   Twins::Dialect dialect) {
  return answer_of<Twins::Answer>(
      [&](auto done) { hub.twins.patch(id, body, header(if_match), dialect, std::move(done)); });
}

Result<Twins::Answer> World::replace(const IdentityId& id, std::string_view body, std::optional<std::string> if_match) {
  return answer_of<Twins::Answer>(
      [&](auto done) { hub.twins.replace(id, body, header(if_match), {}, std::move(done)); });
}

Result<std::string> World::device_view(const IdentityId& id) {
  return answer_of<std::string>([&](auto done) { hub.twins.get_device_view(id, std::move(done)); });
}

Result<std::uint64_t> World::report(const IdentityId& id, std::string_view body, std::optional<std::uint64_t> version) {
  return answer_of<std::uint64_t>([&](auto done) { hub.twins.patch_reported(id, body, version, std::move(done)); });
}

std::vector<storage::Event> World::events(const IdentityId& id) const {
  std::vector<storage::Event> found;
  const auto read = store->read_events(store->event_partition_of(id), 0, [&](const storage::StoredEvent& stored) {
    if (stored.event.id == id) found.push_back(stored.event);
    return true;
  });
  if (!read) throw std::runtime_error(read.error().detail);
  return found;
}

iothub::Identity World::identity(const IdentityId& id) const {
  const auto read = store->read(id);
  if (!read || !read->entity.identity) throw std::runtime_error("no identity " + id.device + "/" + id.module);
  return *read->entity.identity;
}

std::string at(std::string_view json_text, std::string_view path) {
  const auto document = json::parse(json_text);
  if (!document) return "(no JSON)";
  std::optional<json::Value> value = document->root();
  while (value && !path.empty()) {
    const std::size_t slash = path.find('/');
    value = value->find(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return value ? std::string(value->text()) : "";
}

std::string value_of(const std::vector<iothub::Property>& properties, std::string_view name) {
  for (const auto& property : properties) {
    if (property.name == name) return property.value.value_or("(null)");
  }
  return "(absent)";
}

}  // namespace twinhub::hub
