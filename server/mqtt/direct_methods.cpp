// Direct methods towards a device: requests at QoS 0, and their answers. An answer counts only on the connection that
// was sent the request: an SDK that has reconnected may still answer what came over its old connection. Source:
// azure-docs iot-mqtt-connect-to-iot-hub; azure-iot-sdk-c iothubtransport_mqtt_common.c.
#include "protocol/iothub/device_topics.hpp"
#include "server/mqtt/hub_device.hpp"

#include <algorithm>
#include <charconv>

namespace twinhub::mqtt_door {
namespace {

/// A decimal integer of 31 bits: the smallest type that some client reads it into. Numbers grow by a few bits per call
/// over the whole hub, so that one comes again only after days.
std::uint32_t rid_of(std::uint64_t number) { return static_cast<std::uint32_t>(number & 0x7FFFFFFFU); }

std::optional<std::uint32_t> parse_rid(std::string_view text) {
  std::uint32_t rid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rid);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return rid;
}

}  // namespace

bool HubDevice::send_method(const hub::MethodRequest& request) {
  if (connection_.closed() || connection_.stopping() || !takes_method(request.name)) return false;
  hub::Methods& methods = hub().methods;
  // A device that does not read gets no more of them; it is not closed for what back ends send it.
  if (connection_.out().size() + request.payload.size() > lane().options().output_bytes_max / 2) {
    storage::Outbox outbox;
    methods.failed(request.number, fail(Errc::throttling_exception, "The device has too many method calls to read"),
                   outbox);
    return true;
  }
  if (!methods.delivering(request.number)) return true;
  if (!methods_) methods_ = std::make_unique<std::unordered_map<std::uint32_t, std::uint64_t>>();
  methods_->emplace(rid_of(request.number), request.number);
  std::string topic;
  iothub::append_method_topic(topic, request.name, rid_of(request.number));
  connection_.send_publish(topic, request.payload);
  return true;
}

void HubDevice::forget_method(std::uint64_t number) { (void)take_method(rid_of(number)); }

void HubDevice::answer_method(const iothub::MethodResponseTopic& topic, std::string_view payload) {
  const auto rid = parse_rid(topic.rid);
  const auto number = rid ? take_method(*rid) : std::nullopt;
  if (!number) return;  // late, a second one, or of an older connection
  storage::Outbox outbox;
  hub().methods.answered(*number, topic.status, payload, outbox);
}

std::optional<std::uint64_t> HubDevice::take_method(std::uint32_t rid) {
  auto& open = methods_;
  if (!open) return std::nullopt;
  const auto found = open->find(rid);
  if (found == open->end()) return std::nullopt;
  const std::uint64_t number = found->second;
  open->erase(found);
  if (open->empty()) open.reset();
  return number;
}

bool HubDevice::takes_method(std::string_view name) const {
  return has_filter(iothub::FilterKind::methods) &&
         std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const storage::Subscription& subscription) {
           return iothub::filter_takes_method(subscription.filter, name);
         });
}

/// Calls that waited for the device to come online may go out now.
void HubDevice::announce_methods() {
  if (!has_filter(iothub::FilterKind::methods)) return;
  storage::Outbox outbox;
  hub().methods.device_ready(login_.id, outbox);
}

void HubDevice::fail_methods() {
  const auto open = std::exchange(methods_, nullptr);
  if (!open) return;
  storage::Outbox outbox;
  for (const auto& [rid, number] : *open) {
    hub().methods.failed(number, fail(Errc::device_connection_closed_remotely, ""), outbox);
  }
}

}  // namespace twinhub::mqtt_door
