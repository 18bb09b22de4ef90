// The id of a device or module that a command is to make.
#pragma once

#include "protocol/ids.hpp"

#include <string>

namespace twinhub::cli {

/// As CLI11 checks an argument: "" when it is fine, else what is wrong with it.
[[nodiscard]] inline std::string new_id_fault(const std::string& text) {
  if (is_valid_id(text)) return "";
  return "'" + text + "' is no id: 1 to 128 ASCII letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '";
}

}  // namespace twinhub::cli
