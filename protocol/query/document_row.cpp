#include "protocol/json/canonical.hpp"
#include "protocol/query/row.hpp"

namespace twinhub::query {

Value follow(std::string_view text, const Path& path, std::size_t first_step, Scratch& scratch) {
  for (std::size_t i = first_step; i < path.steps.size(); ++i) {
    const Step& step = path.steps[i];
    const auto found = step.is_index ? json::element_of(text, step.index) : json::member_of(text, step.key);
    if (!found) return {};
    text = *found;
  }
  return value_of_json(text, scratch);
}

Value DocumentRow::value_of(const Path& path, Scratch& scratch) { return follow(document_, path, 0, scratch); }

}  // namespace twinhub::query
