// What an operator may set of the hub itself.
#pragma once

#include "server/hub/cloud_to_device.hpp"
#include "server/hub/configuration_options.hpp"
#include "server/hub/feedback.hpp"
#include "server/hub/gate.hpp"
#include "server/hub/job_run.hpp"
#include "server/hub/methods.hpp"
#include "server/hub/presence.hpp"
#include "server/hub/queries.hpp"

#include <chrono>

namespace twinhub::hub {

struct HubOptions {
  CloudToDeviceOptions cloud_to_device;
  ConfigurationOptions configurations;
  FeedbackOptions feedback;
  GateOptions gate;
  JobOptions jobs;
  MethodLimits methods;
  QueryOptions queries;
  ConnectionEvents connection_events = ConnectionEvents::at_connect;
  std::chrono::seconds session_life{0};  ///< of an MQTT session whose client stays away; 0 = for ever
};

}  // namespace twinhub::hub
