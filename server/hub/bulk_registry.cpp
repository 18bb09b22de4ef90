#include "server/hub/bulk_registry.hpp"

#include "server/hub/answer.hpp"
#include "server/hub/error_table.hpp"
#include "server/hub/identity_write.hpp"
#include "server/hub/module_rules.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace twinhub::hub {
namespace {

/// An IoT Hub makes these for its edge devices, and exports them; here they come with an import.
bool is_system_module(const IdentityId& id) { return id.module == "$edgeAgent" || id.module == "$edgeHub"; }

/// The detail of a missing identity is its id alone, which the result names beside it.
std::string words_of(const Error& refusal) {
  const bool missing = refusal.code == Errc::device_not_found || refusal.code == Errc::module_not_found;
  return missing || refusal.detail.empty() ? std::string(row_of(refusal.code).message) : refusal.detail;
}

/// Tells the wire what a write has changed: the twin's delta first, then who has lost its login.
void tell(DeviceLinks& links, const IdentityId& id, const IdentityOutcome& outcome, storage::Outbox& outbox) {
  if (outcome.desired_delta) links.desired_changed(id, outcome.desired_version, outcome.desired_delta, outbox);
  if (outcome.before && outcome.now) links.identity_changed(*outcome.before, *outcome.now, outbox);
}

}  // namespace

/// One request at work: keeps each item's outcome in its place, and answers when the last one is known.
class BulkRegistry::Run : public std::enable_shared_from_this<Run> {
 public:
  Run(BulkRegistry& owner, std::vector<iothub::BulkItem> items, Done<Answer> done)
      : owner_(owner),
        items_(std::move(items)),
        refusals_(items_.size()),
        left_(items_.size()),
        done_(std::move(done)) {}

  void start() {
    for (std::size_t i = 0; i < items_.size(); ++i) begin(i);
  }

 private:
  void begin(std::size_t i) {
    const iothub::BulkItem& item = items_[i];
    if (item.refusal) return finish_now(i, item.refusal);
    if (iothub::is_delete(item.mode)) return begin_delete(i);
    if (!item.id.is_module() || iothub::is_twin_only(item.mode)) return begin_write(i, nullptr);

    if (item.id.module.front() == '$' && !is_system_module(item.id))
      return finish_now(i, fail(Errc::argument_invalid, "Module ids that start with $ are the hub's own"));
    const auto device = owner_.store_.read(device_of(item.id));
    if (!device) return finish_now(i, unavailable());
    if (!device->entity.identity) return finish_after(i, device->told_after, not_found(item.id, false));
    if (iothub::may_create(item.mode)) {
      if (const auto room = check_room_for_module(owner_.store_, item.id, written_); !room)
        return finish_now(i, room.error());
    }
    begin_write(i, device->entity.identity.get());
  }

  void begin_delete(std::size_t i) {
    const iothub::BulkItem& item = items_[i];
    const IfMatch any{.present = true, .any = true, .etag = {}};
    owner_.registry_.remove(item.id, item.if_match.present ? item.if_match : any,
                            [self = shared_from_this(), i](Result<void> gone, storage::Outbox& outbox) {
                              self->finish(i, gone ? std::nullopt : std::optional(gone.error()), outbox);
                            });
  }

