#include "server/net/served_end.hpp"

#include "server/net/pki.hpp"

namespace twinhub::net {

CertificateEnd served_end(SSL_CTX& context, bool whole_chain) {
  const X509* const leaf = SSL_CTX_get0_certificate(&context);
  if (leaf == nullptr) return {"server", "", 0};
  CertificateEnd end{"server", pki::subject_of(leaf), pki::ends_at(leaf)};
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(&context, &chain);
  for (int i = 0; whole_chain && i < sk_X509_num(chain); ++i) {
    const X509* const above = sk_X509_value(chain, i);
    if (pki::ends_at(above) < end.ends_at) end = {"server", pki::subject_of(above), pki::ends_at(above)};
  }
  return end;
}

}  // namespace twinhub::net
