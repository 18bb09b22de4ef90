#include "server/notices/notices_page.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/text.hpp"
#include "protocol/query/dates.hpp"

#include <charconv>

namespace twinhub::notices {
namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Error cannot(const std::string& words) { return fail(Errc::argument_invalid, words); }

}  // namespace

void append_notice_json(std::string& out, const Notice& notice) {
  auto add = [&out, first = true](std::string_view name, std::string_view text) mutable {
    if (!std::exchange(first, false)) out += ',';
    json::append_key(out, name);
    json::append_string(out, text);
  };
  out += '{';
  add("time", to_iso8601(notice.first));
  add("last", to_iso8601(notice.last));
  out += ",\"count\":" + std::to_string(notice.count);
  add("kind", name_of(notice.kind));
  add("stage", name_of(notice.stage));
  add("id", notice.id);
  add("address", notice.address);
  add("transport", notice.transport);
  add("sni", notice.sni);
  add("code", notice.code);
  add("reason", name_of(notice.reason));
  add("sentence", sentence_of(notice.reason));
  add("detail", notice.detail);
  add("hint", hint_of(notice.reason));
  out += ",\"revision\":" + std::to_string(notice.revision) + '}';
}

Result<NoticeQuery> parse_notice_query(std::string_view text) {
  NoticeQuery query;
  if (text.starts_with('?')) text.remove_prefix(1);
  if (text.empty()) return query;
  for (const iothub::Property& property : iothub::parse_property_bag(text)) {
    const std::string value = property.value.value_or("");
    if (property.name == "device") {
      query.device = value;
    } else if (property.name == "reason") {
      query.reason = reason_named(value);
      if (!query.reason) return cannot("there is no reason '" + safe_text(value, 64) + "'");
    } else if (property.name == "since") {
      const auto since = query::parse_date(value);
      if (!since) return cannot("since is an ISO 8601 time, as 2026-11-29T07:54:06Z");
      query.since = *since;
    } else if (property.name == "after" || property.name == "limit") {
      const auto number = number_in(value);
      if (!number) return cannot(property.name + " is a number");
      (property.name == "after" ? query.after : query.limit) = *number;
    } else {
      return cannot("there is no parameter '" + safe_text(property.name, 64) +
                    "': there are device, reason, since, after and limit");
    }
  }
  return query;
}

std::string notices_json(const Notices::Found& found) {
  std::string out = "{\"revision\":" + std::to_string(found.revision) + ",\"notices\":[";
  for (const Notice& notice : found.notices) {
    if (&notice != &found.notices.front()) out += ',';
    append_notice_json(out, notice);
  }
  return out + "]}\n";
}

}  // namespace twinhub::notices
