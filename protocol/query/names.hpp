// The meaning of a path in each place where expressions appear: binds its names to parts of a row.
// Source: azure-docs iot-hub-devguide-query-language, iot-hub-devguide-routing-query-syntax.
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/syntax_error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::query {

/// Where an expression stands.
enum class Dialect : std::uint8_t {
  twins,    ///< FROM devices, FROM devices.modules; conditions of jobs
  jobs,     ///< FROM devices.jobs: fields of device jobs alone
  target,   ///< a configuration's target condition: deviceId, moduleId, tags, reported properties alone
  routing,  ///< a message route's condition
};

/// A step as written.
struct RawStep {
  std::size_t position = 0;
  std::string name;  ///< of a name
  std::uint32_t index = 0;
  bool is_index = false;
};

/// Binds a path. The hub's own names are case-insensitive and get the hub's spelling; keys in tags and properties are
/// taken as written. A name that nothing has is no error: its value is undefined. Errors: a path that the dialect does
/// not allow. REQUIRES: at least one step, the first of them a name.
[[nodiscard]] Parsed<Path> bind_path(Dialect dialect, const std::vector<RawStep>& steps);

}  // namespace twinhub::query
