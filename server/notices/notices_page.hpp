// GET /connections of the operations port: notices as JSON.
//
//   ?device=ID      of a device and its modules; device= (empty): of peers that did not say who they are
//   &reason=NAME    &since=ISO 8601 time    &after=REVISION (what is newer, or was repeated since)    &limit=N (1000)
//
//   {"revision":42,"notices":[{"time":"...","last":"...","count":1,"kind":"refused","stage":"connect","id":"pump-7",
//     "address":"10.0.3.7:51234","transport":"mqtts","sni":"","code":"CONNACK 5","reason":"signature_mismatch",
//     "sentence":"...","detail":"...","hint":"...","revision":42}]}                               the oldest first
#pragma once

#include "protocol/error.hpp"
#include "server/notices/notices.hpp"

#include <string>
#include <string_view>

namespace twinhub::notices {

/// Errors: argument_invalid, in words for the one who asks.
[[nodiscard]] Result<NoticeQuery> parse_notice_query(std::string_view query);
void append_notice_json(std::string& out, const Notice& notice);
[[nodiscard]] std::string notices_json(const Notices::Found& found);

}  // namespace twinhub::notices
