// Why a login was refused, in full and for the operator alone. Peers hear one answer for most causes; so the causes are
// found anew once a login has failed, and a login that succeeds pays nothing for them.
#pragma once

#include "protocol/error.hpp"
#include "protocol/reason.hpp"
#include "server/hub/access/authenticator.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

struct RefusalCause {
  Reason reason = Reason::other;
  std::string detail;  ///< may quote the peer; no key, no signature
};

/// What is needed to find it; all of them outlive it. Any thread.
class RefusalCauses {
 public:
  RefusalCauses(const storage::Store& store, const Clock& clock, const Certificates& certificates,
                const Authenticator& authenticator)
      : store_(store), clock_(clock), certificates_(certificates), authenticator_(authenticator) {}

  /// Of Authenticator::login_device() and of what stands behind it: `error` is what it said.
  [[nodiscard]] RefusalCause of_device(const IdentityId& id, std::string_view sas_token, const Error& error) const;
  [[nodiscard]] RefusalCause of_device(const IdentityId& id, const x509::Chain& chain, const Error& error) const;
  /// Of Authenticator::authorize() and login_policy().
  [[nodiscard]] RefusalCause of_policy(std::string_view sas_token, std::optional<Right> needed) const;

 private:
  [[nodiscard]] std::optional<RefusalCause> of_identity(const IdentityId& id) const;

  const storage::Store& store_;
  const Clock& clock_;
  const Certificates& certificates_;
  const Authenticator& authenticator_;
};

/// By its code alone.
[[nodiscard]] RefusalCause cause_of(const Error& error);

}  // namespace twinhub::hub
