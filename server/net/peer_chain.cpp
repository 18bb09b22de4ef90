#include "server/net/peer_chain.hpp"

#include <openssl/x509.h>
#include <algorithm>

namespace twinhub::net {
namespace {

constexpr int sent_along_max = 16;

}  // namespace

x509::Chain peer_chain(const SSL* ssl) {
  x509::Chain chain;
  X509* leaf = ssl == nullptr ? nullptr : SSL_get1_peer_certificate(ssl);
  if (leaf == nullptr) return chain;
  chain.push_back(x509::Certificate::adopt(leaf));
  // A server sees the leaf apart from the rest.
  const STACK_OF(X509)* sent_along = SSL_get_peer_cert_chain(ssl);
  const int count = std::min(sk_X509_num(sent_along), sent_along_max);  // -1 for none
  for (int i = 0; i < count; ++i) {
    X509* certificate = sk_X509_value(sent_along, i);
    X509_up_ref(certificate);
    chain.push_back(x509::Certificate::adopt(certificate));
  }
  return chain;
}

}  // namespace twinhub::net
