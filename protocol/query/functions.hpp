// The functions of the language: names, numbers of arguments, and their values.
// Source: azure-docs iot-hub-devguide-query-language, iot-hub-devguide-routing-query-syntax.
#pragma once

#include "protocol/query/names.hpp"
#include "protocol/query/value.hpp"

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace twinhub::query {

struct Function {
  std::string_view name;
  std::size_t arguments_min = 1;
  std::size_t arguments_max = 1;
  bool in_twins = false;    ///< IoT Hub takes it in queries and conditions
  bool in_routing = false;  ///< ... in routing conditions
  /// Wrong types give undefined.
  Value (*call)(std::span<const Value> arguments, Scratch& scratch) = nullptr;
};

/// The number of the function of that name, in any case; nullopt for a name that is no function. `strict`: only the
/// functions that IoT Hub takes in that dialect.
[[nodiscard]] std::optional<std::size_t> find_function(std::string_view name, Dialect dialect, bool strict);
[[nodiscard]] const Function& function(std::size_t number);

}  // namespace twinhub::query
