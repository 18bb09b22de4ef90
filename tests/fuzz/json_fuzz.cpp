// Any text: what is accepted has a canonical form that is accepted again and is its own canonical form, and it is what
// simdjson's other parser accepts, which reads a text whole where ours goes from token to token.
#include "protocol/json/document.hpp"

#include "check.hpp"

#include <simdjson.h>
#include <algorithm>
#include <cstdint>

namespace {

/// Integers beyond 64 bits are ours alone.
bool may_differ(simdjson::error_code error) { return error == simdjson::NUMBER_ERROR; }

/// What ours alone refuses: halves of surrogate pairs, a byte order mark, and nesting beyond depth_max.
bool may_be_refused(std::string_view text) {
  return text.find("\\u") != std::string_view::npos || text.starts_with("\xEF\xBB\xBF") ||
         std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; }) >=
             static_cast<std::ptrdiff_t>(twinhub::json::depth_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twinhub;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto document = json::parse(text);
  simdjson::dom::parser parser;
  const auto other = parser.parse(simdjson::padded_string(text)).error();
  FUZZ_CHECK(other != simdjson::SUCCESS || document || may_be_refused(text));
  if (!document) return 0;
  FUZZ_CHECK(other == simdjson::SUCCESS || may_differ(other));
  const auto again = json::parse(document->text());
  FUZZ_CHECK(again && again->text() == document->text());
  FUZZ_CHECK(again->nodes().size() == document->nodes().size());
  return 0;
}
