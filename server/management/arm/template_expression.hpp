// Expressions of ARM templates, "[concat(parameters('name'), '-hub')]": the part of the language that templates of one hub
// are written in. What is not understood is an error that names it; nothing is guessed.
//
//   expression = (function '(' [expression {',' expression}] ')' | text | integer) {'.' name | '[' expression ']'}
//
// Functions: parameters, variables, concat, toLower, toUpper, resourceGroup, subscription, resourceId; in outputs also
// reference and listKeys.
// Source: azure-docs azure-resource-manager templates/template-expressions, template-functions.
#pragma once

#include "protocol/json/document.hpp"
#include "server/management/arm/arm_types.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::management {

/// What a template's expressions may name. Values are JSON texts.
struct TemplateScope {
  std::map<std::string, std::string> parameters = {};  ///< by the folded name
  std::optional<json::Value> variables = {};           ///< as in the template; evaluated when they are named
  std::string resource_group = {};                     ///< what resourceGroup() gives
  std::string subscription = {};                       ///< what subscription() gives
  std::string group_id = {};                           ///< "/subscriptions/GUID/resourceGroups/NAME"
  /// reference(id) and listKeys(id), of resources that are there. Empty: outside of outputs.
  std::function<ArmResult<std::string>(const std::string& id)> reference = {};
  std::function<ArmResult<std::string>(const std::string& id)> list_keys = {};
};

/// One thread. A template is hostile: nesting, steps and sizes have bounds.
class TemplateEvaluator {
 public:
  static constexpr std::size_t nesting_max = 32;
  static constexpr std::size_t steps_max = 20'000;
  static constexpr std::size_t value_bytes_max = 256U << 10;
  /// Of all values together that one template has had evaluated, those on the way to a larger one included.
  static constexpr std::size_t total_bytes_max = 8U << 20;

  explicit TemplateEvaluator(const TemplateScope& scope) : scope_(scope) {}

  /// The JSON text of `value` with every expression in it replaced. Refused with InvalidTemplate: what is not
  /// understood.
  [[nodiscard]] ArmResult<std::string> evaluate(json::Value value);

 private:
  class Expression;
  /// Grows the total by `value`, or refuses it.
  [[nodiscard]] ArmResult<std::string> counted(ArmResult<std::string> value);
  [[nodiscard]] ArmResult<std::string> evaluate_parts(json::Value value);
  [[nodiscard]] ArmResult<std::string> evaluate_text(const std::string& text);
  [[nodiscard]] ArmResult<std::string> evaluate_container(json::Value value);
  [[nodiscard]] ArmResult<std::string> call(std::string_view function, const std::vector<std::string>& arguments);
  [[nodiscard]] ArmResult<std::string> variable(const std::string& name);
  [[nodiscard]] ArmResult<std::string> resource_id(const std::vector<std::string>& names) const;

  const TemplateScope& scope_;
  std::size_t nesting_ = 0;
  std::size_t steps_ = 0;
  std::size_t total_bytes_ = 0;
};

[[nodiscard]] ArmAnswer invalid_template(std::string_view why);

}  // namespace twinhub::management
