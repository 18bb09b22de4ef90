// Any body as patch, replacement, reported patch and digital twin patch of a twin that lives on: text, stamps and size
// agree after every one, and every view of it is JSON.
#include "protocol/json/document.hpp"
#include "protocol/twin/digital_twin.hpp"
#include "protocol/twin/patch.hpp"
#include "protocol/twin/scan.hpp"

#include "check.hpp"

#include <cstdint>

namespace {

using namespace twinhub;

void check(const twin::Section& section) {
  const auto document = json::parse(section.text);
  FUZZ_CHECK(document && document->text() == section.text);
  const auto extent = twin::measure(section.text.data());
  FUZZ_CHECK(extent.end == section.text.data() + section.text.size());
  FUZZ_CHECK(extent.stamps == section.stamps.size());
  FUZZ_CHECK(extent.size_bytes == section.size_bytes);
  const auto skipped = twin::skip(section.text.data(), section.text.data() + section.text.size());
  FUZZ_CHECK(skipped.end == extent.end && skipped.stamps == extent.stamps);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Timestamp now{unix_epoch_ticks};
  twin::Twin twin = twin::make_twin(now);
  // Bodies are separated by a zero byte, which no JSON text holds.
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    const std::string body(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (const auto reported = twin::apply_reported_patch(twin, body, {}, now)) twin = *reported;
    const std::string desired = R"({"tags":)" + body + R"(,"properties":{"desired":)" + body + "}}";
    if (const auto patched = twin::apply_service_patch(twin, desired, now)) twin = patched->after;
    if (const auto replaced = twin::apply_service_replace(twin, body, now)) {
      FUZZ_CHECK(replaced->desired_delta && json::parse(*replaced->desired_delta));
    }
    if (const auto patched = twin::apply_digital_twin_patch(twin, body, now)) twin = patched->after;
    check(twin.desired);
    check(twin.reported);
    FUZZ_CHECK(json::parse(twin::service_view(twin, {}, {})) && json::parse(twin::device_view(twin)));
    FUZZ_CHECK(json::parse(twin::digital_twin_view(twin, "d")));
  }
  return 0;
}
