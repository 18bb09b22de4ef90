#include "server/console/doctor.hpp"

#include "server/console/json_object.hpp"
#include "server/notices/notices_page.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace twinhub::console {
namespace {

using notices::Notice;
using notices::Stage;

constexpr std::array<std::string_view, 4> step_names{"tcp", "tls", "connect", "twin"};
enum Step : std::size_t { tcp, tls, who, twin };

struct StepState {
  std::string_view state = "waiting";
  std::string detail;
  const Notice* notice = nullptr;  ///< why it failed
};

/// Of this device, of nobody, or of a peer that may have misspelt its name.
bool concerns(const Notice& notice, const std::string& device) {
  const std::string_view named = std::string_view(notice.id).substr(0, notice.id.find('/'));
  return named == device || notice.id.empty() || notice.reason == Reason::client_id_mismatch ||
         notice.reason == Reason::unknown_device;
}

Step step_of(Stage stage) {
  switch (stage) {
    case Stage::tcp:
      return tcp;
    case Stage::tls:
      return tls;
    case Stage::session:
      return twin;
    case Stage::connect:
    case Stage::http:
    case Stage::link:
      break;
  }
  return who;
}

std::array<StepState, 4> steps_of(const std::vector<Notice>& found, const iothub::Activity& activity, Timestamp since) {
  std::array<StepState, 4> steps;
  const Notice* newest = nullptr;
  for (const Notice& notice : found) {
    if (newest == nullptr || notice.revision > newest->revision) newest = &notice;
  }
  if (activity.connected) {
    for (const Step step : {tcp, tls, who}) steps[step].state = "ok";
    if (activity.last_activity > activity.connection_state_updated && activity.last_activity >= since)
      steps[twin].state = "ok";
    return steps;
  }
  if (newest == nullptr) return steps;
  const Step reached = step_of(newest->stage);
  for (std::size_t step = tcp; step < reached; ++step) steps[step].state = "ok";
  steps[tcp].detail = newest->address;
  steps[reached].state = "failed";
  steps[reached].notice = newest;
  return steps;
}

}  // namespace

std::string doctor_json(const DoctorParts& parts, const std::string& device, Timestamp since) {
  notices::NoticeQuery query;
  query.since = since;
  query.limit = 1000;
  auto found = parts.notices.find(query);
  std::erase_if(found.notices, [&device](const Notice& notice) { return !concerns(notice, device); });
  constexpr std::ptrdiff_t shown_max = 20;
  if (found.notices.size() > shown_max) found.notices.erase(found.notices.begin(), found.notices.end() - shown_max);
  const auto read = parts.hub.store.read({device, ""});
  const bool exists = read && read->entity.identity;
  const iothub::Activity activity = exists ? parts.hub.activities.of({device, ""}) : iothub::Activity{};
  std::string steps;
  const auto states = steps_of(found.notices, activity, since);
  for (std::size_t i = 0; i < states.size(); ++i) {
    JsonObject step;
    step.text("step", step_names[i]).text("state", states[i].state).text("detail", states[i].detail);
    if (const Notice* const why = states[i].notice) {
      step.text("reason", notices::name_of(why->reason))
          .text("sentence", notices::sentence_of(why->reason))
          .text("hint", notices::hint_of(why->reason))
          .text("said", why->detail)
          .text("code", why->code)
          .text("id", why->id)
          .number("count", why->count)
          .time("last", why->last);
    }
    steps += (i > 0 ? "," : "") + step.close();
  }
  return JsonObject()
      .text("deviceId", device)
      .flag("exists", exists)
      .flag("connected", activity.connected)
      .raw("steps", "[" + steps + "]")
      .raw("notices", json_array(found.notices, [](std::string& out,
                                                   const Notice& notice) { notices::append_notice_json(out, notice); }))
      .number("revision", found.notices.empty() ? std::uint64_t{0} : found.notices.back().revision)
      .close();
}

}  // namespace twinhub::console
