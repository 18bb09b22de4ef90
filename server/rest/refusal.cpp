#include "server/rest/refusal.hpp"

#include "server/net/stream.hpp"
#include "server/rest/response.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::rest {

void note_refusal(const net::Stream& stream, const Response& response, const RequestRefusal& why) {
  // What is refused behind the credentials: the day's quota.
  const auto is_quota = [](const auto& header) { return header.second == "IotHubQuotaExceeded"; };
  const bool over_quota = std::any_of(response.headers.begin(), response.headers.end(), is_quota);
  if (!over_quota && !why.is_of_rights) return;
  const std::string detail = why.detail + (why.detail.empty() || why.target.empty() ? "" : " ") + why.target;
  const std::string code = std::to_string(response.status);
  stream.note({.stage = notices::Stage::http,
               .reason = over_quota ? Reason::quota : why.reason,
               .id = why.id,
               .code = code,
               .detail = detail,
               .protocol = why.protocol,
               .tracking_id = response.tracking_id});
}

}  // namespace twinhub::rest
