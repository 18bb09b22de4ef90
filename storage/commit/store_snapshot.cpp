#include "storage/commit/store_snapshot.hpp"

#include "storage/commit/entity_reading.hpp"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

namespace twinhub::storage {
namespace {

Error mismatch_error(std::string_view key) {
  const auto id = parse_entity_key(key);
  return fail(Errc::server_error,
              "stored identities and twins do not match at " + (id ? name_of(*id) : std::string("a broken key")));
}

/// Both families in step, or one of them: each holds a record for every entity.
class EntityCursor {
 public:
  EntityCursor(const Reading& reading, const ScanRequest& request) : wants_identity_(request.identity) {
    // For keys alone the smaller records do.
    if (request.identity || !request.twin) identities_ = reading.cursor(Family::identities);
    if (request.twin) twins_ = reading.cursor(Family::twins);
  }

  void seek(const std::string& key) {
    if (identities_) identities_->seek(key);
    if (twins_) twins_->seek(key);
  }
  void next() {
    if (identities_) identities_->next();
    if (twins_) twins_->next();
  }
  [[nodiscard]] bool valid() const { return leader().valid(); }
  [[nodiscard]] std::string_view key() const { return leader().key(); }
  [[nodiscard]] bool in_step() const {
    return !identities_ || !twins_ || (twins_->valid() && twins_->key() == identities_->key());
  }
  [[nodiscard]] std::string_view identity() const {
    return wants_identity_ ? identities_->value() : std::string_view();
  }
  [[nodiscard]] std::string_view twin() const { return twins_ ? twins_->value() : std::string_view(); }
  [[nodiscard]] Result<void> status() const {
    if (identities_) {
      if (auto status = identities_->status(); !status) return status;
    }
    return twins_ ? twins_->status() : Result<void>{};
  }

 private:
  [[nodiscard]] const Cursor& leader() const { return identities_ ? *identities_ : *twins_; }

  std::unique_ptr<Cursor> identities_;
  std::unique_ptr<Cursor> twins_;
  bool wants_identity_;
};

class StoreSnapshot final : public Snapshot {
 public:
  explicit StoreSnapshot(std::unique_ptr<EngineSnapshot> at) : at_(std::move(at)) {}

  Result<void> scan(const ScanRequest& request, const EntityVisitor& visit) const override {
    const Reading reading(*at_);
    EntityCursor cursor(reading, request);
    if (auto readable = cursor.status(); !readable) return readable;
    const std::string start = request.after ? entity_key(*request.after) + '\0' : std::string();
    for (const IdRange& range : request.ranges) {
      const auto more = scan_range(cursor, request, range, start, visit);
      if (!more) return more.error();
      if (!*more) return {};
    }
    return {};
  }

  Result<std::optional<iothub::Identity>> identity(const IdentityId& id) const override {
    return read_identity(Reading(*at_), id);
  }
  Result<std::optional<twin::Twin>> twin(const IdentityId& id) const override { return read_twin(Reading(*at_), id); }

 private:
  /// False: the visitor has had enough.
  static Result<bool> scan_range(EntityCursor& cursor, const ScanRequest& request, const IdRange& range,
                                 const std::string& start, const EntityVisitor& visit) {
    const std::string prefix = range.prefix ? range.text : device_prefix(range.text);
    // A range that ends before `start` is over at once: its first key there is outside.
    for (cursor.seek(std::max(prefix, start)); cursor.valid() && cursor.key().starts_with(prefix); cursor.next()) {
      if (!cursor.in_step()) return mismatch_error(cursor.key());
      const std::string_view key = cursor.key();
      const std::size_t end = key.find('\0');
      if (end == std::string_view::npos) return mismatch_error(key);
      const bool is_module = end + 1 < key.size();
      if (is_module ? request.modules : request.devices) {
        if (!visit({key.substr(0, end), key.substr(end + 1), cursor.identity(), cursor.twin()})) return false;
      }
      if (!range.prefix && !request.modules) break;  // one device, found
    }
    if (const auto status = cursor.status(); !status) return status.error();
    return true;
  }

  const std::unique_ptr<EngineSnapshot> at_;
};

}  // namespace

Result<std::shared_ptr<const Snapshot>> take_snapshot(const Engine& engine) {
  auto at = engine.snapshot();
  if (!at) return at.error();
  return std::shared_ptr<const Snapshot>(std::make_shared<StoreSnapshot>(std::move(*at)));
}

Result<iothub::Identity> StoredEntity::identity() const {
  assert(identity_.data() != nullptr);
  return named(decode_identity(id(), identity_), id());
}

Result<twin::TwinView> StoredEntity::twin() const {
  assert(twin_.data() != nullptr);
  return named(view_twin(twin_), id());
}

}  // namespace twinhub::storage
