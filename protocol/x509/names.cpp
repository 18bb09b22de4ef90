#include "protocol/x509/names.hpp"

#include <memory>

#include <openssl/bio.h>
#include <openssl/x509.h>

namespace twinhub::x509 {
namespace {

std::string text_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  constexpr unsigned long flags = (XN_FLAG_RFC2253 & ~XN_FLAG_SEP_MASK) | XN_FLAG_SEP_CPLUS_SPC;
  if (!out || X509_NAME_print_ex(out.get(), name, 0, flags) < 0) return {};
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

std::string names_of(const Certificate& certificate) {
  return "subject " + certificate.subject() + ", issuer " + text_of(X509_get_issuer_name(certificate.get()));
}

}  // namespace twinhub::x509
