// The one way by which a twin changes, for a back end as for a device, a job or a configuration: each write puts the twin's new state and the event
// that back ends get into one atomic unit, and says which delta the device is to get once the unit is durable.
//
//   a body     --ServiceBody-->           parsed once, before the twin's lock is taken
//   a decision --protocol/twin/patch-->   the twin as it would be; pure, so that it may run twice
//   put_...()                             twin and event enter the EntityChange
//   durable    --DesiredDelta::send()-->  the device's connection gets the delta, in version order
//
// Source: azure-docs iot-hub-devguide-device-twins ("Back-end operations"); iot-hub-non-telemetry-event-schema.
// `hubName` and `user-id`, the same on every event of a hub, are added where events leave the hub.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/json/document.hpp"
#include "protocol/twin/document.hpp"
#include "protocol/twin/patch.hpp"
#include "server/hub/connections/device_links.hpp"
#include "storage/outbox.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

/// On whose behalf a twin is written.
enum class TwinAuthor : std::uint8_t { back_end, device, job, configuration };

/// What is known of a write before it is decided, and is the same each time that its decision runs.
struct TwinWrite {
  const IdentityId& id;
  TwinAuthor author = TwinAuthor::back_end;
  Timestamp at;
};

/// The body of a back end's write. Whether it is good is for the rules to say, after If-Match: until then an Error of
/// its JSON is only kept.
class ServiceBody {
 public:
  explicit ServiceBody(std::string_view text)
      : json_(json::parse(text)), tags_(json_ ? json_->root().find("tags") : std::nullopt) {}
  ServiceBody(const ServiceBody&) = delete;
  ServiceBody& operator=(const ServiceBody&) = delete;

  [[nodiscard]] const Result<json::Document>& json() const { return json_; }
  /// What the event shows of `tags`: the body's member, as it was sent.
  [[nodiscard]] const std::optional<json::Value>& tags() const { return tags_; }

 private:
  Result<json::Document> json_;
  std::optional<json::Value> tags_;  // points into json_
};

/// What the device of a changed twin gets once the change is durable.
struct DesiredDelta {
  std::shared_ptr<const std::string> text;  ///< null: desired properties were not touched
  std::uint64_t version = 0;                ///< desired.$version

  void send(const IdentityId& id, DeviceLinks& links, storage::Outbox& outbox) const {
    if (text) links.desired_changed(id, version, text, outbox);
  }
};

/// A back end's write of a system module of IoT Edge, which is its runtime's and its deployments' alone.
[[nodiscard]] Error reserved(const IdentityId& id);

/// Errors: precondition_failed.
[[nodiscard]] Result<void> check_etag(const twin::Twin& twin, const IfMatch& if_match);

// Each puts the twin's new state, and the event of the change if it has one, into `change`. `before` is the state that
// the new one was made of; what `change` held of the twin is replaced.

/// The twin of an identity that is being created. No event of its own: the identity's creation has one.
void put_new_twin(storage::EntityChange& change, const TwinWrite& write);
void put_new_twin(storage::EntityChange& change, const TwinWrite& write, twin::Twin&& first);
/// From a device: opType updateTwin. `patch`: its canonical text.
void put_reported(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before, twin::Twin&& after,
                  std::string_view patch);
/// A merge: opType updateTwin. `tags` is the body's member, if it had one. REQUIRES: update.changed.
[[nodiscard]] DesiredDelta put_patched(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before,
                                       twin::ServiceUpdate&& update, const std::optional<json::Value>& tags);
/// A PUT of the whole twin: opType replaceTwin. REQUIRES: update.changed.
[[nodiscard]] DesiredDelta put_replaced(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before,
                                        twin::ServiceUpdate&& update);
/// What back ends get no event for: a model id, the statuses of configurations, imported reported properties.
void put_without_event(storage::EntityChange& change, const TwinWrite& write, const twin::Twin& before,
                       twin::Twin&& after);

}  // namespace twinhub::hub
