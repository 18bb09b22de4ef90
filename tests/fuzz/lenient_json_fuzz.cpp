// Any text: what the lenient reader accepts becomes strict JSON that the parser takes, and what was strict keeps its
// meaning.
#include "protocol/json/document.hpp"
#include "protocol/json/lenient.hpp"

#include "check.hpp"

#include <cstdint>

namespace {

/// Numbers beyond a double and texts that grew too long are for the parser to refuse.
bool is_taken(const std::string& strict) {
  return twinhub::json::parse(strict).has_value() || strict.find_first_of("eE") != std::string::npos ||
         strict.size() > 300;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twinhub;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto strict = json::strict_text_of(text);
  const auto parsed = json::parse(text);
  FUZZ_CHECK(!parsed || strict);
  if (!strict) return 0;
  FUZZ_CHECK(is_taken(*strict));
  FUZZ_CHECK(json::reads_as_strict(*strict));
  if (parsed) FUZZ_CHECK(json::parse(*strict)->text() == parsed->text());
  std::string body(text);
  json::make_strict(body);
  FUZZ_CHECK(body == text || body == *strict);
  FUZZ_CHECK(json::parse(body).has_value() == json::parse(*strict).has_value());
  return 0;
}
