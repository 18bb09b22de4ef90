// The store at one moment, read without copying: stored bytes are visited as they lie, and only the parts that are
// asked for are decoded.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "protocol/twin/view.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::storage {

/// An entity under a scan. Its views die when the visitor returns.
class StoredEntity {
 public:
  StoredEntity(std::string_view device, std::string_view module, std::string_view identity, std::string_view twin)
      : device_(device), module_(module), identity_(identity), twin_(twin) {}

  [[nodiscard]] std::string_view device() const { return device_; }
  [[nodiscard]] std::string_view module() const { return module_; }  ///< "" = the device itself
  [[nodiscard]] IdentityId id() const { return {std::string(device_), std::string(module_)}; }
  /// Errors: server_error for bytes that are no such record. REQUIRES: the scan reads that part.
  [[nodiscard]] Result<iothub::Identity> identity() const;
  /// Views into the stored bytes: costs no copy.
  [[nodiscard]] Result<twin::TwinView> twin() const;
  /// Stored bytes that the scan read for it.
  [[nodiscard]] std::size_t bytes() const { return device_.size() + module_.size() + identity_.size() + twin_.size(); }

 private:
  std::string_view device_, module_, identity_, twin_;
};

/// Device ids to visit: those that are, or begin with, `text`.
struct IdRange {
  std::string text;
  bool prefix = false;
};

struct ScanRequest {
  bool devices = true;                         ///< visit devices
  bool modules = true;                         ///< visit modules
  bool identity = true;                        ///< the visitor will look at identities
  bool twin = true;                            ///< ... at twins
  std::optional<IdentityId> after = {};        ///< start behind it; it need not exist
  std::vector<IdRange> ranges = {{"", true}};  ///< ascending, without overlap
};

/// Returns false to end the scan.
using EntityVisitor = std::function<bool(const StoredEntity&)>;

/// The durable state of one moment. Any thread. To be let go of before the store is; while it is held, the store keeps
/// the records that have been overwritten since.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  /// Visits entities in id order (a device, then its modules). A visitor may use this snapshot again. Errors:
  /// service_unavailable, also when the store had to be opened again since the snapshot was taken; server_error.
  [[nodiscard]] virtual Result<void> scan(const ScanRequest& request, const EntityVisitor& visit) const = 0;
  /// One identity; nullopt: there was none. Errors as scan().
  [[nodiscard]] virtual Result<std::optional<iothub::Identity>> identity(const IdentityId& id) const = 0;
  [[nodiscard]] virtual Result<std::optional<twin::Twin>> twin(const IdentityId& id) const = 0;
};

}  // namespace twinhub::storage
