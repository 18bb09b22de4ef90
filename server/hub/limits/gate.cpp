#include "server/hub/limits/gate.hpp"

#include <cassert>
#include <string>

namespace twinhub::hub {
namespace {

/// As IoT Hub writes them ("ConfigurationWrite" was seen; the others are inferred).
std::string_view operation_type(Operation operation) {
  switch (operation) {
    case Operation::connect:
      return "DeviceConnect";
    case Operation::telemetry:
      return "DeviceToCloudSend";
    case Operation::twin_read:
      return "TwinRead";
    case Operation::twin_update:
      return "TwinWrite";
    case Operation::registry:
      return "IdentityRegistry";
    case Operation::query:
      return "Query";
    case Operation::method:
      return "DirectMethod";
    case Operation::c2d_send:
      return "CloudToDeviceSend";
    case Operation::c2d_receive:
      return "CloudToDeviceReceive";
    case Operation::file_upload:
      return "FileUpload";
    case Operation::job:
    case Operation::job_device:
      return "Job";
    case Operation::configuration:
      return "ConfigurationWrite";
    case Operation::unlimited:
    case Operation::count:
      break;
  }
  return "Request";
}

}  // namespace

Gate::Gate(const GateOptions& options, const Clock& clock)
    : obeys_faults_(options.faults),
      armed_(options.throttle.sku != Sku::off),
      throttle_(options.throttle, clock),
      faults_(clock),
      device_buckets_(options.device_bytes, options.devices_remembered_max, clock) {}

Admission Gate::admit_armed(const IdentityId* id, Operation operation, std::uint64_t bytes) {
  Admission admission;
  if (id != nullptr && obeys_faults_) admission.refusal = faults_.refusal_of(*id, operation);
  if (admission.refusal == Refusal::none) admission = throttle_.take(operation, bytes);
  const auto index = static_cast<std::size_t>(operation);
  if (admission.refusal != Refusal::none) refused_[index].fetch_add(1, std::memory_order_relaxed);
  if (admission.wait.count() > 0) delayed_[index].fetch_add(1, std::memory_order_relaxed);
  return admission;
}

Refusal Gate::admit_bytes(const IdentityId& id, Operation operation, std::uint64_t bytes) {
  if (device_buckets_.admit(id, bytes)) return Refusal::none;
  refused_[static_cast<std::size_t>(operation)].fetch_add(1, std::memory_order_relaxed);
  return Refusal::throttled;
}

Error Gate::error_of(Refusal refusal, Operation operation) const {
  assert(refusal != Refusal::none);
  switch (refusal) {
    case Refusal::over_quota:
      return fail(Errc::iot_hub_quota_exceeded,
                  "Total number of messages on IotHub exceeded the allocated quota. Max allowed message count : '" +
                      std::to_string(throttle_.daily_messages()) + "', current message count : '" +
                      std::to_string(throttle_.messages_today()) +
                      "'. Send and Receive operations are blocked for this hub until the next UTC day.");
    case Refusal::unauthorized:
      return fail(Errc::iot_hub_unauthorized, "An injected fault refuses this device");
    case Refusal::throttled:
    case Refusal::none:
      break;
  }
  return fail(Errc::throttling_exception,
              "The request has been throttled. Wait 10 seconds and try again. Operation type: " +
                  std::string(operation_type(operation)));
}

void Gate::strike(const IdentityId& id, const Fault& fault) {
  const MutexLock lock(arming_mutex_);
  faults_.strike(id, fault);
  armed_.store(true, std::memory_order_relaxed);
}

void Gate::tick() {
  device_buckets_.prune();
  if (!obeys_faults_ || throttle_.limits() || !armed_.load(std::memory_order_relaxed)) return;
  const MutexLock lock(arming_mutex_);
  if (!faults_.prune()) armed_.store(false, std::memory_order_relaxed);
}

Gate::Figures Gate::figures() const {
  Figures figures;
  for (std::size_t i = 0; i < operation_count; ++i) {
    figures.delayed[i] = delayed_[i].load(std::memory_order_relaxed);
    figures.refused[i] = refused_[i].load(std::memory_order_relaxed);
  }
  figures.faults = faults_.struck();
  figures.messages_today = throttle_.messages_today();
  figures.daily_messages = throttle_.daily_messages();
  return figures;
}

}  // namespace twinhub::hub
