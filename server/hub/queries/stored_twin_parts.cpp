#include "server/hub/queries/stored_twin_parts.hpp"

namespace twinhub::hub {

const twin::TwinView& StoredTwinParts::twin() {
  if (twin_) return *twin_;
  static const twin::Twin none = twin::make_twin({});
  twin_ = twin::view_of(none);
  if (with_twin_) {
    const auto seen = stored_.twin();
    if (seen) {
      twin_ = *seen;
    } else {
      error_ = seen.error();
    }
    return *twin_;
  }
  auto fetched = snapshot_.twin(stored_.id());
  if (!fetched) {
    error_ = fetched.error();
  } else if (*fetched) {
    fetched_twin_ = std::move(**fetched);
    twin_ = twin::view_of(*fetched_twin_);
  }
  return *twin_;
}

const iothub::Identity& StoredTwinParts::identity() {
  if (identity_) return *identity_;
  identity_.emplace().id = stored_.id();
  if (with_identity_) {
    auto decoded = stored_.identity();
    if (decoded) {
      identity_ = std::move(*decoded);
    } else {
      error_ = decoded.error();
    }
    return *identity_;
  }
  auto fetched = snapshot_.identity(stored_.id());
  if (!fetched) {
    error_ = fetched.error();
  } else if (*fetched) {
    identity_ = std::move(**fetched);
  }
  return *identity_;
}

std::string StoredTwinParts::service_view() {
  const twin::TwinView& seen = twin();
  return twin::service_view(fetched_twin_ ? *fetched_twin_ : seen.copy(), identity(), activity(), show_model_id_);
}

}  // namespace twinhub::hub
