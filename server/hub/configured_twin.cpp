#include "server/hub/configured_twin.hpp"

#include "protocol/twin/patch.hpp"
#include "server/hub/change_events.hpp"

#include <utility>

namespace twinhub::hub {

iothub::Identity edge_module_identity(const IdentityId& id, std::uint64_t etag, Timestamp now) {
  iothub::Identity identity;
  identity.id = id;
  identity.generation_id = std::to_string(now.ticks);
  identity.etag = etag;
  identity.authentication = iothub::AuthenticationType::none;
  identity.managed_by = "iotEdge";
  return identity;
}

std::uint64_t draw_identity_etag(Random& random) {
  std::uint64_t number = 0;
  for (const char c : random.bytes(4)) number = number << 8 | static_cast<unsigned char>(c);
  return 100'000'000 + number % 900'000'000;
}

Result<storage::EntityChange> configure_twin(const IdentityId& id, const twin::Twin& before,
                                             std::string_view desired_patch,
                                             const std::optional<std::string>& configurations, Timestamp now,
                                             ConfiguredTwin& outcome) {
  outcome = {};
  storage::EntityChange change;
  const bool other_status = configurations && *configurations != before.configurations;
  if (desired_patch.empty()) {
    if (!other_status) return change;
    auto after = std::make_shared<twin::Twin>(before);
    after->configurations = *configurations;
    change.twin = std::move(after);
    return change;
  }
  const std::string body = R"({"properties":{"desired":)" + std::string(desired_patch) + "}}";
  auto update = twin::apply_service_patch(before, body, now);
  if (!update) return update.error();
  if (!update->changed && !other_status) return change;
  if (configurations) update->after.configurations = *configurations;
  if (update->desired_delta) {
    outcome.desired_version = update->after.desired.version;
    change.events.push_back(twin_patched_event(id, update->after, std::nullopt, update->desired_delta, now));
    outcome.delta = std::make_shared<const std::string>(std::move(*update->desired_delta));
  }
  change.twin = std::make_shared<const twin::Twin>(std::move(update->after));
  return change;
}

void erase_orphan(storage::Store& store, const IdentityId& module, const std::string& device_generation_id,
                  Timestamp now) {
  const auto device = store.read({module.device, ""});
  if (!device) return;
  if (device->entity.identity && device->entity.identity->generation_id == device_generation_id) return;
  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    storage::EntityChange change;
    if (!current.identity || current.identity->generation_id != std::to_string(now.ticks)) return change;
    change.erase = true;
    change.events.push_back(storage::identity_deleted_event(module, now));
    return change;
  };
  store.update(module, decide, {});
}

}  // namespace twinhub::hub
