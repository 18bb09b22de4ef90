#include "server/hub/registry/module_rules.hpp"

#include "server/base/answer.hpp"

#include <algorithm>

namespace twinhub::hub {

Result<std::vector<IdentityId>> modules_of(const storage::Store& store, const std::string& device, std::size_t limit) {
  std::vector<IdentityId> modules;
  const IdentityId after{device, ""};
  const auto scanned = store.scan(&after, [&](const storage::Entity& entity) {
    if (entity.identity->id.device != device) return false;
    modules.push_back(entity.identity->id);
    return modules.size() < limit;
  });
  if (!scanned) return scanned.error();
  return modules;
}

Result<void> check_room_for_modules(const storage::Store& store, const std::string& device,
                                    std::vector<IdentityId> wanted, const std::vector<IdentityId>& pending) {
  auto present = modules_of(store, device);
  if (!present) return unavailable();
  for (const IdentityId& id : pending) {
    if (id.is_module() && id.device == device) present->push_back(id);
  }
  const auto make_set = [](std::vector<IdentityId>& ids) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  };
  make_set(*present);
  std::erase_if(wanted, [&](const IdentityId& id) { return std::binary_search(present->begin(), present->end(), id); });
  make_set(wanted);
  constexpr std::size_t modules_max = iothub::modules_per_device_max;
  if (wanted.empty() || present->size() + wanted.size() <= modules_max) return {};
  return fail(Errc::too_many_modules_on_device,
              "Device " + device + " would have more than " + std::to_string(modules_max) + " modules");
}

void erase_if_orphan(storage::Store& store, const iothub::Identity& module, const iothub::Identity& device,
                     Timestamp now) {
  const auto read = store.read(device.id);
  if (!read || (read->entity.identity && read->entity.identity->generation_id == device.generation_id)) return;
  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    storage::EntityChange change;
    if (!current.identity || current.identity->generation_id != module.generation_id) return change;
    change.erase = true;
    change.events.push_back(storage::identity_deleted_event(module.id, now));
    return change;
  };
  store.update(module.id, decide, {});
}

}  // namespace twinhub::hub
