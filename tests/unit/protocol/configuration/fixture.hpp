// Configurations and twins in a line each.
#pragma once

#include "protocol/configuration/edge_plan.hpp"
#include "protocol/twin/patch.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::configuration {

inline const IdentityId device{"d1", ""};
inline const IdentityId module{"d1", "m1"};

struct Wanted {
  std::string id;
  std::string content;  ///< a ConfigurationContent
  std::string target = "*";
  std::uint32_t priority = 0;
  std::uint64_t created = 1;
};

inline std::shared_ptr<const Configuration> make(const Wanted& wanted) {
  auto made = parse_configuration(
      wanted.id, R"({"content":)" + wanted.content + R"(,"priority":)" + std::to_string(wanted.priority) + "}", false);
  if (!made) throw std::runtime_error(made.error().detail);
  auto target = parse_target(wanted.target, made->content.form, false);
  if (!target) throw std::runtime_error(target.error().detail);
  made->target = *target;
  made->target_condition = wanted.target;
  made->created = {wanted.created};
  return std::make_shared<const Configuration>(std::move(*made));
}

inline std::shared_ptr<const ConfigurationSet> set_of(const std::vector<Wanted>& all) {
  std::vector<std::shared_ptr<const Configuration>> made;
  for (const Wanted& one : all) made.push_back(make(one));
  return make_set(std::move(made));
}

/// deviceContent with one member.
inline std::string sets(std::string_view path, std::string_view value) {
  return R"({"deviceContent":{")" + std::string(path) + R"(":)" + std::string(value) + "}}";
}

inline twin::Twin twin_of(std::string_view body, std::string_view configurations = "{}") {
  auto update = twin::apply_service_patch(twin::make_twin({1}), body, {2});
  if (!update) throw std::runtime_error(update.error().detail);
  update->after.configurations = configurations;
  return std::move(update->after);
}

/// The twin when its assignment has been carried out.
inline twin::Twin carried_out(const ConfigurationSet& set, const IdentityId& id, const twin::Twin& before,
                              const ModulePlan* plan = nullptr) {
  const Assignment assignment = assign(set, id, twin::view_of(before), plan);
  twin::Twin after = before;
  if (!assignment.desired_patch.empty()) {
    auto update =
        twin::apply_service_patch(before, R"({"properties":{"desired":)" + assignment.desired_patch + "}}", {3});
    if (!update) throw std::runtime_error(update.error().detail);
    after = std::move(update->after);
  }
  after.configurations = text_of(assignment.statuses);
  return after;
}

}  // namespace twinhub::configuration
