// What a device publishes: twin reads and patches, telemetry, method responses (direct_methods.cpp). A topic that the
// hub does not serve to it ends the connection; a well-formed request with bad content gets an error answer. Source:
// azure-docs iot-mqtt-connect-to-iot-hub; azure-iot-sdk-node mqtt_twin_client.ts.
#include "protocol/iothub/device_topics.hpp"
#include "protocol/mqtt/encode.hpp"
#include "server/hub/error_table.hpp"
#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"
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

void Connection::on_publish(const mqtt::Publish& publish) {
  lane_.counters.packets_received.fetch_add(1, std::memory_order_relaxed);
  const auto topic = iothub::parse_device_topic(publish.topic, device_->login.id);
  if (!topic) return close(CloseReason::protocol_fault);
  std::optional<AckNumber> ack;
  if (publish.qos == 1) ack = owe_ack(publish.packet_id);
  if (const auto* telemetry = std::get_if<iothub::TelemetryTopic>(&*topic)) return ingest(*telemetry, publish, ack);
  // The twin's answer is the acknowledgement that counts; PUBACK only says that the request has come.
  if (ack) acknowledge(*ack);
  if (const auto* get = std::get_if<iothub::TwinGetTopic>(&*topic)) return get_twin(get->rid);
  if (const auto* patch = std::get_if<iothub::TwinReportedTopic>(&*topic)) {
    return patch_reported(patch->rid, patch->version, publish.payload);
  }
  answer_method(std::get<iothub::MethodResponseTopic>(*topic), publish.payload);
}

void Connection::get_twin(std::string_view rid) {
  if (!admit_twin_request(hub::Operation::twin_read, rid, 0)) return;
  lane_.hub().twins.get_device_view(
      device_->login.id,
      when_done<std::string>([rid = std::string(rid)](Connection& self, const Result<std::string>& view) {
        if (!view) return self.answer_error(rid, view.error());
        self.send_twin_response(200, rid, std::nullopt, *view);
      }));
}

void Connection::patch_reported(std::string_view rid, std::optional<std::string_view> version, std::string_view body) {
  std::optional<std::uint64_t> expected;
  if (version) {
    expected = parse_version(*version);
    if (!expected) return answer_error(rid, fail(Errc::argument_invalid, "$version is not a number"));
  }
  if (!admit_twin_request(hub::Operation::twin_update, rid, body.size())) return;
  lane_.hub().twins.patch_reported(
      device_->login.id, body, expected,
      when_done<std::uint64_t>([rid = std::string(rid)](Connection& self, const Result<std::uint64_t>& reported) {
        if (!reported) return self.answer_error(rid, reported.error());
        self.send_twin_response(204, rid, *reported, {});
      }));
}

void Connection::ingest(const iothub::TelemetryTopic& topic, const mqtt::Publish& publish,
                        std::optional<AckNumber> ack) {
  if (take_fault(topic.property_bag, publish, ack)) return;
  if (!admit_telemetry(topic.property_bag.size() + publish.payload.size())) return;
  lane_.hub().telemetry.ingest(device_->login,
                               {.property_bag = topic.property_bag,
                                .body = publish.payload,
                                .retain = publish.retain,
                                .dup = publish.dup,
                                .is_will = false,
                                .model_id = device_->model_id},
                               when_done<void>([ack](Connection& self, const Result<void>& stored) {
                                 // There is no error answer to telemetry: without PUBACK the client sends it again.
                                 if (!stored) {
                                   return self.close(stored.error().code == Errc::service_unavailable
                                                         ? CloseReason::store_failed
                                                         : CloseReason::protocol_fault);
                                 }
                                 if (ack) self.acknowledge(*ack);
                               }));
}

void Connection::answer_error(std::string_view rid, const Error& error) {
  const Timestamp now = lane_.hub().clock.now();
  send_twin_response(hub::row_of(error.code).http_status, rid, std::nullopt,
                     hub::mqtt_error_body(error, hub::make_tracking_id(now), now));
}

void Connection::send_twin_response(unsigned status, std::string_view rid, std::optional<std::uint64_t> version,
                                    std::string_view body) {
  if (rid.empty() || !has_filter(iothub::FilterKind::twin_responses)) return;
  std::string topic;
  iothub::append_twin_response_topic(topic, status, rid, version);
  if (topic.size() > topic_bytes_max) return close(CloseReason::protocol_fault);  // its rid cannot be echoed
  send_publish(topic, body);
}

void Connection::send_delta(std::uint64_t version, std::string_view delta) {
  if (!has_filter(iothub::FilterKind::desired_changes)) return;
  std::string topic;
  iothub::append_desired_topic(topic, version);
  send_publish(topic, delta);
}

Connection::AckNumber Connection::owe_ack(std::uint16_t packet_id) {
  if (!acks_) acks_ = std::make_unique<PendingAcks>();
  acks_->waiting.push_back({packet_id, false});
  const AckNumber number = acks_->oldest + acks_->waiting.size() - 1;
  if (!paused_ && owed() >= lane_.options().in_flight_max) update_interest();
  return number;
}

/// The PUBLISH is safe. Sends the PUBACKs that are no longer held up by an earlier one.
void Connection::acknowledge(AckNumber number) {
  if (closed_ || !acks_) return;
  acks_->waiting[number - acks_->oldest].due = true;
  bool sent = false;
  while (!acks_->waiting.empty() && acks_->waiting.front().due) {
    mqtt::append_puback(out_, acks_->waiting.front().packet_id);
    acks_->waiting.pop_front();
    ++acks_->oldest;
    sent = true;
  }
  if (acks_->waiting.empty()) acks_.reset();
  if (sent) wrote();
}

}  // namespace twinhub::mqtt_door
