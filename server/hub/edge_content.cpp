#include "server/hub/edge_content.hpp"

#include "protocol/configuration/edge_plan.hpp"
#include "protocol/json/document.hpp"
#include "server/hub/answer.hpp"
#include "server/hub/configured_twin.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::size_t modules_max = 50;  // azure-docs iot-hub-devguide-identity-registry, "modules"

using Modules = std::map<std::string, configuration::ModulePlan>;

/// The writes of one request; told when the last of them is settled.
struct Writes {
  std::mutex mutex;
  std::size_t left = 0;        // guarded by mutex
  std::optional<Error> error;  // guarded by mutex; the first
};

/// Durable modules and those that would be added.
Result<void> check_count(const storage::Store& store, const std::string& device, const Modules& wanted) {
  std::set<std::string> all;
  for (const auto& [module, plan] : wanted) all.insert(module);
  const IdentityId owner{device, ""};
  const auto scanned = store.scan(&owner, [&](const storage::Entity& entity) {
    if (entity.identity->id.device != device) return false;
    all.insert(entity.identity->id.module);
    return true;
  });
  if (!scanned) return unavailable();
  if (all.size() <= modules_max) return {};
  return fail(Errc::too_many_modules_on_device, "Device " + device + " would have more than 50 modules");
}

}  // namespace

void EdgeContent::apply(const std::string& device, std::string_view body, Done<void> done) {
  const auto content = configuration::parse_content(body);
  if (!content) return answer_now<void>(content.error(), done);
  if (content->form != configuration::Form::modules) {
    return answer_now<void>(fail(Errc::invalid_configuration_content,
                                 "The content provided for configuration is invalid. Please check and try again: only "
                                 "modulesContent can be applied to a device"),
                            done);
  }
  const auto read = store_.read({device, ""});
  if (!read) return answer_now<void>(unavailable(), done);
  const auto identity = read->entity.identity;
  if (!identity)
    return answer_after<void>(store_, read->told_after, fail(Errc::device_not_found, device), std::move(done));
  if (!identity->iot_edge) {
    return answer_after<void>(store_, read->told_after, fail(Errc::argument_invalid, "Not an Azure IoT Edge device"),
                              std::move(done));
  }
  const Modules modules = configuration::plan_of(*content);
  if (const auto checked = check_count(store_, device, modules); !checked)
    return answer_now<void>(checked.error(), done);

  const Timestamp now = clock_.now();
  const auto writes = std::make_shared<Writes>();
  writes->left = modules.size();
  for (const auto& [module, plan] : modules) {
    const IdentityId id{device, module};
    const std::uint64_t etag = draw_identity_etag(random_);
    const auto outcome = std::make_shared<ConfiguredTwin>();
    const auto refusal = std::make_shared<std::optional<Error>>();
    bool created = false;
    const auto decide = [&, &plan = plan](const storage::Entity& current) -> Result<storage::EntityChange> {
      refusal->reset();
      created = !current.twin;
      const twin::Twin before = current.twin ? *current.twin : twin::make_twin(now);
      const auto desired = json::parse(before.desired.text);
      if (!desired) return desired.error();
      auto change = configure_twin(id, before, plan.desired.patch_for(desired->root(), plan.whole, {}), std::nullopt,
                                   now, *outcome);
      if (!change) {
        refusal->emplace(change.error());
        return change;
      }
      if (!created) return change;
      if (!change->twin) change->twin = std::make_shared<const twin::Twin>(before);
      change->identity = std::make_shared<const iothub::Identity>(edge_module_identity(id, etag, now));
      change->events.insert(change->events.begin(), storage::identity_created_event(id, now));
      return change;
    };
    store_.update(id, decide,
                  [this, id, writes, outcome, refusal, done](const Result<void>& durable, storage::Outbox& outbox) {
                    if (durable && !*refusal) outcome->tell(id, links_, outbox);
                    std::optional<Error> error;
                    {
                      const std::lock_guard lock(writes->mutex);
                      if (!writes->error && !durable) writes->error = unavailable();
                      if (!writes->error && *refusal) writes->error = **refusal;
                      if (--writes->left > 0) return;
                      error = writes->error;
                    }
                    done(error ? Result<void>(*error) : Result<void>(), outbox);
                  });
    if (created) erase_orphan(store_, id, identity->generation_id, now);
  }
}

}  // namespace twinhub::hub
