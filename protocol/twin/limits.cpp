#include "protocol/twin/limits.hpp"

#include "protocol/json/text.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace twinhub::twin {
namespace {

Error invalid(std::string detail) { return fail(Errc::argument_invalid, std::move(detail)); }

/// A key for an error text: bounded, whatever the client sent.
std::string shown(std::string_view key) {
  constexpr std::size_t shown_bytes_max = 128;
  return key.size() <= shown_bytes_max ? std::string(key) : std::string(key.substr(0, shown_bytes_max)) + "...";
}

/// Unicode white space and control characters beyond ASCII, as UTF-8.
bool has_forbidden_sequence(std::string_view key) {
  if (key.find('\xC2') != std::string_view::npos) {
    for (std::size_t i = 0; i + 1 < key.size(); ++i) {
      const auto second = static_cast<unsigned char>(key[i + 1]);
      if (key[i] == '\xC2' && (second <= 0x9F || second == 0xA0)) return true;  // C1 controls, no-break space
    }
  }
  constexpr std::array<std::string_view, 17> spaces = {"\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
                                                       "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A",
                                                       "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};
  for (const std::string_view space : spaces) {
    if (key.find(space) != std::string_view::npos) return true;
  }
  return false;
}

bool is_plain_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

Result<void> check_key(std::string_view key) {
  if (key.size() > key_bytes_max) {
    return invalid("Property or Tag name '" + shown(key) + "' should be maximum 1024 bytes.");
  }
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F || c == '.' || c == '$' || c == '#') {
      return invalid("Property or Tag name '" + shown(key) +
                     "' cannot contain '.', '$', '#', white space or control characters.");
    }
  }
  if (!is_plain_ascii(key) && has_forbidden_sequence(key)) {
    return invalid("Property or Tag name '" + shown(key) + "' cannot contain white space or control characters.");
  }
  return {};
}

Error null_at(std::string_view key) {
  return invalid("Value of Property or Tag cannot be null. Error in Property/Tag " + shown(key));
}

/// Walks a section; `key` is the member that holds the present value.
class Checker {
 public:
  explicit Checker(CheckRules rules) : rules_(rules) {}

  Result<void> object(const json::Value& object, std::size_t depth, bool in_array) {
    for (const json::Value member : object) {
      if (depth == 0 && is_hub_member(member.key_text())) continue;
      std::string_view key = member.key_text();
      std::string unescaped;
      if (key.find('\\') != std::string_view::npos) key = unescaped = json::unescape(key);
      if (const auto checked = check_key(key); !checked) return checked.error();
      if (const auto checked = value(member, key, depth, in_array); !checked) return checked.error();
    }
    return {};
  }

 private:
  Result<void> value(const json::Value& value, std::string_view key, std::size_t depth, bool in_array) {
    switch (value.kind()) {
      case json::Kind::null:
        if (in_array || !rules_.null_deletes) return null_at(key);
        return {};
      case json::Kind::string:
        return string(value, key);
      case json::Kind::integer:
        return integer(value, key);
      case json::Kind::number:
        return number(value, key);
      case json::Kind::boolean:
        return {};
      case json::Kind::object:
        if (depth + 1 > depth_max) return too_deep(key);
        return object(value, depth + 1, in_array);
      case json::Kind::array:
        return array(value, key, depth);
    }
    return {};
  }

  Result<void> array(const json::Value& array, std::string_view key, std::size_t depth) {
    if (!rules_.arrays_allowed) {
      return invalid("Provided json is not a valid 'tags' or 'properties' object: arrays are not supported.");
    }
    if (depth + 1 > depth_max) return too_deep(key);
    std::size_t elements = 0;
    for (const json::Value element : array) {
      if (++elements > array_elements_max) {
        return invalid("Arrays should have maximum " + std::to_string(array_elements_max) +
                       " elements. Error in Property/Tag " + shown(key));
      }
      if (const auto checked = value(element, key, depth + 1, true); !checked) return checked.error();
    }
    return {};
  }

