#include "server/management/arm/arm_answer.hpp"

#include "protocol/json/text.hpp"
#include "server/base/error_table.hpp"
#include "server/management/arm/arm_json.hpp"

namespace twinhub::management {

ArmAnswer refusal(int status, std::string_view code, std::string_view message) {
  JsonObject error;
  error.text("code", code).text("message", json::to_utf8(message));
  return {status, R"({"error":)" + error.close() + "}"};
}

ArmAnswer refusal(const Error& error, std::string_view resource) {
  switch (error.code) {
    case Errc::certificate_not_found:
    case Errc::device_not_found:
      return refusal(404, "ResourceNotFound", "The resource '" + std::string(resource) + "' was not found.");
    case Errc::precondition_failed:
      return refusal(412, "PreconditionFailed", error.detail);
    case Errc::service_unavailable:
      return refusal(503, "ServiceUnavailable", error.detail);
    case Errc::iot_hub_format_error:
      return refusal(400, "InvalidRequestContent", error.detail);
    default:
      break;
  }
  const int status = static_cast<int>(hub::row_of(error.code).http_status);
  return refusal(status, status < 500 ? "BadRequest" : "InternalServerError", error.detail);
}

}  // namespace twinhub::management
