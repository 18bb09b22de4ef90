#include "server/rest/response.hpp"

#include "server/hub/error_table.hpp"

#include <spdlog/spdlog.h>

namespace twinhub::rest {

Response json_response(std::string body, const std::string& etag) {
  Response response{200, std::move(body), {}};
  if (!etag.empty()) response.headers.emplace_back("ETag", '"' + etag + '"');
  return response;
}

Response error_response(const Error& error, Timestamp now, unsigned status) {
  const auto& row = hub::row_of(error.code);
  const std::string tracking_id = hub::make_tracking_id(now);
  Response response{status == 0 ? row.http_status : status, hub::rest_error_body(error, tracking_id), {}};
  response.headers.emplace_back("iothub-errorcode", row.name);
  if (response.status >= 500 && error.code != Errc::not_implemented) {
    spdlog::warn("{} {}: {} (tracking id {})", response.status, row.name, error.detail, tracking_id);
  }
  return response;
}

Response method_error_response(const Error& error, Timestamp now) {
  // Not for the log: most often it is the device that fails.
  const auto& row = hub::row_of(error.code);
  Response response{row.http_status, hub::method_error_body(error, hub::make_tracking_id(now), now), {}};
  response.headers.emplace_back("iothub-errorcode", row.name);
  return response;
}

}  // namespace twinhub::rest
