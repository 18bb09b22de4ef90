#include "server/cli/twin.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/text_file.hpp"
#include "server/cli/text_output.hpp"

#include <iostream>
#include <map>
#include <memory>

namespace twinhub::cli {
namespace {

/// A tree of members that ends in JSON texts.
struct Node {
  std::string value;  ///< JSON, "" = an object of the members below
  std::map<std::string, std::unique_ptr<Node>> members;
};

void append(std::string& out, const Node& node) {
  if (!node.value.empty()) {
    out += node.value;
    return;
  }
  out += '{';
  for (const auto& [name, member] : node.members) {
    if (out.back() != '{') out += ',';
    json::append_key(out, name);
    append(out, *member);
  }
  out += '}';
}

std::string value_of(const std::string& text) {
  if (const auto document = json::parse(text)) return document->text();
  std::string quoted;
  json::append_string(quoted, text);
  return quoted;
}

/// False: a member on the way has a value of its own.
bool put(Node& root, std::string_view path, const std::string& value) {
  Node* node = &root;
  while (!path.empty()) {
    if (!node->value.empty()) return false;
    const std::size_t dot = std::min(path.find('.'), path.size());
    auto& member = node->members[std::string(path.substr(0, dot))];
    if (!member) member = std::make_unique<Node>();
    node = member.get();
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  if (!node->value.empty() || !node->members.empty()) return false;
  node->value = value;
  return true;
}

Result<std::string> read_patch(const std::string& file) {
  const auto text = read_json_file(file);
  if (!text) return text.error();
  const auto document = json::parse(*text);
  if (!document) return fail(Errc::argument_invalid, file + ": " + document.error().detail);
  return document->text();
}

/// A section without the hub's own members ($version, $metadata).
std::string properties_of(const std::optional<json::Value>& section) {
  if (!section) return "{}";
  std::string text = with_member(*section, "$version", "");
  const auto document = json::parse(text);
  return document ? with_member(document->root(), "$metadata", "") : text;
}

void print_section(std::string_view name, const std::string& text, const std::string& note) {
  const auto document = json::parse(text);
  if (!document) return;
  std::cout << name << note << "\n" << pretty(document->root()) << "\n";
}

void print_twin(const json::Value& twin, bool metadata) {
  const std::string module = text_at(twin, "moduleId");
  std::cout << text_at(twin, "deviceId") << (module.empty() ? "" : "/" + module) << "  " << text_at(twin, "status")
            << ", " << text_at(twin, "connectionState") << ", last activity "
            << time_cell(text_at(twin, "lastActivityTime")) << "  etag " << text_at(twin, "etag") << "\n\n";
  const auto tags = twin.find("tags");
  print_section("tags", tags ? std::string(tags->text()) : "{}", "");
  for (const std::string_view name : {"desired", "reported"}) {
    const auto section = value_at(twin, {"properties", name});
    if (!section) continue;
    const std::string note = "  version " + cell_of(section->find("$version")) + ", last written " +
                             time_cell(cell_of(value_at(*section, {"$metadata", "$lastUpdated"})));
    print_section(name, metadata ? std::string(section->text()) : properties_of(section), note);
  }
}

int print_answer(const std::string& body, bool metadata, bool json) {
  const auto document = json::parse(body);
  if (!document) return report(document.error());
  if (json) {
    std::cout << document->text() << "\n";
  } else {
    print_twin(document->root(), metadata);
  }
  return exit_ok;
}

}  // namespace

std::string twin_path(const IdentityId& id) {
  std::string path = "/twins/" + iothub::percent_encode(id.device);
  if (id.is_module()) path += "/modules/" + iothub::percent_encode(id.module);
  return path;
}

int show_twin(const config::Settings& settings, const TwinShow& options) {
  const auto body = call_hub(settings, "GET", twin_path(options.id));
  return body ? print_answer(*body, options.metadata, options.json) : report(body.error());
}

Result<std::string> patch_of(const std::vector<std::string>& assignments) {
  Node tags, desired;
  bool has_tags = false, has_desired = false;
  for (const std::string& assignment : assignments) {
    const auto wrong = [&](const std::string& why) {
      return fail(Errc::argument_invalid, "'" + assignment + "' " + why);
    };
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos)
      return wrong("is not an assignment such as desired.fan.speed=3 or tags.room=attic");
    std::string_view path = std::string_view(assignment).substr(0, equals);
    for (const std::string_view prefix : {"properties.desired.", "desired.", "tags."}) {
      if (!path.starts_with(prefix)) continue;
      path.remove_prefix(prefix.size());
      const bool is_tag = prefix == "tags.";
      (is_tag ? has_tags : has_desired) = true;
      if (path.empty() || !put(is_tag ? tags : desired, path, value_of(assignment.substr(equals + 1))))
        return wrong("contradicts another assignment, or names no property");
      path = {};
      break;
    }
    if (!path.empty()) return wrong("must begin with desired. or tags.; reported properties are the device's own");
  }
  std::string patch = "{";
  if (has_tags) {
    patch += R"("tags":)";
    append(patch, tags);
  }
  if (has_desired) {
    patch += has_tags ? R"(,"properties":{"desired":)" : R"("properties":{"desired":)";
    append(patch, desired);
    patch += '}';
  }
  return patch + "}";
}

int set_twin(const config::Settings& settings, const TwinSet& options) {
  const auto patch = options.file.empty() ? patch_of(options.assignments) : read_patch(options.file);
  if (!patch) {
    report(patch.error());
    return exit_usage;
  }
  const auto body = call_hub(settings, options.replace ? "PUT" : "PATCH", twin_path(options.id), *patch,
                             options.etag.empty() ? any_etag : '"' + options.etag + '"');
  return body ? print_answer(*body, false, options.json) : report(body.error());
}

}  // namespace twinhub::cli
