#include "server/net/certificates.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

#include <arpa/inet.h>

namespace twinhub::net {
namespace {

namespace fs = std::filesystem;

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION, X509_EXTENSION_free>>;

constexpr long day_seconds = 24 * 3600;
constexpr long ca_days = 3650;
constexpr long server_days = 820;  // clients of some platforms refuse more than 825
constexpr long renew_days = 30;
constexpr unsigned private_mode = 0600;
constexpr unsigned public_mode = 0644;

Error cannot(const std::string& what) { return fail(Errc::service_unavailable, "certificates: " + what); }

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

bool is_address(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

/// An address in its one usual spelling; any other name as it is.
std::string usual_spelling(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, name.c_str(), bytes.data()) != 1) continue;
    return ::inet_ntop(family, bytes.data(), text.data(), text.size());
  }
  return name;
}

/// "DNS:localhost,IP:127.0.0.1,..." sorted: the same names give the same text.
std::string subject_alternative_names(const std::vector<std::string>& host_names) {
  std::set<std::string> names = {"localhost", "127.0.0.1", "::1", "twinhub.local", machine_name()};
  for (const std::string& name : host_names) names.insert(usual_spelling(name));
  names.erase("");
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ',';
    text += (is_address(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

Key make_key(KeyType type) { return Key(type == KeyType::rsa_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")); }

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return false;
  bytes[0] &= 0x7F;  // RFC 5280: positive
  const std::unique_ptr<BIGNUM, Deleter<BIGNUM, BN_free>> number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

/// A certificate without extensions and signature.
Certificate make_blank(EVP_PKEY* key, const std::string& common_name, long days) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  if (!set_random_serial(certificate.get())) return nullptr;
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -day_seconds);  // clocks of devices are seldom exact
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * day_seconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                             -1, 0);
  return certificate;
}

Certificate make_ca(EVP_PKEY* key) {
  Certificate ca = make_blank(key, "twinhub CA of " + machine_name().substr(0, 40), ca_days);
  if (!ca) return nullptr;
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  const bool extended = add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                        add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
                        add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  if (!extended || X509_sign(ca.get(), key, EVP_sha256()) == 0) return nullptr;
  return ca;
}

Certificate make_server(EVP_PKEY* key, X509* ca, EVP_PKEY* ca_key, const std::string& names) {
  Certificate server = make_blank(key, "twinhub", server_days);
  if (!server) return nullptr;
  X509_set_issuer_name(server.get(), X509_get_subject_name(ca));
  const bool extended = add_extension(server.get(), ca, NID_basic_constraints, "critical,CA:FALSE") &&
                        add_extension(server.get(), ca, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
                        add_extension(server.get(), ca, NID_ext_key_usage, "serverAuth") &&
                        add_extension(server.get(), ca, NID_subject_key_identifier, "hash") &&
                        add_extension(server.get(), ca, NID_authority_key_identifier, "keyid:always") &&
                        add_extension(server.get(), ca, NID_subject_alt_name, names);
  if (!extended || X509_sign(server.get(), ca_key, EVP_sha256()) == 0) return nullptr;
  return server;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

Certificate read_certificate(const fs::path& path) {
  const Bio bio(BIO_new_file(path.c_str(), "r"));
  return Certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
}

Key read_key(const fs::path& path) {
  const Bio bio(BIO_new_file(path.c_str(), "r"));
  return Key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr) : nullptr);
}

/// The names a certificate carries, in the form of subject_alternative_names().
std::string names_of(X509* certificate) {
  std::set<std::string> names;
  auto* list = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    if (name->type == GEN_DNS) {
      const auto* text = name->d.dNSName;
      names.insert(std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<std::size_t>(ASN1_STRING_length(text))));
    } else if (name->type == GEN_IPADD) {
      const auto* bytes = name->d.iPAddress;
      std::array<char, INET6_ADDRSTRLEN> text{};
      ::inet_ntop(ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text.data(),
                  text.size());
      names.insert(text.data());
    }
  }
  GENERAL_NAMES_free(list);
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ',';
    text += (is_address(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

bool is_current(X509* server, EVP_PKEY* key, X509* ca, const std::string& names, KeyType type) {
  if (server == nullptr || key == nullptr || X509_check_private_key(server, key) != 1) return false;
  if (X509_verify(server, X509_get0_pubkey(ca)) != 1) return false;
  const bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
  if (is_rsa != (type == KeyType::rsa_2048)) return false;
  int days_left = 0, seconds_left = 0;
  ASN1_TIME_diff(&days_left, &seconds_left, nullptr, X509_get0_notAfter(server));
  return days_left >= renew_days && names_of(server) == names;
}

struct Authority {
  Certificate certificate;
  Key key;
  bool made = false;
};

Result<Authority> ensure_ca(const fs::path& directory) {
  Authority ca{read_certificate(directory / "ca.pem"), read_key(directory / "ca.key"), false};
  if (ca.certificate && ca.key && X509_check_private_key(ca.certificate.get(), ca.key.get()) == 1) return ca;
  // Never replaced silently: clients trust it. Half of it lost is for the operator to decide.
  if (fs::exists(directory / "ca.pem") || fs::exists(directory / "ca.key")) {
    return cannot("ca.pem and ca.key in " + directory.string() +
                  " cannot be read or do not fit each other; remove both to make a new CA");
  }
  ca.key = make_key(KeyType::ecdsa_p256);
  if (ca.key) ca.certificate = make_ca(ca.key.get());
  if (!ca.certificate) return cannot("the CA could not be made");
  ca.made = true;
  if (const auto written = write_file(directory / "ca.key", pem_of(ca.key.get()), private_mode); !written)
    return written.error();
  if (const auto written = write_file(directory / "ca.pem", pem_of(ca.certificate.get()), public_mode); !written)
    return written.error();
  return ca;
}

}  // namespace

Result<OwnCertificates> ensure_certificates(const fs::path& directory, const std::vector<std::string>& host_names,
                                            KeyType key_type) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return cannot(directory.string() + " cannot be made: " + error.message());
  auto ca = ensure_ca(directory);
  if (!ca) return ca.error();

  OwnCertificates own{directory / "ca.pem", {directory / "server.pem", directory / "server.key"}, ca->made, false};
  const std::string names = subject_alternative_names(host_names);
  const Certificate present = read_certificate(own.server.certificate);
  const Key present_key = read_key(own.server.private_key);
  ERR_clear_error();
  if (is_current(present.get(), present_key.get(), ca->certificate.get(), names, key_type)) return own;

  const Key key = make_key(key_type);
  const Certificate server = key ? make_server(key.get(), ca->certificate.get(), ca->key.get(), names) : nullptr;
  if (!server) return cannot("the server certificate could not be issued for " + names);
  own.issued = true;
  if (const auto written = write_file(own.server.private_key, pem_of(key.get()), private_mode); !written)
    return written.error();
  if (const auto written = write_file(own.server.certificate, pem_of(server.get()), public_mode); !written)
    return written.error();
  return own;
}

Result<void> write_file(const fs::path& path, const std::string& text, unsigned mode) {
  const std::string temporary = path.string() + ".new";
  ::unlink(temporary.c_str());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return cannot(temporary + " cannot be written: " + std::strerror(errno));
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const std::string why = std::strerror(errno);
    ::unlink(temporary.c_str());
    return cannot(path.string() + " cannot be written: " + why);
  }
  return {};
}

}  // namespace twinhub::net
