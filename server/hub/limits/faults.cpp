#include "server/hub/limits/faults.hpp"

#include "protocol/iothub/property_bag.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace twinhub::hub {
namespace {

constexpr std::string_view type_property = "AzIoTHub_FaultOperationType";
constexpr std::string_view delay_property = "AzIoTHub_FaultOperationDelayInSecs";
constexpr std::string_view duration_property = "AzIoTHub_FaultOperationDurationInSecs";

constexpr std::chrono::milliseconds time_max = std::chrono::hours(1);
constexpr std::chrono::milliseconds duration_default{5'000};  // as long as the .NET suite's
/// Clients are back, and have sent again what was not acknowledged, within this time.
constexpr std::uint64_t second_copy_ticks = 30 * ticks_per_second;

constexpr std::uint64_t ticks_of(std::chrono::milliseconds time) {
  return static_cast<std::uint64_t>(time.count()) * (ticks_per_second / 1000);
}

std::optional<FaultType> type_of(std::string_view name) {
  if (name == "KillTcp") return FaultType::kill_tcp;
  if (name == "ShutDownMqtt") return FaultType::shut_down_mqtt;
  if (name == "InvokeThrottling") return FaultType::throttling;
  if (name == "InvokeMaxMessageQuota") return FaultType::message_quota;
  if (name == "InvokeAuthError") return FaultType::auth_error;
  return std::nullopt;
}

/// Seconds, maybe with a fraction (.NET prints a double).
std::chrono::milliseconds seconds_of(const std::optional<std::string>& text, std::chrono::milliseconds otherwise) {
  if (!text) return otherwise;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size() || !(seconds >= 0)) return otherwise;
  const double milliseconds_max = static_cast<double>(time_max.count());
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds * 1000, milliseconds_max)));
}

}  // namespace

std::optional<Fault> parse_fault(std::string_view property_bag, std::string_view body) {
  if (property_bag.find(type_property) == std::string_view::npos) return std::nullopt;
  std::optional<FaultType> type;
  std::optional<std::string> delay, duration;
  for (iothub::Property& property : iothub::parse_property_bag(property_bag)) {
    if (property.name == type_property) type = type_of(property.value.value_or(""));
    if (property.name == delay_property) delay = std::move(property.value);
    if (property.name == duration_property) duration = std::move(property.value);
  }
  if (!type) return std::nullopt;
  Fault fault{.type = *type, .delay = seconds_of(delay, {}), .duration = seconds_of(duration, duration_default)};
  fault.message = std::hash<std::string_view>{}(property_bag)*31 + std::hash<std::string_view>{}(body);
  return fault;
}

bool Faults::is_new(const IdentityId& id, const Fault& fault) {
  const MutexLock lock(mutex_);
  const auto found = struck_.find(id);
  if (found == struck_.end() || !found->second.repeatable || found->second.fault.message != fault.message) return true;
  found->second.repeatable = false;
  return clock_.steady().ticks > std::max(found->second.at.ticks + second_copy_ticks, found->second.until.ticks);
}

void Faults::strike(const IdentityId& id, const Fault& fault) {
  const std::uint64_t now = clock_.steady().ticks;
  const bool lasts = fault.type != FaultType::kill_tcp && fault.type != FaultType::shut_down_mqtt;
  const MutexLock lock(mutex_);
  ++count_;
  if (struck_.size() >= devices_max && !struck_.contains(id)) return;
  struck_[id] = {fault, {now}, {now + (lasts ? ticks_of(fault.duration) : 0)}, true};
}

Refusal Faults::refusal_of(const IdentityId& id, Operation operation) const {
  const MutexLock lock(mutex_);
  const auto found = struck_.find(id);
  if (found == struck_.end() || clock_.steady() >= found->second.until) return Refusal::none;
  switch (found->second.fault.type) {
    case FaultType::throttling:
      return operation == Operation::connect ? Refusal::none : Refusal::throttled;
    case FaultType::message_quota:
      return Refusal::over_quota;
    case FaultType::auth_error:
      return Refusal::unauthorized;
    case FaultType::kill_tcp:
    case FaultType::shut_down_mqtt:
      break;
  }
  return Refusal::none;
}

bool Faults::prune() {
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  std::erase_if(struck_, [now](const auto& entry) {
    return now > std::max(entry.second.at.ticks + second_copy_ticks, entry.second.until.ticks);
  });
  return !struck_.empty();
}

std::uint64_t Faults::struck() const {
  const MutexLock lock(mutex_);
  return count_;
}

}  // namespace twinhub::hub
