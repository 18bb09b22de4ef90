#include "server/console/sessions.hpp"

#include "protocol/iothub/sas_token.hpp"

#include <algorithm>
#include <utility>

#include <openssl/sha.h>

namespace twinhub::console {
namespace {

constexpr std::size_t token_bytes = 32;

std::string base64url(std::string_view bytes) {
  std::string text = base64_encode(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.erase(std::min(text.find('='), text.size()));
  return text;
}

std::uint64_t ticks_of(std::chrono::seconds time) {
  return static_cast<std::uint64_t>(time.count()) * ticks_per_second;
}

}  // namespace

Sessions::Sessions(const hub::Authenticator& authenticator, const hub::Clock& clock, hub::Random& random,
                   const SessionOptions& options)
    : authenticator_(authenticator),
      clock_(clock),
      random_(random),
      options_(options),
      failures_(clock, {.failures_at_once = options.failures_per_minute,
                        .seconds_per_failure = 60 / options.failures_per_minute}) {}

Sessions::Hash Sessions::hash_of(std::string_view token) {
  Hash hash;
  ::SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), hash.data());
  return hash;
}

Result<Sessions::Opened> Sessions::open(const std::string& policy, std::string_view key,
                                        const boost::asio::ip::address& peer) {
  if (failures_.wait_of(peer) > 0)
    return fail(Errc::generic_too_many_requests, "too many log-ins have failed from this address");
  // A key is judged by what it signs, as any client's is.
  const std::string token = iothub::make_sas_token("console", key, iothub::unix_seconds(clock_.wall()) + 60, policy);
  auto login = authenticator_.login_policy(token, hub::Authenticator::Signed::by_bytes);
  if (!login) failures_.note_failure(peer);
  return open(std::move(login));
}

Result<Sessions::Opened> Sessions::open_unasked(const std::string& policy) {
  const auto policies = authenticator_.policies();
  const auto found =
      std::find_if(policies->begin(), policies->end(), [&](const hub::Policy& each) { return each.name == policy; });
  if (found == policies->end()) return open(fail(Errc::iot_hub_unauthorized, ""));
  const std::uint64_t soon = iothub::unix_seconds(clock_.wall()) + 60;
  return open(authenticator_.login_policy(iothub::make_sas_token("console", found->primary_key, soon, policy),
                                          hub::Authenticator::Signed::by_bytes));
}

Result<Sessions::Opened> Sessions::open(Result<hub::Authenticator::PolicyLogin> login) {
  if (!login) return fail(Errc::iot_hub_unauthorized_access, "there is no such policy, or this is not its key");
  if (!hub::has(login->rights, hub::Right::registry_read) && !hub::has(login->rights, hub::Right::service_connect))
    return fail(Errc::invalid_operation,
                "the policy '" + login->policy + "' has neither RegistryRead nor ServiceConnect: it would see nothing");
  Opened opened{base64url(random_.bytes(token_bytes)), {std::move(*login), 0, clock_.wall()}};
  opened.session.ends_at.ticks += ticks_of(options_.life);
  const std::uint64_t now = clock_.steady().ticks;
  const MutexLock lock(mutex_);
  // Those that are over have no place any more; then those that nobody looks at.
  std::erase_if(sessions_, [this, now](const auto& each) { return is_over(each.second, now); });
  while (sessions_.size() >= options_.sessions_max) {
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(),
                                     [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  opened.session.number = ++last_number_;
  sessions_.emplace(hash_of(opened.token), Entry{opened.session, now, now});
  return opened;
}

bool Sessions::is_over(const Entry& entry, std::uint64_t now) const {
  return now - entry.used > ticks_of(options_.idle) || now - entry.begun > ticks_of(options_.life);
}

bool Sessions::use(Entry& entry) const {
  const std::uint64_t now = clock_.steady().ticks;
  if (is_over(entry, now)) return false;
  if (!authenticator_.still_vouched(entry.session.login)) return false;
  entry.used = now;
  return true;
}

std::optional<Session> Sessions::find(std::string_view token) {
  const Hash hash = hash_of(token);
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(hash);
  if (found == sessions_.end()) return std::nullopt;
  if (use(found->second)) return found->second.session;
  sessions_.erase(found);
  return std::nullopt;
}

bool Sessions::is_alive(std::uint64_t number) {
  const MutexLock lock(mutex_);
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [number](const auto& each) { return each.second.session.number == number; });
  if (found == sessions_.end()) return false;
  if (use(found->second)) return true;
  sessions_.erase(found);
  return false;
}

void Sessions::close(std::string_view token) {
  const Hash hash = hash_of(token);
  const MutexLock lock(mutex_);
  sessions_.erase(hash);
}

std::size_t Sessions::count() const {
  const MutexLock lock(mutex_);
  return sessions_.size();
}

}  // namespace twinhub::console
