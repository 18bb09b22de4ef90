// The log-in tokens of this hub's own clients: for its Resource Manager, or for its service API; never for both.
//
// A token is signed with a key derived from the data folder's secret, the client's name and the very key that the
// client logged in with. So nothing is stored, another hub's tokens are worth nothing here even where both have the
// well-known keys of --dev, and renewing a policy's key voids the tokens that were got with it.
#pragma once

#include "protocol/error.hpp"
#include "server/base/clock.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

struct Policy;

/// What a token opens. Source: azure-docs iot-hub-dev-guide-azure-ad-rbac (https://iothubs.azure.net).
enum class Audience : std::uint8_t { resource_manager, service_api };

enum class TokenFault : std::uint8_t {
  foreign,         ///< no token, or not one that this hub has signed with a key of today
  other_audience,  ///< good, for something else
  expired,         ///< was good
};

/// Any thread.
class AccessTokens {
 public:
  static constexpr std::chrono::seconds life{3600};
  /// Looks a client up by its name; nullopt when there is none.
  using FindClient = std::function<std::optional<Policy>(const std::string& name)>;

  /// `secret`: the data folder's, never shown. `clock` outlives it.
  AccessTokens(std::string secret, const Clock& clock);

  /// The GUIDs that this data folder has as a tenant and as a subscription: az keeps its accounts by them.
  [[nodiscard]] const std::string& tenant() const { return tenant_; }
  [[nodiscard]] const std::string& subscription() const { return subscription_; }

  /// `key`: the one that `client` has proved to know.
  [[nodiscard]] std::string issue(Audience audience, const std::string& client, std::string_view key) const;

  struct Verdict {
    std::string client;               ///< "" when there is a fault
    std::optional<TokenFault> fault;  ///< that a peer may hear
    std::uint64_t expires_at = 0;     ///< Unix seconds
    std::string proof = {};           ///< digest_of_key() of the client's key that the token was got with
  };
  /// Whose token stands in the Authorization header.
  [[nodiscard]] Verdict verify(Audience audience, std::string_view authorization, const FindClient& find) const;

 private:
  [[nodiscard]] std::string signing_key(std::string_view client, std::string_view key) const;

  const std::string secret_;
  const Clock& clock_;
  const std::string tenant_;
  const std::string subscription_;
  const std::string issuer_;
};

}  // namespace twinhub::hub
