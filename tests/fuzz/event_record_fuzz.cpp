// Any bytes as a stored block and as stored events: an Error or events, and what was read is written and read again as
// the same. And any texts as events: what the log takes comes back from it.
#include "storage/format/event_block.hpp"
#include "storage/format/event_record.hpp"
#include "storage/format/notice.hpp"

#include "protocol/json/document.hpp"

#include "tests/support/cpp/first_event_record.hpp"

#include "check.hpp"
#include "pieces.hpp"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

using namespace twinhub;
using namespace twinhub::storage;

bool same(const std::vector<iothub::Property>& a, const std::vector<iothub::Property>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.name == y.name && x.value == y.value; });
}
bool same(const Event& a, const Event& b) {
  return a.source == b.source && a.id == b.id && a.enqueued == b.enqueued && same(a.system, b.system) &&
         same(a.application, b.application) && a.body == b.body;
}

/// REQUIRES: `bytes` are one event.
Event read_back(std::string_view bytes) {
  auto event = decode_event(bytes);
  FUZZ_CHECK(event && bytes.empty());
  return std::move(*event);
}

std::string_view system_value(const Event& event, std::string_view name) {
  for (const auto& property : event.system) {
    if (property.name == name && property.value) return *property.value;
  }
  return {};
}

/// A bag from which these properties are read.
std::string bag_of(const Event& event) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 14> on_topic{
      {{"message-id", "$.mid"},
       {"correlation-id", "$.cid"},
       {"user-id", "$.uid"},
       {"content-type", "$.ct"},
       {"content-encoding", "$.ce"},
       {"iothub-creation-time-utc", "$.ctime"},
       {"iothub-outputname", "$.on"},
       {"dt-subject", "$.sub"},
       {"iothub-interface-id", "$.ifid"},
       {"iothub-message-schema", "$.schema"},
       {"Diagnostic-Id", "$.diagid"},
       {"Correlation-Context", "$.diagctx"},
       {"iothub-operation", "iothub-operation"},
       {"iothub-ack", "iothub-ack"}}};
  std::string bag;
  const auto add = [&bag](std::string_view name, const std::optional<std::string>& value) {
    bag += iothub::percent_encode(name) + "=" + iothub::percent_encode(value.value_or("")) + "&";
  };
  for (const auto& property : event.system) {
    const auto row = std::find_if(on_topic.begin(), on_topic.end(),
                                  [&property](const auto& names) { return names.first == property.name; });
    if (row != on_topic.end()) add(row->second, property.value);
  }
  for (const auto& property : event.application) add(property.name, property.value);
  return bag;
}

std::string telemetry_again(const Event& event) {
  const std::string bag = bag_of(event);
  const std::string_view method = system_value(event, "iothub-connection-auth-method");
  std::string out;
  encode(out, TelemetryDraft{.device = event.id.device,
                             .module = event.id.module,
                             .enqueued = event.enqueued,
                             .authenticated = {method.find(R"("hub")") != std::string_view::npos,
                                               method.find(R"("x509")") != std::string_view::npos},
                             .generation_id = system_value(event, "iothub-connection-auth-generation-id"),
                             .model_id = system_value(event, "dt-dataschema"),
                             .property_bag = bag,
                             .body = event.body});
  return out;
}

std::string_view operation_of(const Event& event) {
  for (const auto& property : event.application) {
    if (property.name == "opType" && property.value) return *property.value;
  }
  return {};
}

std::string lifecycle_again(const Event& event) {
  const bool created = operation_of(event) == "createDeviceIdentity";
  return (created ? identity_created_event(event.id, event.enqueued, event.body)
                  : identity_deleted_event(event.id, event.enqueued, event.body))
      .bytes;
}

/// `format`: the record's first byte.
void check_again(const Event& event, char format) {
  std::string again;
  if (format == 1) {
    again = first_event_record(event);
  } else if (event.source == EventSource::telemetry) {
    again = telemetry_again(event);
  } else if (event.source == EventSource::device_lifecycle) {
    again = lifecycle_again(event);
  } else if (operation_of(event) == "replaceTwin") {
    again = twin_replaced_event(event.id, event.body, event.enqueued).bytes;
  } else {
    return;  // a patch's body and a connection's are made of more than they show: check_written() has them
  }
  FUZZ_CHECK(same(read_back(again), event));
}

