#include "server/amqp/access.hpp"

#include "protocol/ascii.hpp"
#include "protocol/iothub/access_token.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "protocol/iothub/sas_token.hpp"

#include <algorithm>
#include <limits>

namespace twinhub::amqp_door {
namespace {

Error unauthorized(std::string detail) { return fail(Errc::iot_hub_unauthorized, std::move(detail)); }

}  // namespace

Result<std::optional<hub::DeviceLogin>> Access::put_token(std::string_view audience, std::string_view text) {
  if (audience.size() > audience_bytes_max || text.size() > token_bytes_max)
    return fail(Errc::argument_invalid, "A token may have 4096 bytes, its name 1024");
  const auto parsed = iothub::parse_sas_token(text);
  if (!parsed) return put_access_token(audience, text);
  Token token{iothub::path_named_by(audience), parsed->resource, std::string(text), parsed->policy};
  token.expires_at = parsed->expires_at;
  if (const auto id = iothub::identity_named_by(token.audience)) return put_for_device(*id, std::move(token));
  using Signed = hub::Authenticator::Signed;
  const auto login =
      authenticator_.login_policy(text, token.audience.empty() ? Signed::by_bytes : Signed::by_bytes_or_text);
  if (!login) return login.error();
  if (!authenticator_.policy_covers(token.resource, token.audience))
    return unauthorized("The token is for another resource");
  token.back_end = *login;
  if (const auto kept = keep(std::move(token)); !kept) return kept.error();
  return std::optional<hub::DeviceLogin>();
}

/// Node sends "Bearer ..." under the type of a shared access signature, others the token alone as "jwt".
Result<std::optional<hub::DeviceLogin>> Access::put_access_token(std::string_view audience, std::string_view text) {
  constexpr std::string_view scheme = "Bearer ";
  const bool is_named = equals_ignoring_case(text.substr(0, scheme.size()), scheme);
  const std::string authorization = (is_named ? "" : std::string(scheme)) + std::string(text);
  if (!is_named && !iothub::read_access_token(text))
    return fail(Errc::argument_invalid, "The token is no shared access signature");
  auto login = authenticator_.login_bearer(authorization);
  if (!login) return login.error();
  // What it is good for is the whole hub, which an `sr` without a path names.
  Token token{iothub::path_named_by(audience), "hub", authorization, login->policy};
  token.expires_at = login->expires_at;
  token.back_end = std::move(*login);
  if (const auto kept = keep(std::move(token)); !kept) return kept.error();
  return std::optional<hub::DeviceLogin>();
}

/// An id may be encoded in the audience once more than the audience as a whole is.
Result<std::optional<hub::DeviceLogin>> Access::put_for_device(const IdentityId& id, Token token) {
  auto login = authenticator_.login_device(id, token.text);
  if (!login && login.error().code == Errc::device_not_found) {
    const IdentityId again{iothub::percent_decode(id.device), iothub::percent_decode(id.module)};
    if (again != id) login = authenticator_.login_device(again, token.text);
  }
  if (!login) return login.error();
  token.audience = iothub::resource_path(login->id);
  if (const auto kept = keep(std::move(token)); !kept) return kept.error();
  return std::optional(std::move(*login));
}

Result<void> Access::keep(Token token) {
  const auto same = std::find_if(tokens_.begin(), tokens_.end(),
                                 [&](const Token& known) { return known.audience == token.audience; });
  if (same != tokens_.end()) {
    const hub::Right before = same->back_end.rights;
    weakened_ = weakened_ || !has(token.back_end.rights, before) ||
                (before != hub::Right::none && token.resource != same->resource);
    *same = std::move(token);
    return {};
  }
  if (tokens_.size() >= audiences_max_)
    return fail(Errc::iot_hub_quota_exceeded,
                "A connection may have tokens for " + std::to_string(audiences_max_) + " identities");
  tokens_.push_back(std::move(token));
  return {};
}

Result<void> Access::plain(std::string_view response) {
  const std::size_t first = response.find('\0');
  const std::size_t second = first == std::string_view::npos ? first : response.find('\0', first + 1);
  if (second == std::string_view::npos) return unauthorized("PLAIN without a user and a password");
  const std::string_view user = response.substr(first + 1, second - first - 1), text = response.substr(second + 1);
  const std::size_t at = user.rfind("@sas.");
  if (at == std::string_view::npos) return unauthorized("PLAIN's user is neither of a policy nor of a device");
  const auto parsed = text.size() <= token_bytes_max ? iothub::parse_sas_token(text) : std::nullopt;
  if (!parsed) return unauthorized("PLAIN's password is no shared access signature");
  Token token{{}, parsed->resource, std::string(text), parsed->policy};
  token.expires_at = parsed->expires_at;
  if (user.substr(at).starts_with("@sas.root.")) {
    const auto login = authenticator_.login_policy(text, hub::Authenticator::Signed::by_bytes);
    if (!login) return login.error();
    if (login->policy != user.substr(0, at)) return unauthorized("the token is another policy's");
    token.back_end = *login;
    return keep(std::move(token));
  }
  const auto path = iothub::resource_path("devices/" + std::string(user.substr(0, at)));
  const auto id = iothub::identity_named_by(path);
  if (!id) return unauthorized("PLAIN's user names no device");
  const auto put =
      put_for_device({iothub::percent_decode(id->device), iothub::percent_decode(id->module)}, std::move(token));
  if (!put) return put.error();
  return {};
}

std::optional<IdentityId> Access::claimed_by_plain(std::string_view response) {
  const std::size_t first = response.find('\0');
  if (first == std::string_view::npos) return std::nullopt;
  std::string_view user = response.substr(first + 1);
  user = user.substr(0, user.find('\0'));
  const std::size_t at = user.rfind("@sas.");
  if (at == std::string_view::npos || user.substr(at).starts_with("@sas.root.")) return std::nullopt;
  const auto id = iothub::identity_named_by(iothub::resource_path("devices/" + std::string(user.substr(0, at))));
  if (!id) return std::nullopt;
  return IdentityId{iothub::percent_decode(id->device), iothub::percent_decode(id->module)};
}

std::optional<IdentityId> Access::claimed_by_audience(std::string_view audience) {
  if (audience.size() > audience_bytes_max) return std::nullopt;
  return iothub::identity_named_by(iothub::path_named_by(audience));
}

hub::RefusalCause Access::cause_of_refusal(const hub::RefusalCauses& causes, const IdentityId& id,
                                           const Error& error) const {
  const iothub::ResourcePath wanted = iothub::resource_path(id);
  const auto own =
      std::find_if(tokens_.begin(), tokens_.end(), [&](const Token& token) { return token.audience == wanted; });
  if (own != tokens_.end()) return causes.of_device(id, own->text, error);
  const auto of_policy = std::find_if(tokens_.begin(), tokens_.end(), [](const Token& token) {
    return has(token.back_end.rights, hub::Right::device_connect);
  });
  if (of_policy != tokens_.end()) return causes.of_device(id, of_policy->text, error);
  return chain_.empty() ? causes.of_device(id, std::string_view(), error) : causes.of_device(id, chain_, error);
}

bool Access::is_fresh(const Token& token, std::uint64_t now_unix) {
  return now_unix < iothub::sas_clock_skew_seconds || token.expires_at >= now_unix - iothub::sas_clock_skew_seconds;
}

bool Access::may(hub::Right right, const iothub::ResourcePath& path, std::uint64_t now_unix) const {
  return std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
    return has(token.back_end.rights, right) && is_fresh(token, now_unix) &&
           authenticator_.policy_covers(token.resource, path);
  });
}

