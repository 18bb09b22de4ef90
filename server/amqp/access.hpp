// What the peer of one AMQP connection has proved, and so may open: tokens by $cbs, one by SASL PLAIN, or the client
// certificate. Tokens are checked when they come; which links they open is asked when a link is attached.
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/sas_scope.hpp"
#include "protocol/x509/certificate.hpp"
#include "server/hub/access/authenticator.hpp"
#include "server/hub/access/refusal_cause.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::amqp_door {

/// One thread: its connection's.
class Access {
 public:
  static constexpr std::size_t token_bytes_max = 4096, audience_bytes_max = 1024;

  /// `audiences_max`: identities and resources that it keeps tokens for.
  Access(const hub::Authenticator& authenticator, std::size_t audiences_max)
      : authenticator_(authenticator), audiences_max_(audiences_max) {}

  /// put-token: `audience` as the request names it; a shared access signature, or an access token that was issued to a
  /// policy. Returns the identity that the token is for, if it is for one.
  /// Errors: argument_invalid (no token at all, or one of the two is too long), iot_hub_unauthorized, device_not_found,
  /// device_disabled, iot_hub_quota_exceeded (too many), service_unavailable.
  [[nodiscard]] Result<std::optional<hub::DeviceLogin>> put_token(std::string_view audience, std::string_view token);
  /// True once after a token took the place of one that opened more: links may stand that no token opens now.
  [[nodiscard]] bool take_weakened() { return std::exchange(weakened_, false); }
  /// SASL PLAIN's response: authzid NUL user NUL token. Errors: as above.
  [[nodiscard]] Result<void> plain(std::string_view response);
  /// Which device or module a peer claims to be; nullopt for a policy.
  [[nodiscard]] static std::optional<IdentityId> claimed_by_plain(std::string_view response);
  [[nodiscard]] static std::optional<IdentityId> claimed_by_audience(std::string_view audience);
  /// For a link of `id`: why log_in() has said `error`.
  [[nodiscard]] hub::RefusalCause cause_of_refusal(const hub::RefusalCauses& causes, const IdentityId& id,
                                                   const Error& error) const;
  /// The client certificate that TLS carried.
  void show(x509::Chain chain) { chain_ = std::move(chain); }
  [[nodiscard]] bool has_certificate() const { return !chain_.empty(); }

  /// Whether a policy's token opens `path` for a back end. Of tokens that are not expired at `now_unix`, skew forgiven:
  /// those of 0 may all have expired.
  [[nodiscard]] bool may(hub::Right right, const iothub::ResourcePath& path, std::uint64_t now_unix) const;
  /// Whether any policy's token has the right, whatever it is for.
  [[nodiscard]] bool may_somewhere(hub::Right right, std::uint64_t now_unix) const;
  /// Whether a token that is kept, expired or not, or the certificate, is for the device or module: what let it in.
  [[nodiscard]] bool speaks_for(const IdentityId& id) const;
  /// By the newest token that is for the device or module, by a policy's that covers it, or by the certificate. Errors:
  /// those of Authenticator::login_device; iot_hub_unauthorized when there is nothing to decide by.
  [[nodiscard]] Result<hub::DeviceLogin> log_in(const IdentityId& id) const;

  /// Forgets the token that is for `id` alone.
  void forget(const IdentityId& id);
  /// Drops what is expired since `grace` seconds; true when something was dropped.
  bool expire(std::uint64_t now_unix, std::uint64_t grace);
  /// Drops back ends' tokens whose policy or key is gone by now; true when something was dropped.
  bool drop_revoked();
  /// When the next token expires, in Unix seconds; UINT64_MAX when there is none.
  [[nodiscard]] std::uint64_t next_expiry() const;
  [[nodiscard]] bool is_empty() const { return tokens_.empty(); }
  /// The policy of a token that is kept; "" when there is none.
  [[nodiscard]] std::string policy() const;

 private:
  struct Token {
    iothub::ResourcePath audience;
    std::string resource;  ///< `sr` as it stands
    std::string text;
    std::string policy;                             ///< "" = an identity's own key
    hub::Authenticator::PolicyLogin back_end = {};  ///< no rights when the token is for an identity
    std::uint64_t expires_at = 0;
  };

  [[nodiscard]] static bool is_fresh(const Token& token, std::uint64_t now_unix);
  [[nodiscard]] Result<void> keep(Token token);
  [[nodiscard]] Result<std::optional<hub::DeviceLogin>> put_access_token(std::string_view audience,
                                                                         std::string_view text);
  [[nodiscard]] Result<std::optional<hub::DeviceLogin>> put_for_device(const IdentityId& id, Token token);

  const hub::Authenticator& authenticator_;
  const std::size_t audiences_max_;
  std::vector<Token> tokens_;  ///< the newest of an audience alone
  bool weakened_ = false;
  x509::Chain chain_;
};

}  // namespace twinhub::amqp_door
