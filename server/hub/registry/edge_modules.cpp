#include "server/hub/registry/edge_modules.hpp"

#include "server/hub/registry/identity_write.hpp"

#include <memory>
#include <string>

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

void put_system_modules(storage::EntityChange& change, const std::string& device, const SystemModuleEtags& etags,
                        Timestamp now) {
  for (std::size_t i = 0; i < system_modules.size(); ++i) {
    const IdentityId id{device, std::string(system_modules[i])};
    put_new_identity(change.modules.emplace_back(),
                     std::make_shared<const iothub::Identity>(edge_module_identity(id, etags[i], now)), now);
  }
}

}  // namespace twinhub::hub
