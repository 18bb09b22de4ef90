#include "server/events/topic_template.hpp"

#include "server/events/outgoing.hpp"

#include <algorithm>
#include <array>

namespace twinhub::events {
namespace {

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '+' || c == '#' || c == '%') {
      out += iothub::percent_encode(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view channel_of(storage::EventSource source) {
  constexpr std::array channels{std::string_view("messages/events"), std::string_view("twin/changes"),
                                std::string_view("lifecycle"), std::string_view("connectionState")};
  return channels[static_cast<std::size_t>(source)];
}

std::string operation_of(const storage::Event& event) {
  for (const auto& property : event.application) {
    if (property.name == "opType") return encoded(property.value.value_or(""));
  }
  return "";
}

}  // namespace

Result<TopicTemplate> TopicTemplate::parse(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Kind>, 7> names{{{"hub", Kind::hub},
                                                                    {"identity", Kind::identity},
                                                                    {"deviceId", Kind::device},
                                                                    {"moduleId", Kind::module},
                                                                    {"source", Kind::source},
                                                                    {"opType", Kind::operation},
                                                                    {"channel", Kind::channel}}};
  if (text.empty()) return fail(Errc::argument_invalid, "the topic is empty");
  TopicTemplate made;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    const std::string_view literal = text.substr(0, open);
    if (literal.find_first_of("+#}") != std::string_view::npos || literal.find('\0') != std::string_view::npos)
      return fail(Errc::argument_invalid, "the topic holds one of + # }, which no topic may");
    if (!literal.empty()) made.pieces_.push_back({Kind::literal, std::string(literal)});
    text.remove_prefix(open);
    if (text.empty()) break;
    const std::size_t close = text.find('}');
    if (close == std::string_view::npos) return fail(Errc::argument_invalid, "a { of the topic is not closed");
    const std::string_view name = text.substr(1, close - 1);
    const auto known = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.first == name; });
    if (known == names.end()) {
      return fail(Errc::argument_invalid, "the topic's {" + std::string(name) +
                                              "} is unknown; there are {hub} {identity} {deviceId} {moduleId} {source} "
                                              "{opType} {channel}");
    }
    made.pieces_.push_back({known->second, ""});
    text.remove_prefix(close + 1);
  }
  return made;
}

std::string TopicTemplate::topic_of(const storage::Event& event, std::string_view hub_name) const {
  std::string topic;
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Kind::literal:
        topic += piece.text;
        break;
      case Kind::hub:
        topic += encoded(hub_name);
        break;
      case Kind::identity:
        topic += encoded(subject_of(event.id));
        break;
      case Kind::device:
        topic += encoded(event.id.device);
        break;
      case Kind::module:
        topic += encoded(event.id.module);
        break;
      case Kind::source:
        topic += source_name(event.source);
        break;
      case Kind::operation:
        topic += operation_of(event);
        break;
      case Kind::channel:
        topic += channel_of(event.source);
        break;
    }
  }
  return topic;
}

}  // namespace twinhub::events
