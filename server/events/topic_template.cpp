#include "server/events/topic_template.hpp"

#include "protocol/mqtt/mqtt_string.hpp"
#include "server/events/outgoing.hpp"

#include <algorithm>
#include <array>

namespace twinhub::events {
namespace {

/// The operator's own text may hold levels.
std::string levels_of(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t slash = text.find('/');
    out += mqtt::safe_topic_level(text.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out += '/';
    text.remove_prefix(slash + 1);
  }
}

std::string_view channel_of(storage::EventSource source) {
  constexpr std::array channels{std::string_view("messages/events"), std::string_view("twin/changes"),
                                std::string_view("lifecycle"), std::string_view("connectionState")};
  return channels[static_cast<std::size_t>(source)];
}

/// Of the hub's own events alone: what a device calls opType is the device's word.
std::string operation_of(const storage::Event& event) {
  if (event.source == storage::EventSource::telemetry) return "";
  for (const auto& property : event.application) {
    if (property.name == "opType") return mqtt::safe_topic_level(property.value.value_or(""));
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
    if (literal.find_first_of("+#}") != std::string_view::npos || !mqtt::is_safe_string(literal))
      return fail(Errc::argument_invalid, "the topic holds one of + # } or a control character, which no topic may");
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
        topic += levels_of(hub_name);
        break;
      case Kind::identity:
        topic += "devices/" + mqtt::safe_topic_level(event.id.device);
        if (event.id.is_module()) topic += "/modules/" + mqtt::safe_topic_level(event.id.module);
        break;
      case Kind::device:
        topic += mqtt::safe_topic_level(event.id.device);
        break;
      case Kind::module:
        topic += mqtt::safe_topic_level(event.id.module);
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
