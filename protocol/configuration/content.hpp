// The content of a configuration, in its three forms: read and checked.
// Source: azure-docs iot-hub-automatic-device-management ("Specify settings"), iot-edge module-composition and
// module-deployment-monitoring ("Layered deployment"); service API 2021-04-12 ("ConfigurationContent").
//
//   deviceContent   {"properties.desired.a.b": value, ...}                 device twins
//   moduleContent   the same                                               module twins
//   modulesContent  {"$edgeAgent": {"properties.desired": {...}}, ...}     modules of an IoT Edge device
#pragma once

#include "protocol/configuration/desired_tree.hpp"
#include "protocol/error.hpp"
#include "protocol/json/document.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::configuration {

/// Stored on disk within the content's own text: never renamed.
enum class Form : std::uint8_t { device, module, modules };

/// One member of deviceContent, moduleContent, or of a module in modulesContent.
struct Setting {
  PropertyPath path;
  json::Value value;  ///< within Content::document
};

struct ModuleSettings {
  std::string module;  ///< a module id
  std::vector<Setting> settings;
};

/// Immutable once read.
struct Content {
  std::shared_ptr<const json::Document> document;
  Form form = Form::device;
  std::vector<Setting> settings;        ///< of device and module
  std::vector<ModuleSettings> modules;  ///< of modules
  /// Of modules: adds to a deployment that sets $edgeAgent's properties as a whole, instead of being one.
  bool layered = false;

  /// Canonical JSON: an object with the one member that is not empty.
  [[nodiscard]] std::string text() const;
};

/// Reads a ConfigurationContent. Empty members beside the one that counts (as .NET sends them) and unknown ones are
/// passed over. Errors: iot_hub_format_error (no JSON), invalid_configuration_content (no object, none or two forms,
/// a key that is no path of desired properties, values that a twin cannot hold, no $edgeAgent).
[[nodiscard]] Result<Content> parse_content(std::string_view json);

}  // namespace twinhub::configuration
