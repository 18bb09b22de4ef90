#include "server/management/arm/quoted_text.hpp"

namespace twinhub::management {

std::optional<std::string> take_quoted(std::string_view& rest) {
  if (!rest.starts_with('\'')) return std::nullopt;
  rest.remove_prefix(1);
  std::string out;
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\'') {
      if (!rest.starts_with('\'')) return out;
      rest.remove_prefix(1);
    }
    out += c;
  }
  return std::nullopt;
}

}  // namespace twinhub::management
