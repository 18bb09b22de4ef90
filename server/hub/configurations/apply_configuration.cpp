#include "server/hub/configurations/apply_configuration.hpp"

#include "protocol/twin/patch.hpp"

#include <utility>

namespace twinhub::hub {

Result<DesiredDelta> apply_configuration(storage::EntityChange& change, const TwinWrite& write,
                                         const twin::Twin& before, std::string_view desired_patch,
                                         const std::optional<std::string>& statuses) {
  const bool other_statuses = statuses && *statuses != before.configurations;
  twin::ServiceUpdate update;
  if (!desired_patch.empty()) {
    // The patch is made of the twin that is there: it cannot be parsed before the lock is taken.
    auto patched =
        twin::apply_service_patch(before, R"({"properties":{"desired":)" + std::string(desired_patch) + "}}", write.at);
    if (!patched) return patched.error();
    update = std::move(*patched);
  } else if (other_statuses) {
    update.after = before;
  }
  if (!update.changed && !other_statuses) return DesiredDelta{};
  if (statuses) update.after.configurations = *statuses;
  if (update.changed) return put_patched(change, write, before, std::move(update), std::nullopt);
  put_without_event(change, write, before, std::move(update.after));
  return DesiredDelta{};
}

}  // namespace twinhub::hub
