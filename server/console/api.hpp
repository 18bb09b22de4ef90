// The console's API: a table of routes, each with what a session needs to use it.
#pragma once

#include "server/console/json_object.hpp"
#include "server/console/sessions.hpp"
#include "server/console/stream.hpp"
#include "server/hub/hub.hpp"
#include "server/notices/notices.hpp"
#include "server/ops/ops_door.hpp"
#include "server/ops/site.hpp"
#include "server/rest/rest_door.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace twinhub::console {

inline constexpr std::string_view api_root = "/console/api/";

/// {"message":"..."}
[[nodiscard]] ops::SiteAnswer message_answer(unsigned status, std::string_view words);
[[nodiscard]] ops::SiteAnswer json_answer(std::string json, unsigned status = 200);
/// ["RegistryRead","ServiceConnect"]
[[nodiscard]] std::string rights_json(hub::Right rights);

/// All references outlive it.
struct ApiParts {
  hub::Hub& hub;
  Sessions& sessions;
  const notices::Notices& notices;
  const StreamParts& stream;
  std::function<void(rest::IndirectRequest)> call;  ///< of the REST door
};

struct ApiOptions {
  std::string hub_name = {};
  std::string build = {};                 ///< of the pages; "" = they are not here
  bool dev = false;                       ///< log-ins without a key, by loopback names
  bool takes_keys = false;                ///< log-ins from anywhere: with TLS, or over plain HTTP that is trusted
  std::size_t body_bytes_max = 1U << 20;  ///< of a request for the REST routes
  /// Members of `info` that the rest of the program knows, for a session with these rights.
  std::function<void(JsonObject& info, hub::Right rights)> add_info = [](JsonObject&, hub::Right) {};
  /// Members of `connect`: hosts, ports and the CA.
  std::function<void(JsonObject& connect)> add_connect = [](JsonObject&) {};
  /// Takes the connection of a page that plays a device, a WebSocket with MQTT, whose Sec-WebSocket-Key is `key`. Empty:
  /// pages play none.
  std::function<void(net::Stream::Released connection, const boost::asio::ip::address& peer, std::string key)>
      take_device = {};
  /// As POST and GET of the operations port's /backup: begins one by its query, or says how the last one stands.
  std::function<ops::Page(std::string_view query)> begin_backup = [](std::string_view) {
    return ops::Page{.status = 404, .body = {}};
  };
  std::function<ops::Page()> backup_state = [] { return ops::Page{.status = 404, .body = {}}; };
  /// Puts a new key in the place of one of a policy's two, for good. Errors, in words for the owner.
  std::function<Result<void>(const std::string& policy, bool is_primary)> renew_key = [](const std::string&, bool) {
    return Result<void>(fail(Errc::service_unavailable, "keys are not renewed here"));
  };
  std::function<std::string()> ca_pem = [] { return std::string(); };  ///< "" = the certificate is not the hub's own
};

/// A request of the API. Views live as long as the call.
struct ApiVisit {
  const ops::SiteHead& head;
  std::string_view target;  ///< path and query
  std::string_view host;
  const boost::asio::ip::address& peer;

  [[nodiscard]] std::string_view path() const { return target.substr(0, target.find('?')); }
  [[nodiscard]] std::string_view query() const;  ///< without its '?'
};

/// The operations thread.
class Api {
 public:
  using Answered = ops::Site::Answered;

  Api(ApiParts parts, ApiOptions options) : parts_(std::move(parts)), options_(std::move(options)) {}

  /// By the head alone: how many bytes of a body are read, or a refusal.
  [[nodiscard]] std::variant<std::size_t, ops::SiteAnswer> admit(const ApiVisit& visit);
  /// REQUIRES: admit() has taken its head. `request`: its body, and the head that `visit` views into.
  void answer(const ApiVisit& visit, ops::SiteRequest& request, const Answered& answered);

 private:
  struct Call {
    const ApiVisit& visit;
    const ops::SiteRequest& request;
    const std::string& body;
    const Session& session;  ///< of routes that need one
    std::string_view name;   ///< behind a route that ends with '/'
  };
  struct Route;
  static const Route routes[];

  [[nodiscard]] const Route* find(const ApiVisit& visit, std::string& allowed) const;
  [[nodiscard]] std::optional<Session> session_of(const ApiVisit& visit, std::string& token);
  [[nodiscard]] std::string why_no_login(const ApiVisit& visit) const;
  [[nodiscard]] bool may_log_in_unasked(const ApiVisit& visit) const;

  [[nodiscard]] ops::SiteAnswer open_session(const Call& call);
  [[nodiscard]] ops::SiteAnswer show_session(const Call& call);
  [[nodiscard]] ops::SiteAnswer close_session(const Call& call);
  [[nodiscard]] ops::SiteAnswer info(const Call& call);
  [[nodiscard]] ops::SiteAnswer connections(const Call& call);
  [[nodiscard]] ops::SiteAnswer ca(const Call& call);
  [[nodiscard]] ops::SiteAnswer set_log_level(const Call& call);
  // api_owner.cpp
  [[nodiscard]] std::variant<hub::Policy, ops::SiteAnswer> policy_of(const Call& call) const;
  [[nodiscard]] ops::SiteAnswer policies(const Call& call);
  [[nodiscard]] ops::SiteAnswer policy_keys(const Call& call);
  [[nodiscard]] ops::SiteAnswer renew_policy_key(const Call& call);
  [[nodiscard]] ops::SiteAnswer begin_backup(const Call& call);
  [[nodiscard]] ops::SiteAnswer backup_state(const Call& call);
  // api_devices.cpp
  [[nodiscard]] ops::SiteAnswer figures(const Call& call);
  [[nodiscard]] ops::SiteAnswer pending(const Call& call);
  [[nodiscard]] ops::SiteAnswer connect(const Call& call);
  [[nodiscard]] ops::SiteAnswer doctor(const Call& call);
  [[nodiscard]] ops::SiteAnswer play_device(const Call& call);
  [[nodiscard]] ops::SiteAnswer messages(const Call& call);
  [[nodiscard]] ops::SiteAnswer stream(const Call& call);
  void call_hub(const ApiVisit& visit, ops::SiteRequest& request, const Session& session, const Answered& answered);

  const ApiParts parts_;
  const ApiOptions options_;
};

}  // namespace twinhub::console
