// Why a query or condition was refused, and where.
#pragma once

#include "protocol/error.hpp"

#include <boost/system/result.hpp>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace twinhub::query {

/// Longer texts are refused. Source: azure-docs iot-hub-devguide-quotas-throttling ("query length").
inline constexpr std::size_t text_characters_max = 8192;
/// Parentheses, NOT, signs and function calls within each other; one more is refused.
inline constexpr std::size_t nesting_max = 99;

struct SyntaxError {
  SyntaxError() = default;
  SyntaxError(std::size_t position_in, std::string what_in) : position(position_in), what(std::move(what_in)) {}

  std::size_t position = 0;  ///< bytes before the place that is wrong
  std::string what;          ///< e.g. "unexpected 'ORDER'"
};

[[noreturn]] inline void throw_exception_from_error(const SyntaxError& error, const boost::source_location&) {
  throw std::logic_error("no parsed query: " + error.what);
}

template <class T>
using Parsed = boost::system::result<T, SyntaxError>;

/// IoT Hub's answer to it: argument_invalid, "BadRequest: <what> at line 1, column 15". IoT Hub says no more than
/// "BadRequest"; clients show what stands behind it.
[[nodiscard]] Error to_error(const SyntaxError& error, std::string_view text);

}  // namespace twinhub::query
