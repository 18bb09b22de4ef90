#include "config/toml_json.hpp"

#include "config/settings.hpp"

#include <toml++/toml.h>
#include <sstream>

namespace twinhub::config {

std::string toml_as_json(std::string_view text, const std::string& name) {
  try {
    const toml::table table = toml::parse(text, name);
    std::ostringstream out;
    out << toml::json_formatter{table};
    return out.str();
  } catch (const toml::parse_error& error) {
    throw SettingsError(name + ":" + std::to_string(error.source().begin.line) + ": " +
                        std::string(error.description()));
  }
}

}  // namespace twinhub::config
