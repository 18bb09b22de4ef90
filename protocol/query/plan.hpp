// Which devices a query can select at all, read off its condition: a lookup or a short scan instead of a long one.
#pragma once

#include "protocol/query/ast.hpp"

#include <optional>
#include <string>
#include <vector>

namespace twinhub::query {

/// Device ids that begin with, or are, `text`.
struct DeviceRange {
  std::string text;
  bool prefix = false;

  bool operator==(const DeviceRange&) const = default;
};

/// In order of ids, without overlap; empty = nothing can be selected. From `deviceId = 'x'`, `deviceId IN [...]`,
/// `STARTSWITH(deviceId, 'x')` standing alone or joined by AND; else one range of the empty prefix. The condition still
/// has to be evaluated on what is found.
[[nodiscard]] std::vector<DeviceRange> device_ranges(const std::optional<Expr>& condition);

/// Of a query over devices.jobs: the job that its rows have to be of. From `jobId = 'x'` standing alone or joined by
/// AND.
[[nodiscard]] std::optional<std::string> required_job(const std::optional<Expr>& condition);

/// The parts of a stored twin that the query reads.
struct Needs {
  bool identity = false;  ///< members of the identity
  bool twin = false;      ///< tags, properties, etag, version, model id
};
/// For the condition alone, and for all of it: what a selected row shows may be read for the selected alone.
[[nodiscard]] Needs needs_of_condition(const Query& query);
[[nodiscard]] Needs needs_of(const Query& query);

}  // namespace twinhub::query
