#include "protocol/x509/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <algorithm>
#include <array>
#include <ctime>

namespace twinhub::x509 {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

Bio reader_of(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all};
}
Bio writer() { return {BIO_new(BIO_s_mem()), &BIO_free_all}; }

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

/// A PEM file is never asked for a pass phrase on the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

X509* read_pem(std::string_view text) {
  const Bio bio = reader_of(text);
  return PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr);
}

X509* read_der(std::string_view bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto* end = at + bytes.size();
  X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(bytes.size()));
  if (certificate != nullptr && at != end) {
    X509_free(certificate);
    return nullptr;
  }
  return certificate;
}

X509* read_either(std::string_view text) {
  return text.find("-----BEGIN") != std::string_view::npos ? read_pem(text) : read_der(text);
}

std::string without_white_space(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (c != '\r' && c != '\n' && c != ' ' && c != '\t') kept += c;
  }
  return kept;
}

std::string digest_of(const X509* certificate, const EVP_MD* algorithm) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate, algorithm, digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

Timestamp timestamp_of(const ASN1_TIME* time) {
  std::tm calendar{};
  if (ASN1_TIME_to_tm(time, &calendar) != 1) return {};
  return timestamp_from_unix(::timegm(&calendar));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

Result<Certificate> Certificate::parse(std::string_view text) {
  if (text.size() > certificate_bytes_max) return fail(Errc::argument_invalid, "The certificate is too large");
  X509* certificate = read_either(text);
  if (certificate == nullptr) {
    if (const auto decoded = base64_decode(without_white_space(text))) certificate = read_either(*decoded);
  }
  ERR_clear_error();
  if (certificate == nullptr) return fail(Errc::argument_invalid, "The certificate is neither PEM nor DER");
  return adopt(certificate);
}

Certificate Certificate::adopt(x509_st* certificate) {
  return Certificate(std::shared_ptr<x509_st>(certificate, X509_free));
}

std::string Certificate::der() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(get(), &bytes);
  std::string der(reinterpret_cast<const char*>(bytes), size < 0 ? 0 : static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string Certificate::pem() const {
  const Bio bio = writer();
  PEM_write_bio_X509(bio.get(), get());
  return text_of(bio.get());
}

std::string Certificate::sha1_thumbprint() const { return hex_encode(digest_of(get(), EVP_sha1())); }
std::string Certificate::sha256_thumbprint() const { return hex_encode(sha256()); }
std::string Certificate::sha256() const { return digest_of(get(), EVP_sha256()); }

std::optional<std::string> Certificate::common_name() const {
  const X509_NAME* name = X509_get_subject_name(get());
  const int first = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  // Of two common names, it is not known which one the CA vouches for.
  if (first < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, first) >= 0) return std::nullopt;
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, first)));
  if (size < 0) {
    ERR_clear_error();
    return std::nullopt;
  }
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string Certificate::subject() const {
  const Bio bio = writer();
  constexpr unsigned long flags = (XN_FLAG_RFC2253 & ~XN_FLAG_SEP_MASK) | XN_FLAG_SEP_CPLUS_SPC;
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(get()), 0, flags);
  return text_of(bio.get());
}

Timestamp Certificate::not_before() const { return timestamp_of(X509_get0_notBefore(get())); }
Timestamp Certificate::not_after() const { return timestamp_of(X509_get0_notAfter(get())); }

bool Certificate::is_valid_at(Timestamp now) const {
  const Timestamp second{now.ticks - now.ticks % ticks_per_second};
  return not_before() <= second && second <= not_after();
}

bool Certificate::is_ca() const { return X509_check_ca(get()) == 1; }

bool Certificate::is_issued_by(const Certificate& ca) const {
  const bool issued = X509_check_issued(ca.get(), get()) == X509_V_OK;
  const bool is_signed = issued && X509_verify(get(), X509_get0_pubkey(ca.get())) == 1;
  ERR_clear_error();
  return is_signed;
}

Result<std::vector<Certificate>> parse_pem_list(std::string_view text) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  std::vector<Certificate> all;
  for (std::size_t at = text.find(begin); at != std::string_view::npos;) {
    const std::size_t next = text.find(begin, at + begin.size());
    auto certificate = Certificate::parse(text.substr(at, next == std::string_view::npos ? next : next - at));
    if (!certificate) return certificate.error();
    all.push_back(std::move(*certificate));
    at = next;
  }
  if (all.empty()) return fail(Errc::argument_invalid, "There is no PEM certificate");
  return all;
}

bool same_thumbprint(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace twinhub::x509
