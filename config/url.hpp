// URLs in the settings: what of one may be shown, and what may stand in one.
#pragma once

#include <string>
#include <string_view>

namespace twinhub::config {

/// The URL for logs, the welcome text and `twinhub config`: scheme, host, port and path. User names, passwords, query
/// and fragment are left out, for they hold secrets.
[[nodiscard]] std::string shown_url(std::string_view url);

/// "user:password@" stands in it.
[[nodiscard]] bool has_userinfo(std::string_view url);

/// A query or a fragment stands in it.
[[nodiscard]] bool has_query(std::string_view url);

}  // namespace twinhub::config
