// POST /devices/{id}/applyConfigurationContent: sets the modules of one IoT Edge device.
// Source: service API 2021-04-12 ("Configuration_ApplyOnEdgeDevice"); azure-docs iot-edge how-to-deploy-modules-cli.
#pragma once

#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "server/hub/connections/device_links.hpp"
#include "storage/store.hpp"

#include <string>
#include <string_view>

namespace twinhub::hub {

/// Any thread.
class EdgeContent {
 public:
  EdgeContent(storage::Store& store, const Clock& clock, Random& random, DeviceLinks& links)
      : store_(store), clock_(clock), random_(random), links_(links) {}

  /// Creates the modules that `body`'s modulesContent names and the device lacks, and gives each its desired
  /// properties: all of them for "properties.desired", a part for "properties.desired.a". Modules that it does not
  /// name stay: the IoT Edge runtime removes them. Errors: iot_hub_format_error, invalid_configuration_content (other
  /// forms, too), device_not_found, argument_invalid (no edge device), too_many_modules_on_device, those of
  /// twin::apply_service_patch: some modules may have been changed then.
  void apply(const std::string& device, std::string_view body, Done<void> done);

 private:
  class Run;

  storage::Store& store_;
  const Clock& clock_;
  Random& random_;
  DeviceLinks& links_;
};

}  // namespace twinhub::hub
