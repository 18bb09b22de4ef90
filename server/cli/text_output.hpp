// How sub-commands print: tables for people, JSON for programs.
#pragma once

#include "protocol/json/document.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::cli {

/// Rows under headings, printed as they come: the first rows decide the columns' widths.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  /// A cell is one line whatever stands in it: control characters are shown as \u00xx.
  void add(std::vector<std::string> row);
  /// Prints what was added since the last time, the headings before the first row. Nothing without rows.
  void flush();
  /// The same at the end of the list; a list without rows says `nothing` ("no devices") on standard error, where it
  /// disturbs no program.
  void finish(std::string_view nothing);

 private:
  void print(const std::vector<std::string>& row) const;
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

/// A JSON array printed element by element.
class JsonArray {
 public:
  void add(std::string_view element);
  /// Prints the end of it.
  void finish();

 private:
  bool empty_ = true;
};

/// Over several lines, with control characters and the like as \u00xx: the same JSON; two blanks for each level. No line feed at the end.
[[nodiscard]] std::string pretty(const json::Value& value);

/// A value for a cell of a table: strings without their quotes, null as "", anything else as JSON.
[[nodiscard]] std::string cell_of(const std::optional<json::Value>& value);
/// The string member of an object, or "".
[[nodiscard]] std::string text_at(const json::Value& object, std::string_view name);
/// The value at members inside one another; nullopt when one is missing.
[[nodiscard]] std::optional<json::Value> value_at(const json::Value& object,
                                                  std::initializer_list<std::string_view> path);
/// A hub's time for people: "2026-11-23 05:40:00", "never" for the null date.
[[nodiscard]] std::string time_cell(const std::string& iso8601);

/// `object`'s text with the member `name` being `value` (JSON); an empty `value` leaves it out.
[[nodiscard]] std::string with_member(const json::Value& object, std::string_view name, std::string_view value);

/// False after output could not be written, because the reader has closed the pipe.
[[nodiscard]] bool output_is_open();

}  // namespace twinhub::cli
