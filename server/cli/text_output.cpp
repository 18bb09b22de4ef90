#include "server/cli/text_output.hpp"

#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"

#include <algorithm>
#include <iostream>

namespace twinhub::cli {
namespace {

/// Characters, not bytes; wide ones are counted as one.
std::size_t width_of(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void append_pretty(std::string& out, const json::Value& value, std::size_t depth) {
  const bool is_object = value.is_object();
  if ((!is_object && value.kind() != json::Kind::array) || value.empty()) {
    out += visible_text(value.text());
    return;
  }
  out += is_object ? '{' : '[';
  bool first = true;
  for (const json::Value member : value) {
    out += first ? "\n" : ",\n";
    first = false;
    out.append(2 * (depth + 1), ' ');
    if (is_object) out.append("\"").append(visible_text(member.key_text())).append("\": ");
    append_pretty(out, member, depth + 1);
  }
  out += '\n';
  out.append(2 * depth, ' ');
  out += is_object ? '}' : ']';
}

}  // namespace

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = visible_text(cell);
  rows_.push_back(std::move(row));
}

void Table::flush() {
  if (rows_.empty()) return;
  if (widths_.empty()) {
    for (std::size_t i = 0; i < headings_.size(); ++i) {
      std::size_t width = width_of(headings_[i]);
      for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
      widths_.push_back(width);
    }
    print(headings_);
  }
  for (const auto& row : rows_) print(row);
  rows_.clear();
}

void Table::finish(std::string_view nothing) {
  flush();
  if (widths_.empty()) std::cerr << nothing << "\n";
}

void Table::print(const std::vector<std::string>& row) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += row[i];
    if (i + 1 == row.size()) break;
    const std::size_t width = width_of(row[i]);
    line.append(widths_[i] - std::min(widths_[i], width) + 2, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  std::cout << line << "\n";
}

void JsonArray::add(std::string_view element) {
  std::cout << (empty_ ? "[\n" : ",\n") << visible_text(element);
  empty_ = false;
}

void JsonArray::finish() { std::cout << (empty_ ? "[]\n" : "\n]\n"); }

std::string pretty(const json::Value& value) {
  std::string out;
  append_pretty(out, value, 0);
  return out;
}

std::string cell_of(const std::optional<json::Value>& value) {
  if (!value || value->is_null()) return "";
  return value->string().value_or(std::string(value->text()));
}

std::string text_at(const json::Value& object, std::string_view name) {
  const auto member = object.find(name);
  return member ? member->string().value_or("") : "";
}

std::optional<json::Value> value_at(const json::Value& object, std::initializer_list<std::string_view> path) {
  std::optional<json::Value> value = object;
  for (const std::string_view name : path) {
    value = value->find(name);
    if (!value) return std::nullopt;
  }
  return value;
}

std::string time_cell(const std::string& iso8601) {
  constexpr std::size_t seconds_size = std::string_view("2026-11-23T05:40:00").size();
  if (iso8601.size() < seconds_size || iso8601.starts_with("0001-")) return "never";
  std::string text = iso8601.substr(0, seconds_size);
  text[10] = ' ';
  return text;
}

std::string with_member(const json::Value& object, std::string_view name, std::string_view value) {
  std::string out = "{";
  const auto append = [&out](std::string_view key_text, std::string_view text) {
    if (out.size() > 1) out += ',';
    out.append("\"").append(key_text).append("\":").append(text);
  };
  std::string key;
  json::append_escaped(key, name);
  for (const json::Value member : object) {
    if (member.key_text() != key) append(member.key_text(), member.text());
  }
  if (!value.empty()) append(key, value);
  return out + "}";
}

bool output_is_open() { return static_cast<bool>(std::cout.flush()); }

}  // namespace twinhub::cli
