#include "protocol/query/syntax_error.hpp"

#include <algorithm>

namespace twinhub::query {

Error to_error(const SyntaxError& error, std::string_view text) {
  const std::string_view before = text.substr(0, std::min(error.position, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 = 0
  const auto characters = std::count_if(before.begin() + static_cast<std::ptrdiff_t>(line_begin), before.end(),
                                        [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
  return fail(Errc::argument_invalid, "BadRequest: " + error.what + " at line " + std::to_string(line) + ", column " +
                                          std::to_string(characters + 1));
}

}  // namespace twinhub::query
