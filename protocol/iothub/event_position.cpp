#include "protocol/iothub/event_position.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace twinhub::iothub {
namespace {

using By = EventPosition::By;

struct Annotation {
  std::string_view name;
  By by;
};
/// The last one is what az's extension filters by.
constexpr std::array annotations{
    Annotation{"x-opt-offset", By::offset}, Annotation{"x-opt-sequence-number", By::sequence_number},
    Annotation{"x-opt-enqueued-time", By::enqueued_time}, Annotation{"x-opt-enqueuedtimeutc", By::enqueued_time}};

void skip_spaces(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); }

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

std::optional<By> take_annotation(std::string_view& text) {
  if (!take(text, "amqp.annotation.")) return std::nullopt;
  const std::string_view name = text.substr(0, text.find_first_of(" >"));
  const auto known =
      std::find_if(annotations.begin(), annotations.end(), [&](const Annotation& one) { return one.name == name; });
  if (known == annotations.end()) return std::nullopt;
  text.remove_prefix(name.size());
  return known->by;
}

/// The value without its quotes; nullopt when there is none, or something behind it.
std::optional<std::string_view> take_value(std::string_view text) {
  const std::size_t end = text.find_last_not_of(' ');
  if (end == std::string_view::npos) return std::nullopt;
  text = text.substr(0, end + 1);
  if (text.front() != '\'') return text;
  if (text.size() < 2 || text.back() != '\'') return std::nullopt;
  return text.substr(1, text.size() - 2);
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range)
    return text.front() == '-' ? -1 : std::numeric_limits<std::int64_t>::max();
  if (error != std::errc{}) return std::nullopt;
  return number;
}

}  // namespace

std::optional<EventPosition> parse_event_position(std::string_view filter) {
  skip_spaces(filter);
  const auto by = take_annotation(filter);
  skip_spaces(filter);
  if (!by || !take(filter, ">")) return std::nullopt;
  const bool inclusive = take(filter, "=");
  skip_spaces(filter);
  const auto value = take_value(filter);
  if (!value) return std::nullopt;
  if (*by == By::offset && *value == "@latest") return EventPosition{By::latest, 0, inclusive};
  const auto number = parse_number(*value);
  if (!number) return std::nullopt;
  if (*number < 0) return EventPosition{By::start, 0, inclusive};
  return EventPosition{*by, *number, inclusive};
}

}  // namespace twinhub::iothub
