#include "server/amqp/device.hpp"

#include "server/amqp/condition.hpp"
#include "server/amqp/connection.hpp"

namespace twinhub::amqp_door {

std::vector<DeviceLinkHandler*> Device::handlers() const {
  std::vector<DeviceLinkHandler*> handlers;
  // Kinds with Needs::device make nothing else (Connection::attach asserts it).
  for (Link* const link : links_) handlers.push_back(static_cast<DeviceLinkHandler*>(&link->handler()));
  return handlers;
}

void Device::send_delta(std::uint64_t version, std::string_view delta) {
  for (DeviceLinkHandler* const handler : handlers()) handler->send_delta(version, delta);
}

bool Device::send_method(const hub::MethodRequest& request) {
  for (DeviceLinkHandler* const handler : handlers()) {
    if (handler->send_method(request)) return true;
  }
  return false;
}

void Device::forget_method(std::uint64_t number) {
  for (DeviceLinkHandler* const handler : handlers()) handler->forget_method(number);
}

void Device::deliver_messages() {
  for (DeviceLinkHandler* const handler : handlers()) handler->deliver_messages();
}

void Device::close(hub::EndReason reason) {
  switch (reason) {
    case hub::EndReason::taken_over:
      return connection_.end_device(*this, Reason::taken_over,
                                    make_condition(condition::stolen, "A newer connection has taken over"));
    case hub::EndReason::identity_changed:
      return connection_.expel_device(*this, Reason::identity_changed,
                                      make_condition(condition::unauthorized, "The identity has changed"));
    case hub::EndReason::identity_deleted:
      return connection_.expel_device(*this, Reason::identity_deleted,
                                      make_condition(condition::not_found, "The identity was deleted"));
  }
}

}  // namespace twinhub::amqp_door
