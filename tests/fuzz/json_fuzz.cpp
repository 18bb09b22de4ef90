// Any text: what is accepted has a canonical form that is accepted again and is its own canonical form.
#include "protocol/json/document.hpp"

#include "check.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twinhub;
  const auto document = json::parse({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  const auto again = json::parse(document->text());
  FUZZ_CHECK(again && again->text() == document->text());
  FUZZ_CHECK(again->nodes().size() == document->nodes().size());
  return 0;
}
