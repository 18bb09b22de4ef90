#include "protocol/twin/digital_twin.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/twin/scan.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace twinhub::twin {
namespace {

constexpr std::string_view marker = "__t";
constexpr std::string_view metadata = "$metadata";

bool is_component(const std::optional<json::Value>& value) {
  const auto kind = value ? value->find(marker) : std::nullopt;
  return kind && kind->text() == R"("c")";
}

/// A value of a section, and where its stamp stands.
struct Stamped {
  json::Value value;
  std::size_t stamp = 0;
};

std::vector<Stamped> members_of(const std::optional<Stamped>& object) {
  std::vector<Stamped> members;
  if (!object || !object->value.is_object()) return members;
  std::size_t next = object->stamp + 1;
  for (const json::Value member : object->value) {
    members.push_back({member, next});
    next += measure(member.text().data()).stamps;
  }
  return members;
}

std::optional<Stamped> find(const std::vector<Stamped>& members, std::string_view key_text) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Stamped& member) { return member.value.key_text() == key_text; });
  return found == members.end() ? std::nullopt : std::optional<Stamped>(*found);
}

std::optional<json::Value> value_of(const std::optional<Stamped>& stamped) {
  return stamped ? std::optional<json::Value>(stamped->value) : std::nullopt;
}

/// Writes one member behind the others of its object.
void append_member(std::string& out, std::string_view key_text, std::string_view value_text) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += key_text;
  out += "\":";
  out += value_text;
}

/// Makes the view of one level: the root, or a component.
class LevelView {
 public:
  LevelView(const Twin& twin, const std::optional<Stamped>& desired, const std::optional<Stamped>& reported)
      : twin_(twin), desired_(members_of(desired)), reported_(members_of(reported)) {}

  /// Appends the level's members, "$metadata" last; `metadata_text` is what that begins with.
  void append(std::string& out, std::string metadata_text, bool with_components) const {
    for (const Stamped& member : reported_) append_one(out, metadata_text, member.value.key_text(), with_components);
    for (const Stamped& member : desired_) {
      const auto key = member.value.key_text();
      if (!find(reported_, key)) append_one(out, metadata_text, key, with_components);
    }
    append_member(out, metadata, metadata_text + "}");
  }

 private:
  void append_one(std::string& out, std::string& metadata_text, std::string_view key, bool with_components) const {
    if (key == marker) return;
    const auto desired = find(desired_, key);
    const auto reported = find(reported_, key);
    if (with_components && (is_component(value_of(desired)) || is_component(value_of(reported)))) {
      std::string component = "{";
      LevelView(twin_, desired, reported).append(component, "{", false);
      append_member(out, key, component + "}");
      return;
    }
    append_property(out, metadata_text, key, desired, reported);
  }

  /// A writable property is reported as {"value":..,"ac":..,"av":..,"ad":..}.
  /// Source: azure-docs iot-develop concepts-convention, "Writable properties".
  void append_property(std::string& out, std::string& metadata_text, std::string_view key,
                       const std::optional<Stamped>& desired, const std::optional<Stamped>& reported) const {
    std::string about = "{";
    if (desired) {
      const Stamp& stamp = twin_.desired.stamps[desired->stamp];
      append_member(about, "desiredValue", desired->value.text());
      append_member(about, "desiredVersion",
                    std::to_string(stamp.version != 0 ? stamp.version : twin_.desired.version));
    }
    if (reported) {
      const json::Value& shown = reported->value;
      const auto value = shown.find("value"), code = shown.find("ac"), version = shown.find("av");
      const bool acknowledges = value && (code || version);
      append_member(out, key, acknowledges ? value->text() : shown.text());
      if (acknowledges) {
        const auto description = shown.find("ad");
        if (version) append_member(about, "ackVersion", version->text());
        if (code) append_member(about, "ackCode", code->text());
        if (description) append_member(about, "ackDescription", description->text());
      }
      append_member(about, "lastUpdateTime", '"' + to_iso8601(twin_.reported.stamps[reported->stamp].at) + '"');
    }
    append_member(metadata_text, key, about + "}");
  }

  const Twin& twin_;
  std::vector<Stamped> desired_;
  std::vector<Stamped> reported_;
};

/// A section's text is the hub's own: it parses.
json::Document document_of(const Section& section) { return *json::parse(section.text); }

Error invalid(std::string why) { return fail(Errc::invalid_digital_twin_patch, std::move(why)); }

/// Source: azure-docs howto-manage-digital-twin, "Troubleshoot update digital twin API errors", for the words.
Error not_conformant(std::string_view name) {
  return fail(Errc::argument_invalid,
              "'" + std::string(name) +
                  "' exists within the device twin and is not digital twin conformant property. "
                  "Please refer to aka.ms/dtpatch to update this to be conformant.");
}

