// Keys and certificates as the hub makes, signs, reads and writes its own. For certificates.cpp and ca_rotation.cpp.
#pragma once

#include "protocol/error.hpp"
#include "server/net/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <ctime>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace twinhub::net::pki {

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;

inline constexpr long day_seconds = 24 * 3600;
inline constexpr unsigned private_mode = 0600;
inline constexpr unsigned public_mode = 0644;

/// For the operator.
[[nodiscard]] Error cannot(const std::string& what);
/// The clock of a machine without a battery starts years behind: it is at least as late as when this was written.
[[nodiscard]] std::time_t today();
[[nodiscard]] std::string machine_name();

[[nodiscard]] Key make_key(KeyType type);
/// A CA of this machine, signed by itself; `mark`, when it is not empty, tells it from the one before.
[[nodiscard]] Certificate make_ca(EVP_PKEY* key, const std::string& mark);
/// For TLS servers, signed by `ca`, which it does not outlive. `names` as names_text() gives them.
[[nodiscard]] Certificate make_server(EVP_PKEY* key, X509* ca, EVP_PKEY* ca_key, const std::string& names);
/// The subject and key of `old_ca` as an intermediate CA that `ca` has signed, valid until `until`.
[[nodiscard]] Certificate make_cross(X509* old_ca, X509* ca, EVP_PKEY* ca_key, std::time_t until);

[[nodiscard]] std::string pem_of(X509* certificate);
[[nodiscard]] std::string pem_of(EVP_PKEY* key);
/// Null when there is none.
[[nodiscard]] Certificate read_certificate(const std::filesystem::path& path);
[[nodiscard]] std::vector<Certificate> read_certificates(const std::filesystem::path& path);
[[nodiscard]] Key read_key(const std::filesystem::path& path);
[[nodiscard]] bool fits(const Certificate& certificate, const Key& key);

[[nodiscard]] std::time_t ends_at(const X509* certificate);
[[nodiscard]] std::string subject_of(const X509* certificate);
/// In hexadecimal.
[[nodiscard]] std::string sha256_of(const X509* certificate);

/// "DNS:localhost,IP:127.0.0.1,...": the same names give the same text.
[[nodiscard]] std::string names_text(const std::set<std::string>& names);
/// An address in its one usual spelling; any other name as it is.
[[nodiscard]] std::string usual_spelling(const std::string& name);
/// The names that a certificate carries, addresses in their usual spelling.
[[nodiscard]] std::set<std::string> names_of(X509* certificate);

}  // namespace twinhub::net::pki
