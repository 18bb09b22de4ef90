#include "server/hub/configurations/edge_content.hpp"

#include "protocol/configuration/edge_plan.hpp"
#include "protocol/json/document.hpp"
#include "server/base/answer.hpp"
#include "server/hub/configurations/apply_configuration.hpp"
#include "server/hub/registry/edge_modules.hpp"
#include "server/hub/registry/identity_write.hpp"
#include "server/hub/registry/module_rules.hpp"
#include "storage/guarded.hpp"

#include <cassert>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace twinhub::hub {
namespace {

using Modules = std::map<std::string, configuration::ModulePlan>;

std::vector<IdentityId> ids_of(const std::string& device, const Modules& modules) {
  std::vector<IdentityId> ids;
  for (const auto& [module, plan] : modules) ids.push_back({device, module});
  return ids;
}

}  // namespace

/// One request at work: a write for each module, and the answer when the last of them is settled.
class EdgeContent::Run : public std::enable_shared_from_this<Run> {
 public:
  Run(EdgeContent& owner, std::shared_ptr<const iothub::Identity> device, std::size_t modules, Done<void> done)
      : owner_(owner), device_(std::move(device)), now_(owner.clock_.now()), left_(modules), done_(std::move(done)) {}

  void write(const std::string& module, const configuration::ModulePlan& plan) {
    const IdentityId id{device_->id.device, module};
    const TwinWrite write{id, TwinAuthor::back_end, now_};
    const auto identity =
        std::make_shared<const iothub::Identity>(edge_module_identity(id, draw_etag(owner_.random_), write.at));
    const auto delta = std::make_shared<DesiredDelta>();
    const auto refusal = std::make_shared<std::optional<Error>>();
    bool created = false;
    const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
      *delta = {};
      refusal->reset();
      storage::EntityChange change;
      created = !current.twin;
      if (created) put_new_identity(change, identity, write.at);
      const std::shared_ptr<const twin::Twin> before = created ? change.twin : current.twin;
      const auto desired = json::parse(before->desired.text);
      if (!desired) return desired.error();
      auto applied = apply_configuration(change, write, *before,
                                         plan.desired.patch_for(desired->root(), plan.whole, {}), std::nullopt);
      if (!applied) {
        refusal->emplace(applied.error());
        return applied.error();
      }
      *delta = std::move(*applied);
      return change;
    };
    owner_.store_.update(
        id, decide,
        [self = shared_from_this(), id, delta, refusal](const Result<void>& durable, storage::Outbox& outbox) {
          if (!durable) return self->settle(unavailable(), outbox);
          if (!*refusal) delta->send(id, self->owner_.links_, outbox);
          self->settle(std::move(*refusal), outbox);
        });
    if (created) erase_if_orphan(owner_.store_, *identity, *device_, write.at);
  }

 private:
  void settle(std::optional<Error> error, storage::Outbox& outbox) {
    {
      const MutexLock lock(mutex_);
      if (!error_) error_ = std::move(error);
      if (--left_ > 0) return;
      error = error_;
    }
    done_(error ? Result<void>(*error) : Result<void>(), outbox);
  }

  EdgeContent& owner_;
  const std::shared_ptr<const iothub::Identity> device_;
  const Timestamp now_;
  Mutex mutex_;
  std::size_t left_ GUARDED_BY(mutex_);            // writes that are not settled
  std::optional<Error> error_ GUARDED_BY(mutex_);  // the first
  const Done<void> done_;
};

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
  if (const auto room = check_room_for_modules(store_, device, ids_of(device, modules)); !room)
    return answer_now<void>(room.error(), done);
  assert(!modules.empty());  // $edgeAgent at least, or there would be no answer
  const auto run = std::make_shared<Run>(*this, identity, modules.size(), std::move(done));
  for (const auto& [module, plan] : modules) run->write(module, plan);
}

}  // namespace twinhub::hub
