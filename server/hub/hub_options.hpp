// What an operator may set of the hub itself.
#pragma once

#include "server/hub/configurations/configuration_options.hpp"
#include "server/hub/connections/presence.hpp"
#include "server/hub/jobs/job_run.hpp"
#include "server/hub/limits/gate.hpp"
#include "server/hub/messages/cloud_to_device.hpp"
#include "server/hub/messages/feedback.hpp"
#include "server/hub/methods/methods.hpp"
#include "server/hub/queries/queries.hpp"

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
