#include "server/amqp/condition.hpp"

#include "server/base/error_table.hpp"

namespace twinhub::amqp_door {
namespace {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::iot_hub_unauthorized_access:
    case Errc::iot_hub_unauthorized:
    case Errc::device_disabled:
      return condition::unauthorized;
    case Errc::device_not_found:
    case Errc::module_not_found:
      return condition::not_found;
    case Errc::device_maximum_queue_depth_exceeded:
    case Errc::iot_hub_quota_exceeded:
      return condition::resource_limit;
    case Errc::message_too_large:
      return condition::message_size;
    case Errc::throttling_exception:
    case Errc::throttling_backlog_timeout:
    case Errc::generic_too_many_requests:
      return condition::throttled;
    case Errc::device_message_lock_lost:
      return condition::lock_lost;
    case Errc::not_implemented:
      return condition::not_implemented;
    case Errc::invalid_operation:
    case Errc::generic_method_not_allowed:
      return condition::not_allowed;
    case Errc::server_error:
    case Errc::service_unavailable:
    case Errc::gateway_timeout:
      return condition::internal_error;  // the SDKs try these again
    default:
      return condition::argument_error;
  }
}

}  // namespace

amqp::Condition make_condition(std::string_view name, std::string_view text) {
  using amqp::Value;
  const std::string id = hub::make_request_id();
  amqp::Condition made{std::string(name), std::string(text) + " TrackingId:" + id};
  made.info.add(Value::symbol("com.microsoft:tracking-id"), Value::string(id));
  return made;
}

amqp::Condition condition_of(const Error& error) {
  const hub::ErrorRow& row = hub::row_of(error.code);
  std::string text = "ErrorCode:" + std::string(row.name) + ";";
  text += hub::message_for_peers(error);
  return make_condition(name_of(error.code), text);
}

}  // namespace twinhub::amqp_door
