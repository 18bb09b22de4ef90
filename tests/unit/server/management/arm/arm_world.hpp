// A hub with a Resource Manager over it, asked as az asks, without a socket.
#pragma once

#include "server/management/arm/resource_manager.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::management {

using hub::at;

inline const std::string subscription = "11111111-2222-3333-4444-555555555555";
inline const std::string in_subscription = "/subscriptions/" + subscription;
inline const std::string group_path = in_subscription + "/resourceGroups/g1";
inline const std::string hubs_path = group_path + "/providers/Microsoft.Devices/IotHubs";
inline const std::string hub_path = hubs_path + "/hub-1";

/// "Code" of an answer that is an error, with its quotes; "" of any other.
std::string code_of(const ArmAnswer& answer);
std::string message_of(const ArmAnswer& answer);

struct ArmWorld {
  explicit ArmWorld(ArmOptions options = {}, std::unique_ptr<hub::World> world_in = nullptr);

  /// `path` may hold a query; api-version is added where there is none.
  ArmAnswer ask(std::string_view method, const std::string& path, std::string body = "", std::string if_match = "");
  /// Group g1 and hub hub-1 in it, as az makes them. The hub's answer.
  ArmAnswer create_hub();
  /// The same Resource Manager after a restart.
  void restart();

  std::unique_ptr<hub::World> world;
  ArmOptions options;
  std::vector<hub::Policy> kept;  ///< by keep_policies
  bool keeping_fails = false;
  std::unique_ptr<ResourceManager> manager;
};

}  // namespace twinhub::management