  static Result<void> string(const json::Value& value, std::string_view key) {
    const std::string_view text = value.text();
    if (text.size() - 2 <= string_bytes_max) return {};  // escapes only shorten
    if (json::unescape(text.substr(1, text.size() - 2)).size() <= string_bytes_max) return {};
    return invalid("Property or Tag value should be maximum 4096 bytes. Error in Property/Tag " + shown(key));
  }

  static Result<void> integer(const json::Value& value, std::string_view key) {
    const auto number = value.integer();
    if (number && *number >= integer_min && *number <= integer_max) return {};
    return invalid("Integer values must be between -4503599627370496 and 4503599627370495. Error in Property/Tag " +
                   shown(key));
  }

  static Result<void> number(const json::Value& value, std::string_view key) {
    if (value.text().size() <= number_characters_max) return {};
    return invalid("Numbers should be maximum " + std::to_string(number_characters_max) +
                   " characters. Error in Property/Tag " + shown(key));
  }

  static Error too_deep(std::string_view key) {
    return invalid("Properties and tags can be nested at most 10 levels deep. Error in Property/Tag " + shown(key));
  }

  CheckRules rules_;
};

}  // namespace

namespace {

/// What a read twin holds at its root beside tags and properties, of any api-version. Nothing is read from them, so
/// their spelling is nobody's mistake.
constexpr std::array<std::string_view, 20> read_only_members = {"deviceId",
                                                                "moduleId",
                                                                "etag",
                                                                "deviceEtag",
                                                                "version",
                                                                "status",
                                                                "statusReason",
                                                                "statusUpdateTime",
                                                                "statusUpdatedTime",
                                                                "connectionState",
                                                                "connectionStateUpdatedTime",
                                                                "lastActivityTime",
                                                                "cloudToDeviceMessageCount",
                                                                "authenticationType",
                                                                "x509Thumbprint",
                                                                "modelId",
                                                                "capabilities",
                                                                "configurations",
                                                                "deviceScope",
                                                                "parentScopes"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// The code is IoT Hub's (Azure/AI-PredictiveMaintenance issue 153); it says BadRequest and no more.
Error no_member(std::string_view name, std::string_view owner) {
  return fail(Errc::generic_bad_request, "BadRequest: '" + shown(name) + "' is no member of " + std::string(owner) +
                                             ": tags and properties.desired can be written");
}

}  // namespace

bool is_hub_member(std::string_view key_text) { return key_text == "$metadata" || key_text == "$version"; }

Result<void> check_section(const json::Value& section, CheckRules rules) {
  return Checker(rules).object(section, 0, false);
}

Result<void> check_growth(std::string_view name, SectionSize before, SectionSize after, std::uint32_t limit) {
  const auto too_large = [&](const std::string& rule) {
    return fail(Errc::device_model_max_properties_exceeded, "'" + std::string(name) + "' size should be " + rule);
  };
  if (after.counted_bytes >= limit && after.counted_bytes > before.counted_bytes)
    return too_large("less than " + std::to_string(limit) + " bytes.");
  if (after.text_bytes > text_bytes_limit(limit) && after.text_bytes > before.text_bytes)
    return too_large("at most " + std::to_string(text_bytes_limit(limit)) + " bytes of JSON text.");
  return {};
}

Result<void> check_members(const json::Value& twin) {
  for (const json::Value member : twin) {
    const std::string_view name = member.key_text();
    const bool known = name == "tags" || name == "properties" ||
                       std::any_of(read_only_members.begin(), read_only_members.end(),
                                   [&](std::string_view other) { return equals_ignoring_case(name, other); });
    if (!known) return no_member(name, "a twin");
  }
  const auto properties = twin.find("properties");
  if (!properties || !properties->is_object()) return {};
  for (const json::Value member : *properties) {
    if (member.key_text() != "desired" && member.key_text() != "reported")
      return no_member(member.key_text(), "a twin's properties");
  }
  return {};
}

}  // namespace twinhub::twin
