#include "protocol/configuration/content.hpp"

#include "protocol/ids.hpp"
#include "protocol/iothub/identity.hpp"
#include "protocol/json/member.hpp"
#include "protocol/json/text.hpp"
#include "protocol/twin/limits.hpp"
#include "protocol/twin/scan.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace twinhub::configuration {
namespace {

constexpr std::string_view desired_prefix = "properties.desired";
constexpr std::string_view edge_agent = "$edgeAgent";
constexpr std::string_view edge_hub = "$edgeHub";

struct FormName {
  Form form;
  std::string_view name;
};
constexpr std::array form_names{FormName{Form::device, "deviceContent"}, FormName{Form::module, "moduleContent"},
                                FormName{Form::modules, "modulesContent"}};

/// IoT Hub says the first sentence and no more.
Error invalid(const std::string& why) {
  return fail(Errc::invalid_configuration_content,
              "The content provided for configuration is invalid. Please check and try again: " + why);
}

std::string shown(std::string_view key) {
  constexpr std::size_t bytes_max = 128;
  return key.size() <= bytes_max ? std::string(key) : std::string(key.substr(0, bytes_max)) + "...";
}

/// "properties.desired.a.b" to {"a", "b"}.
std::optional<PropertyPath> path_of(std::string_view key) {
  if (!key.starts_with(desired_prefix)) return std::nullopt;
  key.remove_prefix(desired_prefix.size());
  PropertyPath path;
  while (!key.empty()) {
    if (key.front() != '.') return std::nullopt;
    key.remove_prefix(1);
    const std::size_t dot = std::min(key.find('.'), key.size());
    if (dot == 0) return std::nullopt;
    json::append_escaped(path.emplace_back(), key.substr(0, dot));
    key.remove_prefix(dot);
  }
  return path;
}

/// The setting as it would stand in a twin, so that the twin's own rules can look at it.
Result<void> check_value(const Setting& setting) {
  std::string text;
  for (const std::string& key : setting.path) text += R"({")" + key + R"(":)";
  text += setting.value.text();
  text.append(setting.path.size(), '}');
  const auto whole = json::parse(text);
  if (!whole) return invalid(whole.error().detail);
  if (!whole->root().is_object()) return invalid("properties.desired must be an object");
  if (const auto checked = twin::check_section(whole->root(), {}); !checked) return invalid(checked.error().detail);
  return {};
}

Result<std::vector<Setting>> parse_settings(const json::Value& object) {
  std::vector<Setting> settings;
  DesiredTree all;
  for (const json::Value member : object) {
    const std::string key = json::unescape(member.key_text());
    auto path = path_of(key);
    if (!path) return invalid("'" + shown(key) + "' is no path of desired properties, as properties.desired.a.b");
    settings.push_back({std::move(*path), member});
    if (const auto checked = check_value(settings.back()); !checked) return checked.error();
    all.put_below(settings.back().path, member);
  }
  const std::string text = all.text();
  const twin::SectionSize size{twin::measure(text.data()).size_bytes, text.size()};
  if (!twin::check_growth("Properties.Desired", {}, size, twin::properties_bytes_limit))
    return invalid("more than a twin's desired properties may hold");
  return settings;
}

Result<void> parse_modules(const json::Value& object, Content& content) {
  bool whole_agent = false;
  bool has_agent = false;
  for (const json::Value member : object) {
    const std::string module = json::unescape(member.key_text());
    const bool is_system = module == edge_agent || module == edge_hub;
    if (!is_valid_id(module) || (module.starts_with('$') && !is_system))
      return invalid("'" + shown(module) + "' is no module id");
    if (!member.is_object()) return invalid("'" + shown(module) + "' must be an object");
    auto settings = parse_settings(member);
    if (!settings) return settings.error();
    if (module == edge_agent) {
      has_agent = true;
      whole_agent = std::any_of(settings->begin(), settings->end(), [](const Setting& s) { return s.path.empty(); });
    }
    content.modules.push_back({module, std::move(*settings)});
  }
  if (!has_agent) return invalid("modulesContent must hold $edgeAgent");
  if (content.modules.size() > iothub::modules_per_device_max) return invalid("a device has at most 50 modules");
  content.layered = !whole_agent;
  return {};
}

std::string_view name_of(Form form) {
  return std::find_if(form_names.begin(), form_names.end(), [&](const FormName& known) { return known.form == form; })
      ->name;
}

}  // namespace

std::string Content::text() const {
  const std::string_view name = name_of(form);
  std::string out = "{";
  json::append_key(out, name);
  out += json::member_of(document->root(), name)->text();
  return out + "}";
}

Result<Content> parse_content(std::string_view json) {
  auto parsed = json::parse(json);
  if (!parsed) return parsed.error();
  Content content;
  content.document = std::make_shared<const json::Document>(std::move(*parsed));
  const json::Value root = content.document->root();
  if (!root.is_object()) return invalid("it must be an object");
  std::optional<json::Value> found;
  for (const FormName& known : form_names) {
    const auto member = json::member_of(root, known.name);
    if (!member || member->is_null()) continue;
    if (!member->is_object()) return invalid(std::string(known.name) + " must be an object");
    if (member->empty()) continue;
    if (found) return invalid("it must hold one of deviceContent, moduleContent and modulesContent");
    found = member;
    content.form = known.form;
  }
  if (!found) return invalid("it holds none of deviceContent, moduleContent and modulesContent");
  if (content.form == Form::modules) {
    if (const auto read = parse_modules(*found, content); !read) return read.error();
    return content;
  }
  auto settings = parse_settings(*found);
  if (!settings) return settings.error();
  content.settings = std::move(*settings);
  return content;
}

}  // namespace twinhub::configuration
