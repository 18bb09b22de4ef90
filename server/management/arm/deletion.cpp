#include "server/management/arm/deletion.hpp"

#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/empty_hub.hpp"
#include "server/management/arm/handlers.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace twinhub::management {
namespace {

/// The policies every hub has. Source: azure-docs iot-hub-dev-guide-sas.
constexpr std::array built_in_policies = {"iothubowner", "service", "device", "registryRead", "registryReadWrite"};

bool is_built_in(const hub::Policy& policy) {
  return std::find(built_in_policies.begin(), built_in_policies.end(), policy.name) != built_in_policies.end();
}

/// The built-in ones keep their keys: by one of them the client is logged in.
Result<void> drop_added_policies(const ArmContext& context) {
  std::vector<hub::Policy> kept = *context.hub.authenticator.policies();
  if (std::erase_if(kept, [](const hub::Policy& policy) { return !is_built_in(policy); }) == 0) return {};
  if (const auto written = context.options.keep_policies(kept); !written) return written;
  context.hub.authenticator.replace_policies(std::move(kept));
  return {};
}

ArmAnswer locked(const ArmCall& call, std::string_view what) {
  return refusal(409, "ScopeLocked",
                 "The " + std::string(what) + " is not deleted: that would erase every device of the hub '" +
                     call.context.state.hub()->name +
                     "'. Where this is wanted, the hub runs with the setting management.delete = \"erase\".");
}

/// `group`: goes with the hub, "" = none.
ArmAnswer erase(ArmCall& call, std::string group, int status) {
  ArmState& state = call.context.state;
  const std::string name = state.hub()->name;
  // A deletion that failed before may have promised the group.
  if (group.empty()) group = state.erasing().value_or("");
  log_change(call.request, "hub '" + name + "' is being deleted, with all its devices");
  if (const auto marked = state.begin_erasing(group); !marked) return refusal(marked.error(), name);
  if (const auto done = carry_out_deletion(call.context); !done) return refusal(done.error(), name);
  log_change(call.request, "hub '" + name + "' deleted");
  return {status};
}

}  // namespace

Result<void> carry_out_deletion(const ArmContext& context) {
  if (const auto emptied = empty_hub(context.hub, context.stopping); !emptied) return emptied;
  if (const auto dropped = drop_added_policies(context); !dropped) return dropped;
  return context.state.end_erasing();
}

ArmAnswer delete_hub(ArmCall& call) {
  if (auto refused = check_if_match(call, twin_etag(call.hub.etag))) return *refused;
  if (!call.context.options.delete_erases) return locked(call, "hub");
  return erase(call, "", 204);
}

ArmAnswer delete_group(ArmCall& call) {
  const auto hub = call.context.state.hub();
  if (hub && same_name(hub->group, call.group.name)) {
    if (!call.context.options.delete_erases) return locked(call, "resource group");
    return erase(call, call.group.name, 200);
  }
  if (const auto removed = call.context.state.remove_group(call.group.name); !removed)
    return refusal(removed.error(), call.group.name);
  log_change(call.request, "resource group '" + call.group.name + "' deleted");
  return {200};
}

}  // namespace twinhub::management
