// Small keyed records beside identities, twins, sessions and events: kept by the hub's other parts. The store moves
// their bytes; each part owns the layout of its own records (FORMAT.md) and remembers the writes that it has queued.
#pragma once

#include "protocol/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::storage {

/// Each kind is a column family of its own: add new ones at the end, and to record_kind_names.
enum class RecordKind : std::uint8_t {
  messages,        ///< cloud-to-device messages; owned by their device
  feedback,        ///< the outcome of such messages, for back ends
  activity,        ///< when a device was last heard of; owned by it
  certificates,    ///< CA certificates that devices may chain to
  jobs,            ///< scheduled jobs
  job_devices,     ///< a job's result at each device
  configurations,  ///< automatic device configurations
  cursors,         ///< how far the readers of the event log have come
  edge_children,   ///< which devices stand under which edge device
  management,      ///< resource groups, the hub's labels and deployments
  count,
};

/// Column family names, in the order of RecordKind.
inline constexpr const char* record_kind_names[] = {"messages",      "feedback",    "activity",       "certificates",
                                                    "jobs",          "job_devices", "configurations", "cursors",
                                                    "edge_children", "management"};
static_assert(std::size(record_kind_names) == static_cast<std::size_t>(RecordKind::count));

/// Records of these kinds begin their key with owned_prefix() and go, in the same atomic unit, with their identity.
[[nodiscard]] constexpr bool is_owned_by_identity(RecordKind kind) {
  return kind == RecordKind::messages || kind == RecordKind::activity;
}

/// One record to be written, or removed when it has no value.
struct RecordWrite {
  RecordKind kind{};
  std::string key;
  std::optional<std::string> value;
};

}  // namespace twinhub::storage
