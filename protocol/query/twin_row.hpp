// A device or module twin as a row: each value is read from the part that holds it, and only when it is asked for.
#pragma once

#include "protocol/iothub/identity.hpp"
#include "protocol/query/row.hpp"
#include "protocol/twin/view.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::query {

/// Where the parts of one twin come from. Each is asked for when it is first needed, perhaps never; what it returns
/// stays valid as long as the row.
class TwinParts {
 public:
  virtual ~TwinParts() = default;
  [[nodiscard]] virtual std::string_view device_id() = 0;
  [[nodiscard]] virtual std::string_view module_id() = 0;  ///< "" = a device
  [[nodiscard]] virtual const twin::TwinView& twin() = 0;
  [[nodiscard]] virtual const iothub::Identity& identity() = 0;
  [[nodiscard]] virtual iothub::Activity activity() = 0;
  /// The service view, as GET /twins/{id} answers it. Members that no other part holds are looked up in it, so that
  /// what is added there can be queried without a word here.
  [[nodiscard]] virtual std::string service_view() = 0;
};

class TwinRow final : public Row {
 public:
  /// `parts` outlives the row.
  explicit TwinRow(TwinParts& parts) : parts_(parts) {}

  [[nodiscard]] Value value_of(const Path& path, Scratch& scratch) override;
  [[nodiscard]] std::string document() override { return whole(); }

 private:
  const std::string& whole();
  Value section_value(const Path& path, Scratch& scratch);
  Value metadata_value(const Path& path, Scratch& scratch);
  /// The value of a path that ends at its root.
  Value scalar(const Path& path, Scratch& scratch);

  TwinParts& parts_;
  std::optional<std::string> whole_;
  std::optional<std::string> desired_metadata_;
  std::optional<std::string> reported_metadata_;
};

/// An identity and twin that are in memory: a change being made, a test. Both outlive the row.
class MemoryParts final : public TwinParts {
 public:
  MemoryParts(const iothub::Identity& identity, const twin::Twin& twin, iothub::Activity activity = {})
      : identity_(identity), twin_(twin), view_(twin::view_of(twin)), activity_(activity) {}

  [[nodiscard]] std::string_view device_id() override { return identity_.id.device; }
  [[nodiscard]] std::string_view module_id() override { return identity_.id.module; }
  [[nodiscard]] const twin::TwinView& twin() override { return view_; }
  [[nodiscard]] const iothub::Identity& identity() override { return identity_; }
  [[nodiscard]] iothub::Activity activity() override { return activity_; }
  [[nodiscard]] std::string service_view() override { return twin::service_view(twin_, identity_, activity_); }

 private:
  const iothub::Identity& identity_;
  const twin::Twin& twin_;
  twin::TwinView view_;
  iothub::Activity activity_;
};

}  // namespace twinhub::query
