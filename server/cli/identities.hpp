// `twinhub device` and `twinhub module`, but for `device create`: device and module identities, over REST.
#pragma once

#include "config/settings.hpp"
#include "protocol/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twinhub::cli {

struct ListOptions {
  std::string where;        ///< a condition of the query language, "" = all
  std::uint64_t limit = 0;  ///< at most so many; 0 = all
  bool json = false;
};
[[nodiscard]] int list_devices(const config::Settings& settings, const ListOptions& options);
[[nodiscard]] int list_modules(const config::Settings& settings, const std::string& device, bool json);
/// A device or a module. Keys are shown as JSON only.
[[nodiscard]] int show_identity(const config::Settings& settings, const IdentityId& id, bool json);
/// `etag` "" = unconditionally.
[[nodiscard]] int delete_identity(const config::Settings& settings, const IdentityId& id, const std::string& etag);

struct DeviceUpdate {
  std::string id;
  std::string status;       ///< enabled, disabled, or "" to leave it
  std::string reason;       ///< with `sets_reason`: the new reason, "" removes it
  std::string new_keys;     ///< primary, secondary, swap, or ""
  std::string primary_key;  ///< base64, or ""
  std::string secondary_key;
  bool sets_reason = false;
  bool json = false;
};
/// Changes the members that are named and leaves the rest as it is. Refused when the identity is changed by another
/// back end at the same moment.
[[nodiscard]] int update_device(const config::Settings& settings, const DeviceUpdate& update);

/// Prints the module's connection string.
[[nodiscard]] int create_module(const config::Settings& settings, const IdentityId& id, const std::string& managed_by);

}  // namespace twinhub::cli
