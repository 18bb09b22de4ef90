#include "server/management/arm/template_expression.hpp"

#include "protocol/json/text.hpp"
#include "server/management/arm/arm_answer.hpp"
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/quoted_text.hpp"

#include <algorithm>
#include <charconv>

namespace twinhub::management {
namespace {

using Text = ArmResult<std::string>;

/// The characters of a JSON text that is a string; nullopt for any other.
std::optional<std::string> as_text(const std::string& json) {
  const auto parsed = json::parse(json);
  return parsed ? parsed->root().string() : std::nullopt;
}

/// As concat() has it: a number or boolean becomes its text.
std::optional<std::string> as_part(const std::string& json) {
  if (auto text = as_text(json)) return text;
  if (json.starts_with('{') || json.starts_with('[') || json == "null") return std::nullopt;
  return json;
}

std::string in_case(std::string text, bool upper) {
  for (char& c : text) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }
bool continues_name(char c) { return begins_name(c) || (c >= '0' && c <= '9') || c == '-'; }

}  // namespace

ArmAnswer invalid_template(std::string_view why) {
  return refusal(400, "InvalidTemplate", "Deployment template validation failed: " + std::string(why));
}

/// One expression being read and, in the same pass, evaluated.
class TemplateEvaluator::Expression {
 public:
  Expression(TemplateEvaluator& owner, std::string_view text) : owner_(owner), whole_(text), rest_(text) {}

  Text read_all() {
    auto value = read();
    skip_spaces();
    if (value && !rest_.empty()) return wrong("'" + std::string(rest_) + "' is not understood");
    return value;
  }

