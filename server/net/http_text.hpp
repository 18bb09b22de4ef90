// Foreign text on its way into HTTP: one function for each place, which says what may pass there, so that no text
// begins a header, a request or an answer of its own. HttpClient and the service door put all that they send through
// these. Source: RFC 9110, 5.1, 5.5 and 5.6.2; RFC 9112, 3.2; RFC 3986, 2.
#pragma once

#include <string>
#include <string_view>

namespace twinhub::net {

/// Of a token: the method, a header's name.
[[nodiscard]] bool is_token_character(char c);

/// The value of a header: controls become '?', blanks at its ends go. Bytes beyond ASCII stay (obs-text, in practice
/// UTF-8), for no reader of HTTP gives them a meaning.
[[nodiscard]] std::string header_value(std::string_view bytes);

/// The name of a header, or a part of one: what is no token is percent-encoded.
[[nodiscard]] std::string header_name(std::string_view bytes);

/// The target of a request: blanks, controls and bytes beyond ASCII, which end the target or are none of a URL, are
/// percent-encoded.
[[nodiscard]] std::string request_target(std::string_view bytes);

}  // namespace twinhub::net
