// Who is logged in to the console. A session is a random token, given once for a policy's key and sent by the page with
// every request; the hub keeps its hash and the policy's rights, and forgets the key at once. No cookie: those of one
// host are sent to every program on it, whatever the port (RFC 6265, 8.5), and with every request that any page makes.
#pragma once

#include "protocol/error.hpp"
#include "server/base/clock.hpp"
#include "server/hub/access/authenticator.hpp"
#include "server/management/login_limit.hpp"
#include "storage/guarded.hpp"

#include <array>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::console {

struct SessionOptions {
  std::chrono::seconds idle{30 * 60};    ///< without a request
  std::chrono::seconds life{12 * 3600};  ///< at most
  std::size_t sessions_max = 64;         ///< beyond, the one that is idle longest ends
  unsigned failures_per_minute = 5;      ///< of one address
};

struct Session {
  hub::Authenticator::PolicyLogin login;
  std::uint64_t number = 0;  ///< its own, for whoever has no token
  Timestamp ends_at;         ///< by the wall clock of the log-in, to be shown
};

/// Any thread.
class Sessions {
 public:
  /// Both outlive it.
  Sessions(const hub::Authenticator& authenticator, const hub::Clock& clock, hub::Random& random,
           const SessionOptions& options = {});

  struct Opened {
    std::string token;
    Session session;
  };
  /// Errors: generic_too_many_requests (wait_of() says how long to wait), iot_hub_unauthorized_access (no such policy,
  /// or not its key), invalid_operation (a policy that may not look at anything).
  [[nodiscard]] Result<Opened> open(const std::string& policy, std::string_view key,
                                    const boost::asio::ip::address& peer);
  /// Without its key: the caller has seen that whoever asks may have it.
  [[nodiscard]] Result<Opened> open_unasked(const std::string& policy);
  /// Seconds until `peer` may fail again.
  [[nodiscard]] unsigned wait_of(const boost::asio::ip::address& peer) const { return failures_.wait_of(peer); }

  /// The session of a token, which was used by that; nullopt: there is none, or it is over.
  [[nodiscard]] std::optional<Session> find(std::string_view token);
  /// The same by its number: for a stream, which has no token and is use as long as it is open.
  [[nodiscard]] bool is_alive(std::uint64_t number);
  void close(std::string_view token);
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] const SessionOptions& options() const { return options_; }

 private:
  using Hash = std::array<unsigned char, 32>;
  struct Entry {
    Session session;
    std::uint64_t used = 0;   ///< on the steady clock, ticks
    std::uint64_t begun = 0;  ///< the same
  };
  [[nodiscard]] static Hash hash_of(std::string_view token);
  [[nodiscard]] Result<Opened> open(Result<hub::Authenticator::PolicyLogin> login);
  [[nodiscard]] bool is_over(const Entry& entry, std::uint64_t now) const;
  [[nodiscard]] bool use(Entry& entry) const REQUIRES(mutex_);

  const hub::Authenticator& authenticator_;
  const hub::Clock& clock_;
  hub::Random& random_;
  const SessionOptions options_;
  management::LoginLimit failures_;
  mutable Mutex mutex_;
  std::map<Hash, Entry> sessions_ GUARDED_BY(mutex_);
  std::uint64_t last_number_ GUARDED_BY(mutex_) = 0;
};

}  // namespace twinhub::console