 private:
  [[nodiscard]] ArmAnswer wrong(const std::string& what) const {
    return invalid_template("in the expression '[" + std::string(whole_) + "]': " + what + ".");
  }

  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  bool take(char c) {
    skip_spaces();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string name() {
    skip_spaces();
    std::size_t end = 0;
    if (!rest_.empty() && begins_name(rest_.front())) {
      while (end < rest_.size() && continues_name(rest_[end])) ++end;
    }
    std::string found(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return found;
  }

  Text read() {
    if (++owner_.nesting_ > nesting_max) return wrong("it is nested too deeply");
    if (++owner_.steps_ > steps_max) return wrong("the template takes too many steps");
    auto value = read_primary();
    while (value) {
      if (take('.')) {
        value = member(*value, json_text(name()));
      } else if (take('[')) {
        const auto index = read();
        if (!index) return index.error();
        if (!take(']')) return wrong("a ']' is missing");
        value = member(*value, *index);
      } else {
        break;
      }
    }
    --owner_.nesting_;
    if (value && value->size() > value_bytes_max) return wrong("its value is too large");
    return owner_.counted(std::move(value));
  }

  Text read_primary() {
    skip_spaces();
    if (rest_.starts_with('\'')) return read_text();
    if (!rest_.empty() && (rest_.front() == '-' || (rest_.front() >= '0' && rest_.front() <= '9')))
      return read_integer();
    const std::string function = name();
    if (function.empty()) return wrong("'" + std::string(rest_) + "' is not understood");
    if (!take('(')) return wrong("'" + function + "' is no function call");
    std::vector<std::string> arguments;
    if (!take(')')) {
      do {
        auto argument = read();
        if (!argument) return argument;
        arguments.push_back(std::move(*argument));
      } while (take(','));
      if (!take(')')) return wrong("a ')' is missing");
    }
    return owner_.call(function, arguments);
  }

  Text read_text() {
    const auto text = take_quoted(rest_);
    if (!text) return wrong("a quote is missing");
    return json_text(*text);
  }

  Text read_integer() {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc()) return wrong("'" + std::string(rest_) + "' is no integer");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return std::to_string(number);
  }

  /// `key`: JSON of a member's name or of an element's index.
  [[nodiscard]] Text member(const std::string& value, const std::string& key) const {
    const auto parsed = json::parse(value);
    const auto parsed_key = json::parse(key);
    if (!parsed || !parsed_key) return wrong("it has no value");
    if (const auto name = parsed_key->root().string()) {
      for (const json::Value found : parsed->root()) {
        if (parsed->root().is_object() && same_name(json::unescape(found.key_text()), *name))
          return std::string(found.text());
      }
      return wrong("there is no '" + *name + "'");
    }
    auto index = parsed_key->root().integer().value_or(-1);
    if (parsed->root().kind() == json::Kind::array) {
      for (const json::Value element : parsed->root()) {
        if (index-- == 0) return std::string(element.text());
      }
    }
    return wrong("there is no element " + key);
  }

  TemplateEvaluator& owner_;
  const std::string_view whole_;
  std::string_view rest_;
};

Text TemplateEvaluator::counted(Text value) {
  if (value && (total_bytes_ += value->size()) > total_bytes_max)
    return invalid_template("its values take more than 8 MiB together.");
  return value;
}

Text TemplateEvaluator::evaluate(json::Value value) { return counted(evaluate_parts(value)); }

Text TemplateEvaluator::evaluate_parts(json::Value value) {
  if (++steps_ > steps_max) return invalid_template("the template takes too many steps.");
  switch (value.kind()) {
    case json::Kind::string:
      return evaluate_text(*value.string());
    case json::Kind::object:
    case json::Kind::array:
      return evaluate_container(value);
    default:
      return std::string(value.text());
  }
}

Text TemplateEvaluator::evaluate_text(const std::string& text) {
  if (!text.starts_with('[') || !text.ends_with(']')) return json_text(text);
  if (text.starts_with("[[")) return json_text(text.substr(1));
  return Expression(*this, std::string_view(text).substr(1, text.size() - 2)).read_all();
}

Text TemplateEvaluator::evaluate_container(json::Value value) {
  const bool is_object = value.is_object();
  JsonObject members;
  std::vector<std::string> elements;
  std::size_t bytes = 0;
  for (const json::Value part : value) {
    auto evaluated = evaluate(part);
    if (!evaluated) return evaluated;
    bytes += evaluated->size();
    if (bytes > value_bytes_max) return invalid_template("a value is too large.");
    if (is_object) {
      const std::string key = json::unescape(part.key_text());
      if (key == "copy") return invalid_template("loops (copy) are not understood here.");
      members.raw(key, *evaluated);
    } else {
      elements.push_back(std::move(*evaluated));
    }
  }
  return is_object ? members.close() : json_list(elements);
}

Text TemplateEvaluator::variable(const std::string& name) {
  if (scope_.variables && scope_.variables->is_object()) {
    for (const json::Value found : *scope_.variables) {
      if (!same_name(json::unescape(found.key_text()), name)) continue;
      if (++nesting_ > nesting_max) return invalid_template("variables name each other: '" + name + "'.");
      auto value = evaluate(found);
      --nesting_;
      return value;
    }
  }
  return invalid_template("the variable '" + name + "' is not defined.");
}

/// ([subscription,] [group,] type, name, ...): a type of two words or more has a '/'.
Text TemplateEvaluator::resource_id(const std::vector<std::string>& names) const {
  const auto type = std::find_if(names.begin(), names.end(),
                                 [](const std::string& name) { return name.find('/') != std::string::npos; });
  const auto words = type == names.end() ? 0 : std::count(type->begin(), type->end(), '/');
  if (type == names.end() || std::distance(type, names.end()) != words + 1)
    return invalid_template("resourceId() takes a type and a name for each of its words.");
  if (std::distance(names.begin(), type) > 0)
    return invalid_template("resourceId() of another group or subscription is not understood here.");
  std::string_view rest = *type;
  std::string id = scope_.group_id + "/providers/" + std::string(rest.substr(0, rest.find('/')));
  for (auto name = std::next(type); name != names.end(); ++name) {
    rest.remove_prefix(rest.find('/') + 1);
    id += "/" + std::string(rest.substr(0, rest.find('/'))) + "/" + *name;
  }
  return json_text(id);
}

Text TemplateEvaluator::call(std::string_view function, const std::vector<std::string>& arguments) {
  const auto is = [&](std::string_view name, std::size_t count) {
    return same_name(function, name) && arguments.size() == count;
  };
  std::vector<std::string> parts;
  for (const std::string& argument : arguments) {
    const auto part = as_part(argument);
    if (!part) return invalid_template("the function '" + std::string(function) + "' takes texts here.");
    parts.push_back(*part);
  }
  if (is("resourceGroup", 0)) return scope_.resource_group;
  if (is("subscription", 0)) return scope_.subscription;
  if (is("variables", 1)) return variable(parts[0]);
  if (is("parameters", 1)) {
    const auto found = scope_.parameters.find(folded(parts[0]));
    if (found == scope_.parameters.end()) return invalid_template("the parameter '" + parts[0] + "' is not defined.");
    return found->second;
  }
  if (same_name(function, "concat") && !parts.empty()) {
    std::string all;
    for (const std::string& part : parts) all += part;
    return json_text(all);
  }
  if (is("toLower", 1)) return json_text(in_case(parts[0], false));
  if (is("toUpper", 1)) return json_text(in_case(parts[0], true));
  if (same_name(function, "resourceId")) return resource_id(parts);
  if ((is("reference", 1) || is("reference", 2)) && scope_.reference) return scope_.reference(parts[0]);
  if (is("listKeys", 2) && scope_.list_keys) return scope_.list_keys(parts[0]);
  return invalid_template("the function '" + std::string(function) + "' with " + std::to_string(arguments.size()) +
                          " argument(s) is not understood in this place.");
}

}  // namespace twinhub::management
