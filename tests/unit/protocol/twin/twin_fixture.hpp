// Short words for the twin's tests: a twin in a given state, a patch to a section, what came of it.
#pragma once

#include "protocol/twin/patch.hpp"

#include <gtest/gtest.h>
#include <string>

namespace twinhub::twin {

inline constexpr Timestamp created{unix_epoch_ticks + 1 * ticks_per_second};
inline constexpr Timestamp later{unix_epoch_ticks + 2 * ticks_per_second};
inline constexpr Timestamp much_later{unix_epoch_ticks + 3 * ticks_per_second};

/// A value or the test's end, with the error's words.
template <class T>
T value_of(const Result<T>& result) {
  if (!result) throw std::runtime_error(result.error().detail);
  return *result;
}

inline std::string desired_body(std::string_view section) {
  return R"({"properties":{"desired":)" + std::string(section) + "}}";
}
inline std::string tags_body(std::string_view section) { return R"({"tags":)" + std::string(section) + "}"; }

inline ServiceUpdate patch(const Twin& before, std::string_view body, Timestamp at = later) {
  return value_of(apply_service_patch(before, body, at));
}
inline ServiceUpdate put(const Twin& before, std::string_view body, Timestamp at = later) {
  return value_of(apply_service_replace(before, body, at));
}
inline Twin report(const Twin& before, std::string_view body, Timestamp at = later) {
  return value_of(apply_reported_patch(before, body, std::nullopt, at));
}

/// A twin whose desired properties are `section`, reached by one patch.
inline Twin with_desired(std::string_view section) {
  return patch(make_twin(created), desired_body(section), created).after;
}

}  // namespace twinhub::twin
