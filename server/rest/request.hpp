// One request as the handlers get it: decoded once, in the way that IoT Hub's clients need.
// Source: clients differ: Azure IoT Explorer sends the whole path as one encoded segment, SDKs add trailing slashes,
// .NET encodes '+'.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/x509/certificate.hpp"

#include <boost/beast/http/verb.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::rest {

struct Request {
  boost::beast::http::verb method = boost::beast::http::verb::unknown;
  std::string path;                   ///< percent-decoded, with its leading '/', without a trailing one
  std::vector<std::string> segments;  ///< of `path`
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  std::string authorization;
  x509::Chain client_certificates;  ///< the peer's TLS certificates; used only when `authorization` is empty
  IfMatch if_match;
  /// The headers that messages are made of, as sent: content-type, content-encoding, dt-subject and all that begin with
  /// iothub-.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string max_item_count;  ///< x-ms-max-item-count, "" = absent
  std::string continuation;    ///< x-ms-continuation, "" = absent
  std::string body;

  /// The first query parameter of that name, case-insensitive.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
  /// The first of `headers` of that name, case-insensitive.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

/// Whether a header is one of Request::headers.
[[nodiscard]] bool is_message_header(std::string_view name);

/// Takes a request target apart, the authority of an absolute one left out. The path is percent-decoded once and only then split; '+' stays '+'.
void read_target(std::string_view target, Request& request);

[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace twinhub::rest