/// A DTDL v2 name: letters, digits (not first), underscores (neither first nor last), 1 to 64 characters. It needs no
/// escapes, in JSON Pointer and in JSON.
bool is_dtdl_name(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  constexpr std::size_t characters_max = 64;
  return !name.empty() && name.size() <= characters_max && is_letter(name.front()) && name.back() != '_' &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

/// An object taken apart, to be changed; keys and values as canonical text.
struct Member {
  std::string key;
  std::string text;
};
using Members = std::vector<Member>;

Members take_apart(const json::Value& object) {
  Members members;
  for (const json::Value member : object)
    members.push_back({std::string(member.key_text()), std::string(member.text())});
  return members;
}

std::string put_together(const Members& members) {
  std::string out = "{";
  for (const Member& member : members) append_member(out, member.key, member.text);
  return out + "}";
}

const std::string* find(const Members& members, std::string_view key) {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return found == members.end() ? nullptr : &found->text;
}

void set_member(Members& members, std::string_view key, std::string text) {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  if (found != members.end()) {
    found->text = std::move(text);
  } else {
    members.push_back({std::string(key), std::move(text)});
  }
}

void remove_member(Members& members, std::string_view key) {
  std::erase_if(members, [&](const Member& member) { return member.key == key; });
}

/// The merge patch that turns `before` into `after`: objects are replaced member by member, with null for what goes.
std::string replacement(const std::optional<json::Value>& before, const json::Value& after) {
  if (!after.is_object()) return std::string(after.text());
  std::string out = "{";
  for (const json::Value member : after) {
    const auto same = before ? before->find(json::unescape(member.key_text())) : std::nullopt;
    append_member(out, member.key_text(), replacement(same, member));
  }
  if (before && before->is_object()) {
    for (const json::Value member : *before) {
      if (!after.find(json::unescape(member.key_text()))) append_member(out, member.key_text(), "null");
    }
  }
  return out + "}";
}

struct Operation {
  enum class Kind : unsigned char { add, replace, remove } kind = Kind::add;
  std::string name;      ///< root property or component
  std::string property;  ///< of the component; empty: `name` itself
  std::optional<json::Value> value;
};

Result<Operation> read_path(std::string_view path, Operation operation) {
  if (!path.starts_with('/')) return invalid("A path must begin with '/' and name a property or component");
  path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  operation.name = path.substr(0, slash);
  if (slash != std::string_view::npos) operation.property = path.substr(slash + 1);
  const bool has_property = slash != std::string_view::npos;
  if (!is_dtdl_name(operation.name) || (has_property && !is_dtdl_name(operation.property))) {
    return invalid("A path is /property, /component or /component/property, of DTDL names");
  }
  return operation;
}

Result<Operation> read_operation(const json::Value& element) {
  const auto op = element.find("op"), path = element.find("path");
  const auto op_text = op ? op->string() : std::nullopt, path_text = path ? path->string() : std::nullopt;
  if (!op_text || !path_text) return invalid("An operation needs the texts 'op' and 'path'");
  Operation operation;
  if (*op_text == "replace") {
    operation.kind = Operation::Kind::replace;
  } else if (*op_text == "remove") {
    operation.kind = Operation::Kind::remove;
  } else if (*op_text != "add") {
    return invalid("An operation is add, replace or remove");
  }
  if (operation.kind != Operation::Kind::remove) {
    operation.value = element.find("value");
    if (!operation.value || operation.value->is_null())
      return invalid("add and replace need a 'value' that is not null");
  }
  return read_path(*path_text, std::move(operation));
}

/// Desired properties while operations are applied to them, and what those have touched.
class DesiredDraft {
 public:
  DesiredDraft(const json::Value& desired, const json::Value& reported)
      : before_(desired), reported_(reported), root_(take_apart(desired)) {}

  Result<void> apply(const Operation& operation) {
    const bool component = is_component_now(operation.name);
    const bool known = find(root_, operation.name) != nullptr || reported_.find(operation.name).has_value();
    if (!operation.property.empty()) {
      if (known && !component) return not_conformant(operation.name);
      return change_component_property(operation);
    }
    if (operation.kind != Operation::Kind::add && !known) return missing(operation.name);
    if (operation.kind == Operation::Kind::remove) {
      remove_member(root_, operation.name);
    } else if (operation.value->find(metadata)) {
      if (known && !component) return not_conformant(operation.name);
      auto value = component_value(*operation.value);
      if (!value) return value.error();
      set_member(root_, operation.name, std::move(*value));
    } else {
      if (component) return not_conformant(operation.name);
      set_member(root_, operation.name, std::string(operation.value->text()));
    }
    touch(operation.name, "");
    return {};
  }

  /// The merge patch for desired properties.
  [[nodiscard]] std::string patch() const {
    std::string out = "{";
    for (const auto& [name, properties] : touched_) {
      const std::string* text = find(root_, name);
      const auto before = before_.find(name);
      if (text == nullptr) {
        append_member(out, name, "null");
        continue;
      }
      const json::Document after = *json::parse(*text);
      if (std::find(properties.begin(), properties.end(), "") != properties.end()) {
        append_member(out, name, replacement(before, after.root()));
        continue;
      }
      std::string component = R"({"__t":"c")";
      for (const std::string& property : properties) {
        const auto value = after.root().find(property);
        append_member(component, property,
                      value ? replacement(before ? before->find(property) : std::nullopt, *value) : "null");
      }
      append_member(out, name, component + "}");
    }
    return out + "}";
  }

 private:
  static Error missing(std::string_view name) {
    return invalid("The digital twin has no '" + std::string(name) + "' to replace or remove");
  }

  bool is_component_now(const std::string& name) const {
    if (is_component(reported_.find(name))) return true;
    const std::string* text = find(root_, name);
    if (text == nullptr) return false;
    const json::Document value = *json::parse(*text);
    return is_component(value.root());
  }

  Result<void> change_component_property(const Operation& operation) {
    const std::string* text = find(root_, operation.name);
    Members component =
        text != nullptr ? take_apart(json::parse(*text)->root()) : Members{{std::string(marker), R"("c")"}};
    const auto reported = reported_.find(operation.name);
    const bool known =
        find(component, operation.property) != nullptr || (reported && reported->find(operation.property).has_value());
    if (operation.kind != Operation::Kind::add && !known) return missing(operation.name + "/" + operation.property);
    if (operation.kind == Operation::Kind::remove) {
      remove_member(component, operation.property);
    } else {
      set_member(component, operation.property, std::string(operation.value->text()));
    }
    // The last property takes its component along.
    const bool empty = component.size() == 1 && component.front().key == marker;
    if (empty) {
      remove_member(root_, operation.name);
    } else {
      set_member(root_, operation.name, put_together(component));
    }
    touch(operation.name, operation.property);
    return {};
  }

  /// A component's value as it is kept: with the marker of device twins instead of that of digital twins.
  static Result<std::string> component_value(const json::Value& value) {
    std::string out = R"({"__t":"c")";
    for (const json::Value member : value) {
      if (member.key_text() == metadata) {
        if (!member.is_object() || !member.empty()) return invalid("A component's $metadata must be an empty object");
        continue;
      }
      if (!is_dtdl_name(member.key_text())) return invalid("A component's properties must have DTDL names");
      append_member(out, member.key_text(), member.text());
    }
    return out + "}";
  }

  void touch(const std::string& name, const std::string& property) {
    const auto known = std::find_if(touched_.begin(), touched_.end(), [&](const auto& t) { return t.first == name; });
    auto& properties =
        known != touched_.end() ? known->second : touched_.emplace_back(name, std::vector<std::string>{}).second;
    if (std::find(properties.begin(), properties.end(), property) == properties.end()) properties.push_back(property);
  }

  json::Value before_;
  json::Value reported_;
  Members root_;
  std::vector<std::pair<std::string, std::vector<std::string>>> touched_;  ///< property "": the whole component
};

}  // namespace

