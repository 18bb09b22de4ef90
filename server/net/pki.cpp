#include "server/net/pki.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>
#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace twinhub::net::pki {
namespace {

namespace fs = std::filesystem;

using Bio = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION, X509_EXTENSION_free>>;

constexpr long ca_days = 3650;
constexpr long server_days = 820;  // clients of some platforms refuse more than 825
/// The CA is made once: it holds from here on, whatever the clock said on that day.
constexpr const char* ca_valid_from = "20200101000000Z";
constexpr std::time_t released = 1'767'225'600;  // 2026-01-01

bool is_address(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

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

/// A certificate without subject, extensions and signature.
Certificate make_nameless(EVP_PKEY* key, std::time_t until) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  if (!set_random_serial(certificate.get())) return nullptr;
  std::time_t now = today();
  X509_time_adj_ex(X509_getm_notBefore(certificate.get()), -1, 0, &now);  // clocks of devices are seldom exact
  X509_time_adj_ex(X509_getm_notAfter(certificate.get()), 0, 0, &until);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

Certificate make_blank(EVP_PKEY* key, const std::string& common_name, std::time_t until) {
  Certificate certificate = make_nameless(key, until);
  if (!certificate) return nullptr;
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                             -1, 0);
  return certificate;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Error cannot(const std::string& what) { return fail(Errc::service_unavailable, "certificates: " + what); }

std::time_t today() { return std::max(std::time(nullptr), released); }

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Key make_key(KeyType type) { return Key(type == KeyType::rsa_2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")); }

Certificate make_ca(EVP_PKEY* key, const std::string& mark) {
  constexpr std::size_t machine_bytes_max = 40;  // a common name has 64 characters at most
  const std::string name = "twinhub CA of " + machine_name().substr(0, machine_bytes_max);
  Certificate ca = make_blank(key, mark.empty() ? name : name + " " + mark, today() + ca_days * day_seconds);
  if (!ca || ASN1_TIME_set_string(X509_getm_notBefore(ca.get()), ca_valid_from) != 1) return nullptr;
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  // One CA below it: in a rotation it signs the key of the CA before.
  const bool extended = add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:1") &&
                        add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
                        add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  if (!extended || X509_sign(ca.get(), key, EVP_sha256()) == 0) return nullptr;
  return ca;
}

Certificate make_server(EVP_PKEY* key, X509* ca, EVP_PKEY* ca_key, const std::string& names) {
  Certificate server = make_blank(key, "twinhub", std::min(today() + server_days * day_seconds, ends_at(ca)));
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

Certificate make_cross(X509* old_ca, X509* ca, EVP_PKEY* ca_key, std::time_t until) {
  Certificate cross = make_nameless(X509_get0_pubkey(old_ca), until);
  if (!cross || X509_set_subject_name(cross.get(), X509_get_subject_name(old_ca)) != 1) return nullptr;
  X509_set_issuer_name(cross.get(), X509_get_subject_name(ca));
  const bool extended = add_extension(cross.get(), ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                        add_extension(cross.get(), ca, NID_key_usage, "critical,keyCertSign") &&
                        add_extension(cross.get(), ca, NID_subject_key_identifier, "hash") &&
                        add_extension(cross.get(), ca, NID_authority_key_identifier, "keyid:always");
  if (!extended || X509_sign(cross.get(), ca_key, EVP_sha256()) == 0) return nullptr;
  return cross;
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
  auto all = read_certificates(path);
  return all.empty() ? nullptr : std::move(all.front());
}

std::vector<Certificate> read_certificates(const fs::path& path) {
  std::vector<Certificate> all;
  const Bio bio(BIO_new_file(path.c_str(), "r"));
  while (bio) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!next) break;
    all.push_back(std::move(next));
  }
  ERR_clear_error();
  return all;
}

Key read_key(const fs::path& path) {
  const Bio bio(BIO_new_file(path.c_str(), "r"));
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  return key;
}

bool fits(const Certificate& certificate, const Key& key) {
  const bool fit = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  return fit;
}

std::time_t ends_at(const X509* certificate) {
  std::tm end{};
  return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 ? ::timegm(&end) : 0;
}

std::string subject_of(const X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  return text_of(bio.get());
}

std::string sha256_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return "";
  constexpr char hexadecimal[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += hexadecimal[digest[i] >> 4U];
    text += hexadecimal[digest[i] & 15U];
  }
  return text;
}

std::string names_text(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ',';
    text += (is_address(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

std::string usual_spelling(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, name.c_str(), bytes.data()) != 1) continue;
    return ::inet_ntop(family, bytes.data(), text.data(), text.size());
  }
  return name;
}

std::set<std::string> names_of(X509* certificate) {
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
  return names;
}

}  // namespace twinhub::net::pki
