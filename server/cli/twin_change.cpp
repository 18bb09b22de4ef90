#include "server/cli/twin_change.hpp"

#include "server/cli/text_output.hpp"

#include <string_view>

namespace twinhub::cli {
namespace {

std::string clock_of(const std::string& iso8601) {
  constexpr std::size_t begin = std::string_view("2026-11-23T").size();
  constexpr std::size_t size = std::string_view("05:40:00.123").size();
  std::string text = iso8601.size() > begin ? iso8601.substr(begin) : "";
  if (!text.empty() && text.back() == 'Z') text.pop_back();
  if (text.find('.') == std::string::npos) text += '.';
  text.resize(size, '0');
  return text;
}

std::string changed(const json::Value& section) {
  std::string text = with_member(section, "$version", "");
  const auto document = json::parse(text);
  return document ? with_member(document->root(), "$metadata", "") : text;
}

/// One line for each section of a twin that an event holds.
std::string lines_of_twin(const std::string& when, const json::Value& body, bool replaced) {
  const std::string what = replaced ? " replaced" : "";
  std::string lines;
  const auto tags = body.find("tags");
  if (tags) lines += when + "  tags" + what + "  " + std::string(tags->text()) + "\n";
  for (const char* name : {"desired", "reported"}) {
    const auto section = value_at(body, {"properties", name});
    if (!section || (replaced && std::string_view(name) == "reported")) continue;
    lines += when + "  " + name + what + " v" + cell_of(section->find("$version")) + "  " + changed(*section) + "\n";
  }
  return lines;
}

}  // namespace

std::string lines_of_change(const json::Value& event) {
  const std::string when = clock_of(text_at(event, "enqueuedTime"));
  const std::string operation = cell_of(value_at(event, {"properties", "opType"}));
  const auto body = event.find("body");
  if (body && (operation == "updateTwin" || operation == "replaceTwin"))
    return lines_of_twin(when, *body, operation == "replaceTwin");
  if (operation == "deviceConnected") return when + "  connected\n";
  if (operation == "deviceDisconnected") return when + "  disconnected\n";
  if (operation == "createDeviceIdentity") return when + "  created\n";
  if (operation == "deleteDeviceIdentity") return when + "  deleted\n";
  return "";
}

}  // namespace twinhub::cli