  /// `device`: of a module that may be created, the device it is put under.
  void begin_write(std::size_t i, const iothub::Identity* device) {
    const iothub::BulkItem& item = items_[i];
    IdentityWrite wanted;
    wanted.id = item.id;
    if (!iothub::is_twin_only(item.mode)) wanted.request = &item.request;
    wanted.may_create = iothub::may_create(item.mode);
    wanted.may_update = item.mode != iothub::ImportMode::create;
    wanted.keeps_keys = true;
    wanted.keeps_scope = true;
    wanted.if_match = item.if_match;
    wanted.twin_if_match = item.twin_if_match;
    wanted.twin_patch = item.twin_patch;
    wanted.reported = item.reported;
    wanted.now = owner_.clock_.now();
    wanted.chance = draw(owner_.random_);

    const auto outcome = std::make_shared<IdentityOutcome>();
    const auto refusal = std::make_shared<std::optional<Error>>();
    const auto decision = [&](const storage::Entity& current) {
      auto change = decide(wanted, current, *outcome);
      *refusal = change ? std::nullopt : std::optional(change.error());
      return change;
    };
    const auto result = owner_.store_.update(
        item.id, decision,
        [self = shared_from_this(), i, outcome, refusal](const Result<void>& durable, storage::Outbox& outbox) {
          if (!durable) return self->finish(i, unavailable(), outbox);
          if (!*refusal) tell(self->owner_.links_, self->items_[i].id, *outcome, outbox);
          self->finish(i, std::move(*refusal), outbox);
        });
    if (!result.decided) return;
    written_.push_back(item.id);
    if (device != nullptr && outcome->now) erase_if_orphan(owner_.store_, *outcome->now, *device, wanted.now);
  }

  void finish_now(std::size_t i, std::optional<Error> refusal) {
    storage::Outbox outbox;
    finish(i, std::move(refusal), outbox);
  }
  void finish_after(std::size_t i, storage::CommitSeq told_after, const Error& refusal) {
    answer_after<void>(owner_.store_, told_after, refusal,
                       [self = shared_from_this(), i](const Result<void>& result, storage::Outbox& outbox) {
                         self->finish(i, result.error(), outbox);
                       });
  }

  /// On the commit thread, or the one that began it.
  void finish(std::size_t i, std::optional<Error> refusal, storage::Outbox& outbox) {
    {
      const std::lock_guard lock(mutex_);
      refusals_[i] = std::move(refusal);
      if (--left_ > 0) return;
    }
    std::vector<iothub::BulkError> errors;
    for (std::size_t k = 0; k < items_.size(); ++k) {
      if (!refusals_[k]) continue;
      errors.push_back({items_[k].id, row_of(refusals_[k]->code).name, words_of(*refusals_[k])});
    }
    done_(Answer{iothub::bulk_result(errors), errors.empty()}, outbox);
  }

  BulkRegistry& owner_;
  const std::vector<iothub::BulkItem> items_;
  std::vector<IdentityId> written_;  // by the thread that began it alone
  std::mutex mutex_;
  std::vector<std::optional<Error>> refusals_;  // guarded by mutex_ until the last one
  std::size_t left_;                            // guarded by mutex_
  Done<Answer> done_;
};

void BulkRegistry::apply(std::string_view body, Done<Answer> done) {
  auto items = iothub::parse_bulk(body);
  if (!items) return answer_now<Answer>(items.error(), done);
  std::make_shared<Run>(*this, std::move(*items), std::move(done))->start();
}

Result<bool> BulkRegistry::Count::step() {
  constexpr std::size_t slice = 16'384;
  std::size_t seen = 0;
  bool more = false;
  Result<void> decoded;
  const auto scanned = snapshot_->scan(request_, [&](const storage::StoredEntity& stored) {
    const auto identity = stored.identity();
    if (!identity) {
      decoded = identity.error();
      return false;
    }
    ++(identity->status == iothub::Status::enabled ? enabled_ : disabled_);
    if (++seen < slice) return true;
    request_.after = stored.id();
    more = true;
    return false;
  });
  if (!scanned) return scanned.error();
  if (!decoded) return decoded.error();
  return more;
}

std::string BulkRegistry::Count::json() const {
  return R"({"totalDeviceCount":)" + std::to_string(enabled_ + disabled_) + R"(,"enabledDeviceCount":)" +
         std::to_string(enabled_) + R"(,"disabledDeviceCount":)" + std::to_string(disabled_) + "}";
}

Result<BulkRegistry::Count> BulkRegistry::count() const {
  auto snapshot = store_.snapshot();
  if (!snapshot) return unavailable();
  return Count(std::move(*snapshot));
}

}  // namespace twinhub::hub
