// A twin under a scan as a query sees it: stored bytes, and what the hub knows beside them.
#pragma once

#include "protocol/query/twin_row.hpp"
#include "server/hub/twins/activities.hpp"
#include "storage/snapshot.hpp"

#include <optional>

namespace twinhub::hub {

/// Decodes what is asked for, once. Bytes that cannot be decoded read as an empty twin; ask error() before showing
/// anything of it. One thread.
class StoredTwinParts final : public query::TwinParts {
 public:
  /// `with_identity`, `with_twin`: the scan reads that part; else it is fetched when it is needed.
  StoredTwinParts(const storage::StoredEntity& stored, const storage::Snapshot& snapshot, const Activities& activities,
                  bool show_model_id, bool with_identity, bool with_twin)
      : stored_(stored),
        snapshot_(snapshot),
        activities_(activities),
        show_model_id_(show_model_id),
        with_identity_(with_identity),
        with_twin_(with_twin) {}

  [[nodiscard]] std::string_view device_id() override { return stored_.device(); }
  [[nodiscard]] std::string_view module_id() override { return stored_.module(); }
  [[nodiscard]] const twin::TwinView& twin() override;
  [[nodiscard]] const iothub::Identity& identity() override;
  [[nodiscard]] iothub::Activity activity() override { return activities_.of(stored_.id()); }
  [[nodiscard]] std::string service_view() override;

  [[nodiscard]] const Result<void>& error() const { return error_; }

 private:
  const storage::StoredEntity& stored_;
  const storage::Snapshot& snapshot_;
  const Activities& activities_;
  bool show_model_id_;
  bool with_identity_;
  bool with_twin_;
  std::optional<twin::Twin> fetched_twin_;
  std::optional<twin::TwinView> twin_;
  std::optional<iothub::Identity> identity_;
  Result<void> error_;
};

}  // namespace twinhub::hub
