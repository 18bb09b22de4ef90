// A handler's response, and the response for an Error in IoT Hub's words.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/reason.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::rest {

/// What a peer was refused, with an answer that is neither 401 nor 403 or says less than the operator has to know.
struct RefusalNote {
  Reason reason = Reason::other;
  std::string detail;
};

struct Response {
  unsigned status = 200;
  std::string body;                                          ///< JSON unless `headers` hold another Content-Type
  std::vector<std::pair<std::string, std::string>> headers;  ///< any bytes: made safe where they are written
  std::string tracking_id = {};                              ///< of an error, as `body` has it
  std::optional<RefusalNote> note = {};                      ///< leaves a connection notice
};

/// 200 with a JSON body and, unless empty, `ETag: "<etag>"`.
[[nodiscard]] Response json_response(std::string body, const std::string& etag = {});
/// Status, iothub-errorcode header and body as IoT Hub gives them; `status` 0 = the Error's own.
[[nodiscard]] Response error_response(const Error& error, Timestamp now, unsigned status = 0);
/// error_response() with the body of direct methods (shape C of error_table.hpp).
[[nodiscard]] Response method_error_response(const Error& error, Timestamp now);

}  // namespace twinhub::rest