std::string digital_twin_view(const Twin& twin, std::string_view device_id) {
  const json::Document desired = document_of(twin.desired), reported = document_of(twin.reported);
  std::string out = R"({"$dtId":)", metadata_text = R"({"$model":)";
  json::append_string(out, device_id);
  json::append_string(metadata_text, twin.model_id);
  LevelView(twin, Stamped{desired.root(), 0}, Stamped{reported.root(), 0}).append(out, std::move(metadata_text), true);
  return out + "}";
}

Result<ServiceUpdate> apply_digital_twin_patch(const Twin& before, std::string_view body, Timestamp now) {
  return apply_digital_twin_patch(before, json::parse(body), now);
}

Result<ServiceUpdate> apply_digital_twin_patch(const Twin& before, const Result<json::Document>& body, Timestamp now) {
  if (!body) return body.error();
  if (body->root().kind() != json::Kind::array) return invalid("A digital twin patch is an array of operations");
  const json::Document desired = document_of(before.desired), reported = document_of(before.reported);
  DesiredDraft draft(desired.root(), reported.root());
  for (const json::Value element : body->root()) {
    const auto operation = read_operation(element);
    if (!operation) return operation.error();
    if (const auto applied = draft.apply(*operation); !applied) return applied.error();
  }
  return apply_service_patch(before, R"({"properties":{"desired":)" + draft.patch() + "}}", now);
}

}  // namespace twinhub::twin