void check_stored(std::string_view bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::string_view before = rest;
    std::string_view skipped = rest;
    const auto event = decode_event(rest);
    if (!event) {
      FUZZ_CHECK(rest == before);
      break;
    }
    FUZZ_CHECK(rest.size() < before.size());
    FUZZ_CHECK(skip_event(skipped) && skipped.size() == rest.size());
    check_again(*event, before.front());
  }
}

void check_block(std::string_view bytes) {
  const auto block = read_block(bytes);
  if (!block) return;
  std::string again;
  append_block_header(again, block->count, block->written);
  FUZZ_CHECK(again + std::string(block->events) == bytes);
  std::vector<Event> events;
  const auto all = visit_events(*block, 0, [&events](std::uint32_t index, Event&& event) {
    FUZZ_CHECK(index == events.size());
    events.push_back(std::move(event));
    return true;
  });
  if (!all) return;
  FUZZ_CHECK(*all && events.size() == block->count);
  // From the middle, and not to the end.
  const std::uint32_t middle = block->count / 2;
  const auto some = visit_events(*block, middle, [&](std::uint32_t index, Event&& event) {
    FUZZ_CHECK(index == middle && same(event, events[index]));
    return false;
  });
  FUZZ_CHECK(some && *some == (block->count == 0));
}

void check_written(Pieces pieces) {
  const IdentityId id{std::string(pieces.text()), std::string(pieces.text())};
  const Timestamp now{pieces.number<std::uint64_t>()}, at{pieces.number<std::uint64_t>()};
  const auto bits = pieces.number<std::uint8_t>();
  const std::string_view generation_id = pieces.text(), model_id = pieces.text(), bag = pieces.text();
  const std::string_view tags = pieces.text(), desired = pieces.text(), reported = pieces.text();
  const TelemetryDraft draft{.device = id.device,
                             .module = id.module,
                             .enqueued = now,
                             .authenticated = {(bits & 1) != 0, (bits & 2) != 0},
                             .generation_id = generation_id,
                             .model_id = model_id,
                             .retain = (bits & 4) != 0,
                             .dup = (bits & 8) != 0,
                             .is_will = (bits & 16) != 0,
                             .property_bag = bag,
                             .body = pieces.rest()};
  const EncodedEvent telemetry = encode(draft);
  FUZZ_CHECK(telemetry.bytes.size() <= bytes_at_most(draft) && telemetry.device_hash == device_hash(id.device));
  const Event read = read_back(telemetry.bytes);
  FUZZ_CHECK(read.id == id && read.enqueued == now && read.body == pieces.rest());
  FUZZ_CHECK(system_value(read, "iothub-connection-device-id") == id.device);
  FUZZ_CHECK(system_value(read, "iothub-connection-auth-generation-id") == generation_id);
  FUZZ_CHECK(system_value(read, "iothub-connection-auth-method") == to_text(draft.authenticated, id));

  const Event connected = read_back(connection_state_event(id, (bits & 1) != 0, at.ticks, at, now).bytes);
  FUZZ_CHECK(connected.id == id && connected.body == connection_state_body(at.ticks));

  twin::Change change;
  change.version = at.ticks;
  const auto patch = json::parse(tags);
  if (patch && patch->root().is_object()) change.tags = patch->text();
  change.desired = twin::SectionChange{desired, now.ticks};
  if ((bits & 32) != 0) change.reported = twin::SectionChange{reported, now.ticks};
  const auto notice = twin::change_notice(change, now);
  const EncodedEvent changed = twin_changed_event(id, change, now);
  std::string_view bytes = changed.bytes;
  const auto event = decode_event(bytes);
  FUZZ_CHECK(event.has_value() == notice.has_value());
  if (event) FUZZ_CHECK(event->id == id && event->body == *notice && bytes.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_stored(bytes);
  check_block(bytes);
  check_written(Pieces(data, size));
  return 0;
}
