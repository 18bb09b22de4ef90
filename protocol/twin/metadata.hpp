// A section's `$metadata`, made from its text and stamps for the service view only: as stored JSON it would be several
// times the section itself. Source: azure-docs iot-hub-devguide-device-twins, "Device twin metadata".
#pragma once

#include "protocol/twin/document.hpp"

#include <string>

namespace twinhub::twin {

/// Appends the object that mirrors the section: `$lastUpdated` on every node, `$lastUpdatedVersion` too when
/// `with_versions` (desired) and the node has been written.
void append_metadata(std::string& out, const Section& section, bool with_versions);

}  // namespace twinhub::twin
