// A device or module twin as the hub keeps it, and the two JSON views of it.
// Source: azure-docs iot-hub-devguide-device-twins, service API 2021-04-12 ("Twin").
#pragma once

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twinhub::twin {

/// When, and at which section version, one node of a section was last touched: the source of `$metadata`.
struct Stamp {
  Timestamp at;
  std::uint64_t version = 0;  ///< 0 = none: no `$lastUpdatedVersion` is shown

  bool operator==(const Stamp&) const = default;
};

/// Desired or reported properties.
struct Section {
  std::string text =
      "{}";  ///< canonical JSON object: no white space, no `$` members, minimal escapes, numbers verbatim
  std::vector<Stamp> stamps;     ///< pre-order, the root first, then one per object and leaf (an array is one leaf)
  std::uint64_t version = 1;     ///< `$version`
  std::uint32_t size_bytes = 0;  ///< by the twin size rule (limits.hpp), kept with the text

  bool operator==(const Section&) const = default;
};

struct Twin {
  std::uint64_t etag_counter = 1;  ///< shown by twin_etag(); service-side writes only
  std::string tags = "{}";         ///< canonical JSON object
  std::uint32_t tags_size_bytes = 0;
  Section desired;
  Section reported;
  std::string model_id;  ///< announced by the device at CONNECT, "" = none
  /// Canonical JSON object, one member per automatic configuration that targets it: {"id":{"status":"Applied"}}.
  std::string configurations = "{}";

  /// The twin's `version`: etag counter + reported version.
  [[nodiscard]] std::uint64_t version() const { return etag_counter + reported.version; }
  bool operator==(const Twin&) const = default;
};

/// The twin of an identity created `now`: version 2, etag AAAAAAAAAAE=, both sections empty at $version 1.
[[nodiscard]] Twin make_twin(Timestamp now);
/// What came along with the creation is no change of the twin: `twin`, made of make_twin() by patches, gets the versions
/// and the etag of a new one.
void count_as_created(Twin& twin);

/// The whole twin as GET /twins/{id} answers it, fields in IoT Hub's order. `show_model_id` from api-version
/// 2020-09-30.
[[nodiscard]] std::string service_view(const Twin& twin, const iothub::Identity& identity,
                                       const iothub::Activity& activity, bool show_model_id = true);

/// The device's view, as read over MQTT: {"desired":{...,"$version":N},"reported":{...,"$version":M}}.
[[nodiscard]] std::string device_view(const Twin& twin);

}  // namespace twinhub::twin
