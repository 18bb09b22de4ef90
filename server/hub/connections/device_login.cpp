#include "server/hub/connections/device_login.hpp"

#include "protocol/x509/certificate.hpp"

#include <openssl/evp.h>
#include <array>
#include <cstddef>
#include <memory>
#include <new>

namespace twinhub::hub {

namespace {

/// Each login asks for it. OpenSSL looks the algorithm up through locks whenever it is fetched, which costs more than
/// the digest: each thread fetches once.
class Sha256 {
 public:
  using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;
  [[nodiscard]] Digest of(std::string_view bytes) {
    Digest digest{};
    unsigned size = 0;
    const bool is_made = method_ && context_ && EVP_DigestInit_ex(context_.get(), method_.get(), nullptr) == 1 &&
                         EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1 &&
                         EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1;
    if (!is_made) throw std::bad_alloc();  // a digest that is the same for all would keep revoked keys
    return digest;
  }

 private:
  std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> method_{EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free};
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

}  // namespace

std::string digest_of_key(std::string_view key) {
  thread_local Sha256 sha256;
  const Sha256::Digest digest = sha256.of(key);
  constexpr std::size_t kept_bytes = 15;
  return {reinterpret_cast<const char*>(digest.data()), kept_bytes};
}

bool is_key_of(const std::string& digest, const iothub::Identity& identity) {
  return identity.authentication == iothub::AuthenticationType::sas &&
         (digest == digest_of_key(identity.primary_key) || digest == digest_of_key(identity.secondary_key));
}

bool still_valid(const DeviceLogin& login, const iothub::Identity& now) {
  if (now.status != iothub::Status::enabled) return false;
  if (now.id != login.id) return !login.by_key_of_device || is_key_of(login.proof, now);
  if (now.generation_id != login.generation_id) return false;
  if (now.authentication != login.authentication) return false;
  if (login.authentication == iothub::AuthenticationType::certificate_authority) return true;
  if (login.authentication == iothub::AuthenticationType::self_signed) {
    return x509::same_thumbprint(login.proof, now.primary_thumbprint) ||
           x509::same_thumbprint(login.proof, now.secondary_thumbprint);
  }
  return login.key_used == KeyUsed::policy || login.by_key_of_device || is_key_of(login.proof, now);
}

}  // namespace twinhub::hub
