#include "protocol/query/project.hpp"

#include "protocol/json/text.hpp"

#include <algorithm>

namespace twinhub::query {

void ResultObject::set(std::string_view name, const Value& value) {
  if (value.is_undefined()) return;
  std::string text;
  append_json(text, value);
  const auto known = std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.first == name; });
  if (known != members_.end()) {
    known->second = std::move(text);
  } else {
    members_.emplace_back(name, std::move(text));
  }
}

void ResultObject::append_to(std::string& out) const {
  out += '{';
  for (const auto& [name, text] : members_) {
    if (&name != &members_.front().first) out += ',';
    json::append_key(out, name);
    out += text;
  }
  out += '}';
}

void append_row(std::string& out, const Query& query, Row& row, Scratch& scratch) {
  if (query.star) {
    out += row.document();
    return;
  }
  ResultObject object;
  for (const Element& element : query.elements) {
    if (const Path* path = std::get_if<Path>(&element.what)) object.set(element.name, row.value_of(*path, scratch));
  }
  object.append_to(out);
}

std::string_view item_type(const Query& query) {
  if (!query.star) return "Raw";
  return query.from == Collection::jobs ? "DeviceJob" : "Twin";
}

}  // namespace twinhub::query
