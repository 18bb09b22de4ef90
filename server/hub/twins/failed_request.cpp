#include "server/hub/twins/failed_request.hpp"

#include "protocol/iothub/connect_fields.hpp"
#include "server/base/error_table.hpp"
#include "server/base/log.hpp"

#include <string>

namespace twinhub::hub {

void log_failed_twin_request(const IdentityId& id, const Error& error, std::string_view tracking_id) {
  const ErrorRow& row = row_of(error.code);
  if (row.http_status < 500) return;
  const std::string device = iothub::client_id_of(id), code = std::to_string(row.http_status);
  log::warn(
      {.event = "twin_request_failed", .device = device, .reason = row.name, .code = code, .tracking_id = tracking_id},
      "{}: a twin request failed: {} (tracking id {})", device, error.detail, tracking_id);
}

}  // namespace twinhub::hub
