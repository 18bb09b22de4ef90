#include "server/rest/response.hpp"

#include "server/base/error_table.hpp"
#include "server/base/log.hpp"

namespace twinhub::rest {

Response json_response(std::string body, const std::string& etag) {
  Response response{200, std::move(body), {}};
  if (!etag.empty()) response.headers.emplace_back("ETag", '"' + etag + '"');
  return response;
}

Response error_response(const Error& error, Timestamp now, unsigned status) {
  const auto& row = hub::row_of(error.code);
  const std::string tracking_id = hub::make_tracking_id(now);
  Response response{status == 0 ? row.http_status : status, hub::rest_error_body(error, tracking_id), {}, tracking_id};
  response.headers.emplace_back("iothub-errorcode", row.name);
  if (response.status >= 500 && error.code != Errc::not_implemented) {
    const std::string code = std::to_string(response.status);
    log::warn({.event = "request_failed", .reason = row.name, .code = code, .tracking_id = tracking_id},
              "{} {}: {} (tracking id {})", code, row.name, error.detail, tracking_id);
  }
  return response;
}

Response method_error_response(const Error& error, Timestamp now) {
  // Not logged: these 5xx mostly report a device's failure.
  const auto& row = hub::row_of(error.code);
  std::string tracking_id = hub::make_tracking_id(now);
  Response response{row.http_status, hub::method_error_body(error, tracking_id, now), {}, {}};
  response.tracking_id = std::move(tracking_id);
  response.headers.emplace_back("iothub-errorcode", row.name);
  return response;
}

}  // namespace twinhub::rest
