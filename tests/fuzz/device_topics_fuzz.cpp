// Any topic, filter, user name or property bag: views stay inside their text, what is copied out of it is UTF-8.
#include "protocol/iothub/connect_fields.hpp"
#include "protocol/iothub/device_topics.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/text.hpp"

#include "check.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace twinhub;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto inside = [text](std::string_view view) {
    return view.empty() || (view.data() >= text.data() && view.data() + view.size() <= text.data() + text.size());
  };
  for (const IdentityId& self : {IdentityId{"dev1", ""}, IdentityId{"dev1", "mod1"}}) {
    if (const auto topic = iothub::parse_device_topic(text, self)) {
      if (const auto* telemetry = std::get_if<iothub::TelemetryTopic>(&*topic))
        FUZZ_CHECK(inside(telemetry->property_bag));
      if (const auto* get = std::get_if<iothub::TwinGetTopic>(&*topic))
        FUZZ_CHECK(inside(get->rid) && !get->rid.empty());
      if (const auto* patch = std::get_if<iothub::TwinReportedTopic>(&*topic)) FUZZ_CHECK(inside(patch->rid));
    }
    (void)iothub::parse_topic_filter(text, self);
  }
  if (const auto fields = iothub::parse_user_name(text)) FUZZ_CHECK(is_valid_id(fields->id.device));
  // Text, whatever came; a byte that is none stands as its escape.
  for (const auto& property : iothub::parse_property_bag(text)) {
    FUZZ_CHECK(property.name.size() <= 3 * size && json::is_utf8(property.name));
    FUZZ_CHECK(!property.value || json::is_utf8(*property.value));
  }
  return 0;
}
