// Any text as query, condition and route: what is refused has a position inside the text; what is taken can be
// evaluated over a document and gives JSON.
#include "protocol/json/document.hpp"
#include "protocol/query/aggregate.hpp"
#include "protocol/query/evaluate.hpp"
#include "protocol/query/parse.hpp"
#include "protocol/query/plan.hpp"
#include "protocol/query/project.hpp"
#include "protocol/query/routing_condition.hpp"
#include "protocol/query/twin_row.hpp"
#include "protocol/twin/patch.hpp"

#include "check.hpp"

#include <cstdint>

namespace {

using namespace twinhub;
using namespace twinhub::query;

class Message final : public MessageView {
 public:
  explicit Message(Row& twin) : twin_(twin) {}
  std::optional<std::string_view> system_property(std::string_view name) override {
    if (name == "contentType") return "application/json";
    if (name == "contentEncoding") return "utf-8";
    return std::nullopt;
  }
  std::optional<std::string_view> application_property(std::string_view name) override {
    if (name.size() % 2 == 0) return std::nullopt;
    return "12";
  }
  std::string_view body() override { return R"({"a":{"b":[1,"x",{"c":null}]}})"; }
  Row* twin() override { return &twin_; }

 private:
  Row& twin_;
};

twin::Twin make_twin() {
  const Timestamp now{unix_epoch_ticks};
  const auto patched = twin::apply_service_patch(
      twin::make_twin(now), R"({"tags":{"a":1,"b":{"c":"x"}},"properties":{"desired":{"p":[1,2,{"q":true}]}}})", now);
  return *twin::apply_reported_patch(patched->after, R"({"a":"é\"\\\n","b":{"c":-1.50e3}})", {}, now);
}

void check_query(std::string_view text, Row& row) {
  const auto query = parse_query(text);
  if (!query) {
    FUZZ_CHECK(query.error().position <= text.size() && !query.error().what.empty());
    FUZZ_CHECK(!to_error(query.error(), text).detail.empty());
    return;
  }
  (void)device_ranges(query->where);
  (void)needs_of(*query);
  Scratch scratch;
  (void)selects(query->where, row, scratch);
  std::string json;
  if (query->aggregates()) {
    Groups groups(*query);
    FUZZ_CHECK(groups.add(row, scratch));
    FUZZ_CHECK(groups.rows().size() == 1);
    json = groups.rows().front().json;
  } else {
    append_row(json, *query, row, scratch);
  }
  FUZZ_CHECK(json::parse(json));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const twin::Twin twin = make_twin();
  iothub::Identity identity;
  identity.id.device = "d";
  MemoryParts parts(identity, twin);
  TwinRow row(parts);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_query(text, row);
  for (const auto parse : {parse_job_condition, parse_target_condition}) {
    const auto condition = parse(text, {});
    Scratch scratch;
    if (condition) (void)selects(condition->where, row, scratch);
    if (!condition) FUZZ_CHECK(condition.error().position <= text.size());
  }
  Message message(row);
  if (const auto route = RoutingCondition::parse(text)) {
    (void)route->evaluate(message);
  } else {
    FUZZ_CHECK(route.error().position <= text.size());
  }
  (void)twin_value(text, row);
  return 0;
}
