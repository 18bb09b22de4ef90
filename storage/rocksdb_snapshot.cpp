#include "storage/rocksdb_snapshot.hpp"

#include "storage/keys.hpp"
#include "storage/record.hpp"

#include <memory>
#include <utility>

namespace twinhub::storage {
namespace {

Error stale_error() {
  return fail(Errc::service_unavailable, "storage: was opened again since this snapshot was taken");
}

Error mismatch_error(std::string_view key) {
  const auto id = parse_entity_key(key);
  return fail(Errc::server_error,
              "stored identities and twins do not match at " + (id ? name_of(*id) : std::string("a broken key")));
}

template <class T>
Result<T> named(Result<T> decoded, const IdentityId& id) {
  if (!decoded) return fail(decoded.error().code, decoded.error().detail + ": " + name_of(id));
  return decoded;
}

/// Both families in step, or one of them: each holds a record for every entity.
class EntityCursor {
 public:
  EntityCursor(const Database& database, const rocksdb::Snapshot* at, const ScanRequest& request) {
    rocksdb::ReadOptions options;
    options.snapshot = at;
    options.fill_cache = false;
    // For keys alone the smaller records do.
    if (request.identity || !request.twin)
      identities_.reset(database.engine()->NewIterator(options, database.family(Family::identities)));
    if (request.twin) twins_.reset(database.engine()->NewIterator(options, database.family(Family::twins)));
    wants_identity_ = request.identity;
  }

  void seek(const std::string& key) {
    if (identities_) identities_->Seek(key);
    if (twins_) twins_->Seek(key);
  }
  void next() {
    if (identities_) identities_->Next();
    if (twins_) twins_->Next();
  }
  [[nodiscard]] bool valid() const { return leader().Valid(); }
  [[nodiscard]] std::string_view key() const { return view(leader().key()); }
  [[nodiscard]] bool in_step() const {
    return !identities_ || !twins_ || (twins_->Valid() && twins_->key() == identities_->key());
  }
  [[nodiscard]] std::string_view identity() const {
    return wants_identity_ ? view(identities_->value()) : std::string_view();
  }
  [[nodiscard]] std::string_view twin() const { return twins_ ? view(twins_->value()) : std::string_view(); }
  [[nodiscard]] rocksdb::Status status() const {
    if (identities_ && !identities_->status().ok()) return identities_->status();
    return twins_ ? twins_->status() : rocksdb::Status::OK();
  }

 private:
  [[nodiscard]] const rocksdb::Iterator& leader() const { return identities_ ? *identities_ : *twins_; }

  std::unique_ptr<rocksdb::Iterator> identities_;
  std::unique_ptr<rocksdb::Iterator> twins_;
  bool wants_identity_ = false;
};

class RocksdbSnapshot final : public Snapshot {
 public:
  explicit RocksdbSnapshot(Database& database) : database_(database), at_(database) {}

  Result<void> scan(const ScanRequest& request, const EntityVisitor& visit) const override {
    const Reading reading(database_);
    if (at_.get() == nullptr) return stale_error();
    EntityCursor cursor(database_, at_.get(), request);
    const std::string start = request.after ? entity_key(*request.after) + '\0' : std::string();
    for (const IdRange& range : request.ranges) {
      const auto more = scan_range(cursor, request, range, start, visit);
      if (!more) return more.error();
      if (!*more) return {};
    }
    return {};
  }

  Result<std::optional<iothub::Identity>> identity(const IdentityId& id) const override {
    std::string bytes;
    const auto found = read(Family::identities, id, bytes);
    if (!found) return found.error();
    if (!*found) return std::optional<iothub::Identity>{};
    auto identity = named(decode_identity(id, bytes), id);
    if (!identity) return identity.error();
    return std::optional(std::move(*identity));
  }

  Result<std::optional<twin::Twin>> twin(const IdentityId& id) const override {
    std::string bytes;
    const auto found = read(Family::twins, id, bytes);
    if (!found) return found.error();
    if (!*found) return std::optional<twin::Twin>{};
    auto twin = named(decode_twin(bytes), id);
    if (!twin) return twin.error();
    return std::optional(std::move(*twin));
  }

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
    if (const auto status = cursor.status(); !status.ok()) return engine_error(status);
    return true;
  }

  Result<bool> read(Family family, const IdentityId& id, std::string& bytes) const {
    const Reading reading(database_);
    if (at_.get() == nullptr) return stale_error();
    rocksdb::ReadOptions options;
    options.snapshot = at_.get();
    const auto status = database_.engine()->Get(options, database_.family(family), entity_key(id), &bytes);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return engine_error(status);
    return true;
  }

  Database& database_;
  EngineSnapshot at_;
};

}  // namespace

Result<std::shared_ptr<const Snapshot>> take_snapshot(Database& database) {
  const Reading reading(database);
  if (!reading) return closed_error();
  return std::shared_ptr<const Snapshot>(std::make_shared<RocksdbSnapshot>(database));
}

Result<iothub::Identity> StoredEntity::identity() const { return named(decode_identity(id(), identity_), id()); }

Result<twin::TwinView> StoredEntity::twin() const {
  auto seen = view_twin(twin_);
  if (!seen) return fail(seen.error().code, seen.error().detail + ": " + name_of(id()));
  return seen;
}

}  // namespace twinhub::storage
