#include "server/hub/messages/telemetry.hpp"

#include "protocol/iothub/telemetry_properties.hpp"
#include "server/base/answer.hpp"

#include <atomic>
#include <cassert>
#include <memory>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::size_t message_id_bytes_max = 128;

/// The properties are read only when they may break a rule.
Result<void> check(const TelemetryMessage& message) {
  const std::string_view bag = message.property_bag;
  if (message.body.size() > telemetry_bytes_max) {
    return fail(Errc::message_too_large, "The message's body is larger than 262144 bytes");
  }
  const bool may_be_too_large = message.body.size() + iothub::property_bytes_max(bag) > telemetry_bytes_max;
  if (!may_be_too_large && !iothub::may_have_message_id_beyond(bag, message_id_bytes_max)) return {};
  const auto properties = iothub::parse_telemetry_properties(bag);
  if (message.body.size() + iothub::counted_bytes(properties) > telemetry_bytes_max) {
    return fail(Errc::message_too_large,
                "A message may have " + std::to_string(telemetry_bytes_max) + " bytes, properties included");
  }
  for (const auto& property : properties.system) {
    if (property.name != "message-id" || !property.value || property.value->size() <= message_id_bytes_max) continue;
    return fail(Errc::argument_invalid, "A message-id may have 128 characters");
  }
  return {};
}

}  // namespace

Telemetry::Telemetry(storage::Store& store, const Clock& clock, Presence& presence)
    : store_(store), clock_(clock), presence_(presence) {}

void Telemetry::ingest(const DeviceLogin& login, const TelemetryMessage& message, Done<void> done) {
  presence_.used(login.id);
  if (auto checked = check(message); !checked) return answer_now<void>(std::move(checked), done);
  append(login, message, [done = std::move(done)](const Result<void>& durable, storage::Outbox& outbox) {
    done(durable ? Result<void>() : Result<void>(unavailable()), outbox);
  });
}

void Telemetry::ingest_batch(const DeviceLogin& login, const std::vector<TelemetryMessage>& messages, Done<void> done) {
  assert(!messages.empty());
  if (messages.size() == 1) return ingest(login, messages.front(), std::move(done));
  presence_.used(login.id);
  for (const TelemetryMessage& message : messages) {
    if (auto checked = check(message); !checked) return answer_now<void>(std::move(checked), done);
  }
  struct Batch {
    std::atomic<std::size_t> left{0};
    std::atomic<bool> failed{false};
    Done<void> done;
  };
  const auto batch = std::make_shared<Batch>();
  batch->left = messages.size();
  batch->done = std::move(done);
  for (const TelemetryMessage& message : messages) {
    append(login, message, [batch](const Result<void>& durable, storage::Outbox& outbox) {
      if (!durable) batch->failed = true;
      if (--batch->left > 0) return;
      batch->done(batch->failed ? Result<void>(unavailable()) : Result<void>(), outbox);
    });
  }
}

void Telemetry::append(const DeviceLogin& login, const TelemetryMessage& message, storage::OnDurable on_durable) {
  const storage::TelemetryDraft draft{.device = login.id.device,
                                      .module = login.id.module,
                                      .enqueued = clock_.now(),
                                      .authenticated = login.auth_method(),
                                      .generation_id = login.generation_id,
                                      .model_id = message.model_id,
                                      .retain = message.retain,
                                      .dup = message.dup,
                                      .is_will = message.is_will,
                                      .property_bag = message.property_bag,
                                      .body = message.body};
  store_.append_telemetry(draft, std::move(on_durable));
}

}  // namespace twinhub::hub
