// The management plane on the service door: discovery, log-ins, and Resource Manager's requests handed on with the name
// of their client. Everything else on the port is the REST API's.
//
//   /metadata/endpoints                         which cloud this is
//   /adfs/...  /{tenant}/oauth2/...  .well-known  where and how to log in
//   /subscriptions... /tenants /providers...    Azure Resource Manager (arm/), with a token
#pragma once

#include "server/hub/hub.hpp"
#include "server/management/arm/arm_types.hpp"
#include "server/management/token_endpoint.hpp"
#include "server/net/threads.hpp"
#include "server/rest/annex.hpp"
#include "storage/guarded.hpp"

#include <atomic>
#include <boost/asio/strand.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace twinhub::management {

/// The client whose only right is Resource Manager.
inline constexpr std::string_view management_client = "management";
struct PlaneOptions {
  bool owner_manages = false;  ///< the policy iothubowner may use Resource Manager as well
  LoginLimits logins = {};
  std::size_t requests_max = 64;  ///< to Resource Manager, that may wait for their turn
  bool tls_only = true;           ///< false is for tests: secrets and tokens travel in clear
};

class Plane final : public rest::Annex {
 public:
  /// Answers a request to Resource Manager, whose client may manage the hub; on a worker thread, one at a time.
  using AnswerArm = std::function<ArmAnswer(const ArmRequest&)>;

  /// All references outlive it; it outlives the door, and `threads` are stopped before it goes.
  Plane(const hub::Hub& hub, net::Threads& threads, const hub::AccessTokens& tokens, AnswerArm answer_arm,
        PlaneOptions options);

  /// The client `management`, or nullopt while it has no key: its tokens are void from here on. Any thread.
  void set_management_key(std::optional<hub::Policy> client);

  /// Requests to Resource Manager that are not answered yet. Any thread.
  [[nodiscard]] std::size_t waiting() const { return waiting_.load(); }

  [[nodiscard]] bool has(const rest::Request& request, bool tls) const override;
  [[nodiscard]] std::variant<rest::AnnexRequest, rest::Response> admit(const rest::Visit& visit) override;

 private:
  using Admitted = std::variant<rest::AnnexRequest, rest::Response>;

  [[nodiscard]] std::optional<hub::Policy> find_client(const std::string& name) const;
  [[nodiscard]] rest::Response discover(const rest::Visit& visit) const;
  [[nodiscard]] Admitted admit_login(const rest::Visit& visit);
  [[nodiscard]] Admitted admit_arm(const rest::Visit& visit);
  void run(ArmRequest request, const std::string& peer, const rest::Reply& reply);

  const hub::Hub& hub_;
  const hub::AccessTokens& tokens_;
  const AnswerArm answer_arm_;
  const PlaneOptions options_;
  TokenEndpoint token_endpoint_;
  /// One request at a time: no two of them change the hub's document at once, and of the workers one stays free.
  boost::asio::strand<boost::asio::thread_pool::executor_type> turns_;
  std::atomic<std::size_t> waiting_{0};

  mutable Mutex mutex_;
  std::optional<hub::Policy> management_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::management
