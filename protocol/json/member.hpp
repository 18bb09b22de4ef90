// How the members of a request's body are found: as Newtonsoft.Json finds them, which .NET services of IoT Hub's age
// read their contracts with. Documents that are kept (twins) are read by Value::find().
#pragma once

#include "protocol/json/document.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace twinhub::json {

/// The member of an object that a field of this name is filled from: ASCII letters count in any case, and of several
/// such members the last wins. nullopt when absent or not an object. REQUIRES: `name` is plain ASCII without escapes.
[[nodiscard]] std::optional<Value> member_of(const Value& object, std::string_view name);

/// What fills a field that is a whole number: a number without point and exponent, or a text that is one, spaces around it
/// left out; an empty text is null, as Newtonsoft.Json's ReadAsInt32() has it. nullopt for anything else.
struct WholeNumber {
  std::optional<std::int64_t> value;  ///< nullopt = null
};
[[nodiscard]] std::optional<WholeNumber> whole_number_of(const Value& value);

}  // namespace twinhub::json
