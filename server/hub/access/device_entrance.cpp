#include "server/hub/access/device_entrance.hpp"

#include "protocol/iothub/connect_fields.hpp"
#include "server/base/log.hpp"

#include <cassert>
#include <utility>

namespace twinhub::hub {

Result<DeviceEntrance::Entered> DeviceEntrance::enter(const Arrival& arrival) {
  assert(arrival.handle.lane != nullptr && arrival.log_in);
  Result<DeviceLogin> login = arrival.log_in();
  if (!login) return login.error();
  const IdentityId id = login->id;
  const Admission admission = gate_.admit(id, Operation::connect);
  if (admission.refusal != Refusal::none) return gate_.error_of(admission.refusal, Operation::connect);
  if (arrival.prepare) {
    if (const auto prepared = arrival.prepare(*login); !prepared) return prepared.error();
  }

  const auto older = table_.enter(id, {arrival.handle, arrival.keeps_session});
  if (!authenticator_.holds(*login)) login = arrival.log_in();
  if (login) {
    presence_.connected(id, Presence::WriteDown::soon);
  } else {
    table_.leave(id, arrival.handle);
  }
  if (older) {
    const std::string name = iothub::client_id_of(id);
    log::debug({.event = "taken_over", .device = name}, "{}: a newer connection takes over", name);
    storage::Outbox outbox;
    DeviceTable::close(older->handle, EndReason::taken_over, outbox);
  }
  if (!login) return login.error();
  return Entered{std::move(*login), admission.wait, older};
}

void DeviceEntrance::leave(const IdentityId& id, const ConnectionHandle& handle) {
  table_.leave(id, handle);
  presence_.disconnected(id);
}

}  // namespace twinhub::hub
