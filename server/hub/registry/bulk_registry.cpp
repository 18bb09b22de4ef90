#include "server/hub/registry/bulk_registry.hpp"

#include "server/base/answer.hpp"
#include "server/base/error_table.hpp"
#include "server/hub/registry/identity_write.hpp"
#include "server/hub/registry/module_rules.hpp"
#include "storage/guarded.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>
#include <vector>

namespace twinhub::hub {
namespace {

/// The detail of a missing identity is its id alone, which the result names beside it.
std::string words_of(const Error& refusal) {
  const bool missing = refusal.code == Errc::device_not_found || refusal.code == Errc::module_not_found;
  const std::string_view detail = detail_for_peers(refusal);
  return std::string(missing || detail.empty() ? row_of(refusal.code).message : detail);
}

/// The twin data of an item, parsed before the identity's lock is taken. Does not outlive the item.
struct TwinData {
  explicit TwinData(const iothub::BulkItem& item) {
    if (!item.twin_patch.empty()) patch.emplace(item.twin_patch);
    if (!item.reported.empty() && item.reported != "{}") reported.emplace(json::parse(item.reported));
  }
  void add_to(IdentityWrite& write) const {
    if (patch) write.twin_patch = &*patch;
    if (reported) write.reported = &*reported;
  }

  std::optional<ServiceBody> patch;
  std::optional<Result<json::Document>> reported;
};

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
    if (iothub::is_twin_only(item.mode)) return begin_write(i, nullptr);
    if (!item.id.is_module()) return owner_.registry_.tree().in_turn(item.request, [&] { begin_write(i, nullptr); });

    if (item.id.module.front() == '$' && !iothub::is_system_module(item.id))
      return finish_now(i, bad_name());  // they are the hub's own
    const auto device = owner_.store_.read(device_of(item.id));
    if (!device) return finish_now(i, unavailable());
    if (!device->entity.identity) return finish_after(i, device->told_after, not_found(item.id, false));
    if (iothub::may_create(item.mode)) {
      if (const auto room = check_room_for_modules(owner_.store_, item.id.device, {item.id}, written_); !room)
        return finish_now(i, room.error());
    }
    begin_write(i, device->entity.identity.get());
  }

  [[nodiscard]] bool exists(const IdentityId& id) const {
    const auto read = owner_.store_.read(id);
    return read && read->entity.identity;
  }

  /// A device that is created may stand ahead of its parent, in an import's lines or in this request.
  Result<void> look_up_place(const iothub::BulkItem& item, IdentityWrite& wanted) const {
    if (item.id.is_module() || iothub::is_twin_only(item.mode)) return {};
    auto place = owner_.registry_.tree().place_of(item.id, item.request, written_);
    if (!place) return unavailable();
    const bool is_new = iothub::may_create(item.mode) && !exists(item.id);
    std::erase_if(place->unknown, [&](const std::string& scope) {
      return is_new || std::any_of(items_.begin(), items_.end(), [&](const iothub::BulkItem& other) {
               return other.request.wanted.iot_edge && other.request.wanted.device_scope == scope;
             });
    });
    wanted.place = std::move(*place);
    return {};
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
    // The line of a system module finds the one that came with its device.
    wanted.takes_over_untouched = wanted.may_create && iothub::is_system_module(item.id);
    wanted.may_update = item.mode != iothub::ImportMode::create;
    wanted.keeps_keys = true;
    wanted.keeps_scope = true;
    if (const auto read = look_up_place(item, wanted); !read) return finish_now(i, read.error());
    wanted.if_match = item.if_match;
    wanted.twin_if_match = item.twin_if_match;
    const TwinData twin_data(item);
    twin_data.add_to(wanted);
    wanted.now = owner_.clock_.now();
    wanted.drawn = draw_values(owner_.random_);

    const auto outcome = std::make_shared<IdentityOutcome>();
    const auto refusal = std::make_shared<std::optional<Error>>();
    const auto decision = [&](const storage::Entity& current) {
      auto change = decide(wanted, current, *outcome);
      *refusal = change ? std::nullopt : std::optional(change.error());
      return change;
    };
    const auto settle = [self = shared_from_this(), i, outcome, refusal](const Result<void>& durable,
                                                                         storage::Outbox& outbox) {
      if (!durable) return self->finish(i, unavailable(), outbox);
      if (!*refusal) outcome->announce(self->items_[i].id, self->owner_.links_, outbox);
      self->finish(i, std::move(*refusal), outbox);
    };
    const auto result = owner_.store_.update(item.id, decision, settle);
    if (result.decided) written_.push_back(item.id);
    const bool wrote = result.decided && outcome->now;
    if (device != nullptr && wrote) erase_if_orphan(owner_.store_, *outcome->now, *device, wanted.now);
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
    std::vector<iothub::BulkError> errors;
    {
      const MutexLock lock(mutex_);
      assert(left_ > 0);
      refusals_[i] = std::move(refusal);
      if (--left_ > 0) return;
      for (std::size_t k = 0; k < items_.size(); ++k) {
        if (!refusals_[k]) continue;
        errors.push_back({items_[k].id, row_of(refusals_[k]->code).name, words_of(*refusals_[k])});
      }
    }
    done_(Answer{iothub::bulk_result(errors), errors.empty()}, outbox);
  }

  BulkRegistry& owner_;
  const std::vector<iothub::BulkItem> items_;
  std::vector<IdentityId> written_;  // by the thread that began it alone
  Mutex mutex_;
  std::vector<std::optional<Error>> refusals_ GUARDED_BY(mutex_);
  std::size_t left_ GUARDED_BY(mutex_);  // items without an outcome
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
