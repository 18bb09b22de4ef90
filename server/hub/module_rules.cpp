#include "server/hub/module_rules.hpp"

#include "server/hub/answer.hpp"

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

Result<void> check_room_for_module(const storage::Store& store, const IdentityId& module,
                                   const std::vector<IdentityId>& pending) {
  auto modules = modules_of(store, module.device);
  if (!modules) return unavailable();
  for (const IdentityId& id : pending) {
    if (id.is_module() && id.device == module.device) modules->push_back(id);
  }
  std::sort(modules->begin(), modules->end());
  modules->erase(std::unique(modules->begin(), modules->end()), modules->end());
  if (std::binary_search(modules->begin(), modules->end(), module) || modules->size() < modules_max) return {};
  return fail(Errc::too_many_modules_on_device,
              "Device " + module.device + " has " + std::to_string(modules_max) + " modules already");
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
