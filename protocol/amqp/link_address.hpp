// Where a link leads: "devices/{device}/messages/events", as clients write it, with or without scheme and host.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::amqp {

/// The decoded segments of `a/b`, `/a/b` or `amqps://host[:port]/a/b`; a trailing slash counts for nothing. nullopt:
/// the address is longer than 1,024 bytes.
[[nodiscard]] std::optional<std::vector<std::string>> parse_link_address(std::string_view address);

/// Holds `segments` against a pattern: words are compared without case, `{}` takes one segment, and a last `**` what is
/// left, be it nothing. Returns what `{}` and `**` took; nullopt when the pattern does not fit.
[[nodiscard]] std::optional<std::vector<std::string>> match_address(std::string_view pattern,
                                                                    const std::vector<std::string>& segments);

}  // namespace twinhub::amqp