bool Access::may_somewhere(hub::Right right, std::uint64_t now_unix) const {
  return std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
    return has(token.back_end.rights, right) && is_fresh(token, now_unix);
  });
}

bool Access::speaks_for(const IdentityId& id) const {
  const iothub::ResourcePath wanted = iothub::resource_path(id);
  return has_certificate() || std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
           return token.audience == wanted || (has(token.back_end.rights, hub::Right::device_connect) &&
                                               authenticator_.policy_covers(token.resource, wanted));
         });
}

Result<hub::DeviceLogin> Access::log_in(const IdentityId& id) const {
  const iothub::ResourcePath wanted = iothub::resource_path(id);
  const auto own =
      std::find_if(tokens_.begin(), tokens_.end(), [&](const Token& token) { return token.audience == wanted; });
  if (own != tokens_.end()) return authenticator_.login_device(id, own->text);
  for (const Token& token : tokens_) {
    if (token.policy.empty() || !has(token.back_end.rights, hub::Right::device_connect)) continue;
    if (auto login = authenticator_.login_device(id, token.text)) return login;
  }
  if (!chain_.empty()) return authenticator_.login_device(id, chain_);
  return unauthorized("The connection has no token for this device");
}

void Access::forget(const IdentityId& id) {
  std::erase_if(tokens_,
                [audience = iothub::resource_path(id)](const Token& token) { return token.audience == audience; });
}

bool Access::expire(std::uint64_t now_unix, std::uint64_t grace) {
  return std::erase_if(tokens_, [&](const Token& token) {
           return token.expires_at <= now_unix && now_unix - token.expires_at >= grace;
         }) > 0;
}

bool Access::drop_revoked() {
  return std::erase_if(tokens_, [&](const Token& token) {
           return token.back_end.rights != hub::Right::none && !authenticator_.still_vouched(token.back_end);
         }) > 0;
}

std::string Access::policy() const {
  const auto found =
      std::find_if(tokens_.begin(), tokens_.end(), [](const Token& each) { return !each.policy.empty(); });
  return found == tokens_.end() ? std::string() : found->policy;
}

std::uint64_t Access::next_expiry() const {
  std::uint64_t next = std::numeric_limits<std::uint64_t>::max();
  for (const Token& token : tokens_) next = std::min(next, token.expires_at);
  return next;
}

}  // namespace twinhub::amqp_door
