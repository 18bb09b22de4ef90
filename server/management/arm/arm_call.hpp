// One request on its way through Resource Manager: what every handler gets.
#pragma once

#include "protocol/json/document.hpp"
#include "server/management/arm/arm_answer.hpp"
#include "server/management/arm/arm_state.hpp"
#include "server/management/arm/arm_types.hpp"
#include "server/management/arm/resource_manager.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::management {

struct ArmContext {
  hub::Hub& hub;
  hub::Random& random;
  const ArmOptions& options;
  ArmState& state;
  const std::function<bool()>& stopping;  ///< the hub ends: nothing long goes on
  /// A part of a deployment: judged and carried out as a request of its own.
  std::function<ArmAnswer(const ArmRequest&)> answer_part = {};
};

struct ArmCall {
  ArmContext& context;
  const ArmRequest& request;
  std::vector<std::string> names = {};  ///< what stands in the pattern's braces, the subscription left out
  ResourceGroup group = {};             ///< of a path below an existing group
  HubLabels hub = {};                   ///< of a path below the hub
};

/// "/subscriptions/GUID", and ids below it.
[[nodiscard]] std::string subscription_id(const ArmContext& context);
[[nodiscard]] std::string group_id(const ArmContext& context, std::string_view group);
[[nodiscard]] std::string hub_id(const ArmContext& context, const HubLabels& hub);

/// The body, an object, read leniently: az sends templates as they are in their files.
[[nodiscard]] ArmResult<json::Document> read_object(const ArmRequest& request);

/// `tags` of a body in canonical form, "{}" when there are none. Refused: more or longer ones than Azure takes.
[[nodiscard]] ArmResult<std::string> read_tags(json::Value body);

/// az sends If-Match as the text of a Python dict, {'IF-MATCH': 'ETAG'}: a value that contains the etag stands for it.
/// Source: azure-cli command_modules/iot/custom.py ("headers={'IF-MATCH': etag}" through azure-core).
[[nodiscard]] bool if_match_allows(std::string_view if_match, std::string_view etag);
[[nodiscard]] std::optional<ArmAnswer> check_if_match(const ArmCall& call, std::string_view etag);

/// A line in the log: who changed what.
void log_change(const ArmRequest& request, std::string_view what);

}  // namespace twinhub::management
