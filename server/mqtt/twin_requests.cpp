// A device reads its twin and patches its reported properties; each request is answered by its `$rid`. Source:
// azure-docs iot-mqtt-connect-to-iot-hub; azure-iot-sdk-node mqtt_twin_client.ts.
#include "protocol/iothub/device_topics.hpp"
#include "server/base/error_table.hpp"
#include "server/hub/twins/failed_request.hpp"
#include "server/mqtt/hub_device.hpp"
#include "server/mqtt/when_done.hpp"

#include <charconv>

namespace twinhub::mqtt_door {
namespace {

constexpr std::size_t topic_bytes_max = 65'535;  // [MQTT-1.5.3]: two bytes of length

std::optional<std::uint64_t> parse_version(std::string_view text) {
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return version;
}

}  // namespace

void HubDevice::get_twin(std::string_view rid) {
  if (!admit_twin_request(hub::Operation::twin_read, rid, 0)) return;
  hub().twins.get_device_view(
      login_.id, when_done<std::string>(hub::Operation::twin_read,
                                        [rid = std::string(rid)](HubDevice& self, const Result<std::string>& view) {
                                          if (!view) return self.answer_error(rid, view.error());
                                          self.send_twin_response(200, rid, std::nullopt, *view);
                                        }));
}

void HubDevice::patch_reported(std::string_view rid, std::optional<std::string_view> version, std::string_view body) {
  std::optional<std::uint64_t> expected;
  if (version) {
    expected = parse_version(*version);
    if (!expected) return answer_error(rid, fail(Errc::argument_invalid, "$version is not a number"));
  }
  if (!admit_twin_request(hub::Operation::twin_update, rid, body.size())) return;
  hub().twins.patch_reported(login_.id, body, expected,
                             when_done<std::uint64_t>(
                                 hub::Operation::twin_update,
                                 [rid = std::string(rid)](HubDevice& self, const Result<std::uint64_t>& reported) {
                                   if (!reported) return self.answer_error(rid, reported.error());
                                   self.send_twin_response(204, rid, *reported, {});
                                 },
                                 body.size()));
}

/// Over a rate, the request waits (its connection is not read) or is answered with 429.
bool HubDevice::admit_twin_request(hub::Operation operation, std::string_view rid, std::size_t bytes) {
  hub::Gate& gate = hub().gate;
  const auto admission = gate.admit(login_.id, operation, bytes);
  if (admission.refusal != hub::Refusal::none) {
    answer_error(rid, gate.error_of(admission.refusal, operation));
    return false;
  }
  connection_.sleep(admission.wait);
  return true;
}

void HubDevice::answer_error(std::string_view rid, const Error& error) {
  const Timestamp now = hub().clock.wall();
  const std::string tracking_id = hub::make_tracking_id(now);
  hub::log_failed_twin_request(login_.id, error, tracking_id);
  send_twin_response(hub::row_of(error.code).http_status, rid, std::nullopt,
                     hub::twin_error_body(error, tracking_id, now));
}

void HubDevice::send_twin_response(unsigned status, std::string_view rid, std::optional<std::uint64_t> version,
                                   std::string_view body) {
  if (rid.empty() || !has_filter(iothub::FilterKind::twin_responses)) return;
  std::string topic;
  iothub::append_twin_response_topic(topic, status, rid, version);
  // A `$rid` too long to be echoed cannot be answered.
  if (topic.size() > topic_bytes_max)
    return connection_.close(CloseReason::protocol_fault, "A $rid too long to be echoed.");
  connection_.send_publish(topic, body);
}

}  // namespace twinhub::mqtt_door
