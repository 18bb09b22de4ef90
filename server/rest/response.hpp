// What a handler answers, and how an Error becomes IoT Hub's answer.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"

#include <string>
#include <utility>
#include <vector>

namespace twinhub::rest {

struct Response {
  unsigned status = 200;
  std::string body;  ///< JSON unless `headers` hold another Content-Type
  std::vector<std::pair<std::string, std::string>> headers;
};

/// 200 with a JSON body and, unless empty, `ETag: "<etag>"`.
[[nodiscard]] Response json_response(std::string body, const std::string& etag = {});
/// Status, iothub-errorcode header and body as IoT Hub gives them; `status` 0 = the Error's own.
[[nodiscard]] Response error_response(const Error& error, Timestamp now, unsigned status = 0);
/// The same with the body that direct methods have (shape C of error_table.hpp).
[[nodiscard]] Response method_error_response(const Error& error, Timestamp now);

}  // namespace twinhub::rest
