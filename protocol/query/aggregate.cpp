#include "protocol/query/aggregate.hpp"

#include "protocol/query/project.hpp"

#include <algorithm>

namespace twinhub::query {
namespace {

/// 1 and 1.0 are one group: the number as a number, not as it was written.
void append_group_value(std::string& key, const Value& value) {
  if (value.type == Type::number) {
    append_number(key, value.number);
  } else {
    append_json(key, value);
  }
}

}  // namespace

Groups::Groups(const Query& query) : query_(query) {
  for (const Element& element : query.elements) {
    if (const auto* aggregate = std::get_if<Aggregate>(&element.what)) aggregates_.push_back(aggregate);
  }
  if (query.group_by.empty()) groups_[""].totals.resize(aggregates_.size());
}

bool Groups::add(Row& row, Scratch& scratch) {
  key_.clear();
  for (const Path& path : query_.group_by) {
    append_group_value(key_, row.value_of(path, scratch));
    key_ += '\n';  // in no canonical JSON text
  }
  auto found = groups_.find(key_);
  if (found == groups_.end()) {
    Members members{{}, std::vector<Total>(aggregates_.size())};
    for (const Path& path : query_.group_by) {
      append_json(members.values.emplace_back(), row.value_of(path, scratch));
      bytes_ += members.values.back().size();
    }
    bytes_ += key_.size() + aggregates_.size() * sizeof(Total);
    if (groups_.size() >= groups_max || bytes_ > group_bytes_max) return false;
    found = groups_.emplace(key_, std::move(members)).first;
  }
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    Total& total = found->second.totals[i];
    if (aggregates_[i]->path) {
      add_value(total, row.value_of(*aggregates_[i]->path, scratch));
    } else {
      ++total.numbers;
    }
  }
  return true;
}

void Groups::add_value(Total& total, const Value& value) {
  if (value.type == Type::string) {
    if (!total.strings || value.text < total.first) total.first = value.text;
    if (!total.strings || value.text > total.last) total.last = value.text;
    total.strings = true;
  }
  if (value.type != Type::number) return;
  total.least = total.numbers == 0 ? value.number : std::min(total.least, value.number);
  total.most = total.numbers == 0 ? value.number : std::max(total.most, value.number);
  total.sum += value.number;
  ++total.numbers;
}

/// MIN and MAX are over numbers, or over strings where there is no number.
Value Groups::result_of(AggregateKind kind, const Total& total) {
  if (kind == AggregateKind::count) return Value::of(static_cast<double>(total.numbers));
  if (total.numbers == 0) {
    if (!total.strings) return {};
    if (kind == AggregateKind::min) return Value::of(std::string_view(total.first));
    if (kind == AggregateKind::max) return Value::of(std::string_view(total.last));
    return {};
  }
  switch (kind) {
    case AggregateKind::avg:
      return Value::of(total.sum / static_cast<double>(total.numbers));
    case AggregateKind::sum:
      return Value::of(total.sum);
    case AggregateKind::min:
      return Value::of(total.least);
    default:
      return Value::of(total.most);
  }
}

std::vector<Groups::Group> Groups::rows() const {
  std::vector<Group> rows;
  for (const auto& [key, members] : groups_) {
    ResultObject object;
    std::size_t aggregate = 0;
    for (const Element& element : query_.elements) {
      const Path* path = std::get_if<Path>(&element.what);
      if (path == nullptr) {
        object.set(element.name, result_of(std::get<Aggregate>(element.what).kind, members.totals[aggregate++]));
        continue;
      }
      const auto by = std::find_if(query_.group_by.begin(), query_.group_by.end(),
                                   [&](const Path& candidate) { return candidate.same_place(*path); });
      const std::string& text = members.values[static_cast<std::size_t>(by - query_.group_by.begin())];
      Scratch scratch;
      if (!text.empty()) object.set(element.name, value_of_json(text, scratch));
    }
    std::string json;
    object.append_to(json);
    rows.push_back({key, std::move(json)});
  }
  return rows;
}

}  // namespace twinhub::query
