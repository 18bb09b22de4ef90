#include "server/console/stream_request.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/query/dates.hpp"
#include "server/events/outgoing.hpp"
#include "server/notices/notice.hpp"

#include <algorithm>
#include <functional>
#include <optional>

namespace twinhub::console {
namespace {

struct Topic {
  std::string_view name;
  bool StreamRequest::*wanted;
};
constexpr Topic all_topics[] = {{"events", &StreamRequest::events},   {"state", &StreamRequest::state},
                                {"notices", &StreamRequest::notices}, {"figures", &StreamRequest::figures},
                                {"pending", &StreamRequest::pending}, {"doctor", &StreamRequest::doctor}};

Error refused(const std::string& words) { return fail(Errc::argument_invalid, words); }

std::string shown(std::string_view text) { return '\'' + notices::safe_text(text, 64) + '\''; }

/// By the name of a member, which is that of a parameter but for "sources".
Result<void> take(StreamRequest& request, std::string_view name, const std::vector<std::string>& values) {
  const std::string first = values.empty() ? std::string() : values.front();
  if (name == "topics") {
    for (const std::string& value : values) {
      const auto topic = std::find_if(std::begin(all_topics), std::end(all_topics),
                                      [&](const Topic& each) { return each.name == value; });
      if (topic == std::end(all_topics))
        return refused("there is no topic " + shown(value) +
                       "; there are events, state, notices, figures, pending, doctor");
      request.*topic->wanted = true;
    }
  } else if (name == "device") {
    request.filter.device = first;
  } else if (name == "from") {
    request.filter.from = first;
  } else if (name == "sources") {
    for (const std::string& value : values) {
      const auto source = events::source_of(value);
      if (!source) return refused("there is no source " + shown(value));
      request.filter.sources.push_back(*source);
    }
  } else if (name == "devices") {
    if (values.size() > watched_devices_max)
      return refused("state is shown of at most " + std::to_string(watched_devices_max) + " devices");
    request.devices = values;
  } else if (name == "since") {
    const auto since = query::parse_date(first);
    if (!since) return refused("since is an ISO 8601 time, as 2026-11-29T07:54:06Z");
    request.since = *since;
  } else {
    return refused("there is no member " + shown(name) + "; there are topics, device, sources, from, devices, since");
  }
  return {};
}

Result<StreamRequest> checked(StreamRequest request) {
  if (request.topics().empty()) return refused("topics says what to show");
  if (request.doctor && request.filter.device.empty()) return refused("the topic doctor needs a device");
  return request;
}

template <class Visit>
void for_each_part(std::string_view text, char at, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    if (end > 0) visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

std::vector<std::string_view> StreamRequest::topics() const {
  std::vector<std::string_view> names;
  for (const Topic& topic : all_topics) {
    if (this->*topic.wanted) names.push_back(topic.name);
  }
  return names;
}

Result<StreamRequest> parse_stream_query(std::string_view query) {
  StreamRequest request;
  Result<void> taken;
  for_each_part(query, '&', [&](std::string_view pair) {
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals), value = pair.substr(std::min(equals + 1, pair.size()));
    const bool is_list = name == "topics" || name == "source" || name == "devices";
    std::vector<std::string> values;
    // Apart before decoded: an id may hold a comma.
    for_each_part(value, is_list ? ',' : '\0',
                  [&](std::string_view part) { values.push_back(iothub::percent_decode(part)); });
    if (taken) taken = take(request, name == "source" ? "sources" : name, values);
  });
  if (!taken) return taken.error();
  return checked(std::move(request));
}

Result<StreamRequest> parse_stream_body(std::string_view json) {
  const auto document = json::parse(json);
  if (!document || !document->root().is_object()) return refused("the body is no JSON object");
  StreamRequest request;
  for (const json::Value member : document->root()) {
    std::vector<std::string> values;
    if (auto text = member.string()) {
      values.push_back(std::move(*text));
    } else if (member.kind() == json::Kind::array) {
      for (const json::Value element : member) {
        auto each = element.string();
        if (!each) return refused("the members are texts, or lists of texts");
        values.push_back(std::move(*each));
      }
    } else if (member.is_null()) {
      continue;
    } else {
      return refused("the members are texts, or lists of texts");
    }
    if (const auto taken = take(request, json::unescape(member.key_text()), values); !taken) return taken.error();
  }
  return checked(std::move(request));
}

bool may_see(const StreamRequest& request, hub::Right rights) {
  return hub::has(rights, hub::Right::service_connect) || (!request.events && !request.state && !request.pending);
}

}  // namespace twinhub::console
