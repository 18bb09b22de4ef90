#include "server/net/peer_chain.hpp"

#include <openssl/x509.h>

namespace twinhub::net {
x509::Chain peer_chain(const SSL* ssl) {
  x509::Chain chain;
  X509* leaf = ssl == nullptr ? nullptr : SSL_get1_peer_certificate(ssl);
  if (leaf == nullptr) return chain;
  chain.push_back(x509::Certificate::adopt(leaf));
  // A server sees the leaf apart from the rest.
  const STACK_OF(X509)* sent_along = SSL_get_peer_cert_chain(ssl);
  const int count = sk_X509_num(sent_along);  // -1 for none; the handshake bounds it: ClientChainLimits
  for (int i = 0; i < count; ++i) {
    X509* certificate = sk_X509_value(sent_along, i);
    X509_up_ref(certificate);
    chain.push_back(x509::Certificate::adopt(certificate));
  }
  return chain;
}

void forget_peer_chain(const SSL* ssl) {
  // OpenSSL has no call for it. The stack is the session's own and stays there, empty; nothing of a handshake that is
  // over looks at it, and sessions are not resumed.
  STACK_OF(X509)* const sent_along = ssl == nullptr ? nullptr : SSL_get_peer_cert_chain(ssl);
  if (sent_along == nullptr) return;
  while (sk_X509_num(sent_along) > 0) X509_free(sk_X509_pop(sent_along));
}

}  // namespace twinhub::net
