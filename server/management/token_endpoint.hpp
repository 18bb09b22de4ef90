// Log-ins: OAuth 2.0's client credentials, where a client is a policy of the hub with one of its keys, or the client
// `management`. Source: RFC 6749, 4.4; error numbers as Microsoft Entra ID has them.
#pragma once

#include "server/hub/access/access_tokens.hpp"
#include "server/hub/access/authenticator.hpp"
#include "server/management/login_limit.hpp"
#include "server/rest/response.hpp"

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::management {

/// Any thread.
class TokenEndpoint {
 public:
  static constexpr std::size_t form_bytes_max = 16 * 1024;

  /// `tokens` and `clock` outlive it. `find` is called on any thread.
  TokenEndpoint(const hub::AccessTokens& tokens, const hub::Clock& clock, hub::AccessTokens::FindClient find,
                const LoginLimits& limits = {});

  /// Refuses by the head alone, when the address has to wait.
  [[nodiscard]] std::optional<rest::Response> refuse_early(const boost::asio::ip::address& peer) const;
  /// `form`: application/x-www-form-urlencoded. `host`: what the client dialled; this hub's Resource Manager is asked
  /// for by that name.
  [[nodiscard]] rest::Response log_in(std::string_view form, std::string_view host,
                                      const boost::asio::ip::address& peer);

 private:
  [[nodiscard]] std::optional<hub::Policy> check_secret(const std::string& client, std::string_view secret,
                                                        std::string& key) const;

  const hub::AccessTokens& tokens_;
  hub::AccessTokens::FindClient find_;
  LoginLimit limit_;
};

/// Text of a form: `+` is a space, %XX a byte. The first field of a name counts.
[[nodiscard]] std::optional<std::string> form_field(std::string_view form, std::string_view name);

/// What the client asks a token for: `scope`, or `resource` of the older protocol. nullopt for anything but this hub's
/// Resource Manager, by the name it was dialled by or by the cloud's, and the service API.
[[nodiscard]] std::optional<hub::Audience> audience_of(std::string_view scope, std::string_view host);

/// {"error":..,"error_description":..} with `number` as Entra ID's AADSTS number.
[[nodiscard]] rest::Response oauth_error(unsigned status, std::string_view error, unsigned number,
                                         std::string_view description);
/// The same for a log-in, with a notice of it.
[[nodiscard]] rest::Response refused_login(Reason reason, unsigned status, std::string_view error, unsigned number,
                                           std::string_view description);

}  // namespace twinhub::management
