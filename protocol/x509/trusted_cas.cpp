#include "protocol/x509/trusted_cas.hpp"

#include "protocol/x509/key_cost.hpp"
#include "protocol/x509/name_constraints.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <algorithm>
#include <ctime>
#include <new>

namespace twinhub::x509 {
namespace {

constexpr std::size_t digest_bytes = 32;
constexpr int intermediates_max = 6;
constexpr int auth_level = 2;  // RSA 2048, SHA-256 and their like

using Context = std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)>;

/// The list borrows its certificates.
struct StackFree {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), StackFree>;

std::time_t unix_time(Timestamp at) {
  return (static_cast<std::int64_t>(at.ticks) - static_cast<std::int64_t>(unix_epoch_ticks)) /
         static_cast<std::int64_t>(ticks_per_second);
}

Certificate share(X509* certificate) {
  X509_up_ref(certificate);
  return Certificate::adopt(certificate);
}

Error refused(const std::string& why) {
  ERR_clear_error();
  return fail(Errc::iot_hub_unauthorized, "the certificate does not lead to a verified CA of the hub: " + why);
}

std::shared_ptr<X509_STORE> make_store(std::span<const Certificate> cas) {
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  if (!store) throw std::bad_alloc();
  for (const Certificate& ca : cas) X509_STORE_add_cert(store.get(), ca.get());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);  // an uploaded intermediate CA is an anchor, too
  X509_STORE_set_purpose(store.get(), X509_PURPOSE_SSL_CLIENT);
  X509_STORE_set_depth(store.get(), intermediates_max);
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(store.get()), auth_level);
  return store;
}

}  // namespace

TrustedCas::TrustedCas(std::span<const Certificate> cas) : all_(make_store(cas)) {
  for (const Certificate& ca : cas) {
    digests_.insert(ca.sha256());
    const auto namesakes = std::count_if(cas.begin(), cas.end(), [&](const Certificate& other) {
      return X509_NAME_cmp(X509_get_subject_name(ca.get()), X509_get_subject_name(other.get())) == 0;
    });
    if (namesakes > 1) namesakes_.push_back(make_store(std::span(&ca, 1)));
  }
  ERR_clear_error();
}

Result<Vouched> TrustedCas::verify(const Chain& chain, Timestamp now) const {
  if (!has_cheap_keys(chain)) return refused("a key in it is longer than the hub takes");
  auto outcome = verify_in(all_.get(), chain, now);
  for (auto it = namesakes_.begin(); !outcome && it != namesakes_.end(); ++it) {
    if (auto vouched = verify_in(it->get(), chain, now)) return vouched;
  }
  return outcome;
}

Result<Vouched> TrustedCas::verify_in(x509_store_st* store, const Chain& chain, Timestamp now) const {
  if (chain.empty()) return refused("there is none");
  const Stack sent(sk_X509_new_null());
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(sent.get(), chain[i].get());
  const Context context(X509_STORE_CTX_new(), &X509_STORE_CTX_free);
  if (!sent || !context) throw std::bad_alloc();
  if (X509_STORE_CTX_init(context.get(), store, chain.front().get(), sent.get()) != 1) return refused("no context");
  X509_STORE_CTX_set_time(context.get(), 0, unix_time(now));
  if (X509_verify_cert(context.get()) != 1) {
    return refused(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
  }

  const STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context.get());
  Vouched vouched{{}, chain.front().not_after()};
  const std::string device_id = chain.front().common_name().value_or("");
  for (int i = 0; i < sk_X509_num(path); ++i) {
    const Certificate certificate = share(sk_X509_value(path, i));
    // OpenSSL takes older marks of a CA than basic constraints, too.
    if (i > 0 && !certificate.is_ca()) return refused("an issuer in it is no CA by its basic constraints");
    if (i > 0 && !allows_device_id(certificate, device_id))
      return refused("the name constraints of an issuer in it do not allow the common name");
    vouched.not_after = std::min(vouched.not_after, certificate.not_after());
    if (std::string digest = certificate.sha256(); digests_.contains(digest)) vouched.cas += digest;
  }
  if (vouched.cas.empty()) return refused("no trusted CA in it");
  return vouched;
}

bool TrustedCas::hold(std::string_view cas) const {
  for (; !cas.empty(); cas.remove_prefix(std::min(cas.size(), digest_bytes))) {
    if (!digests_.contains(std::string(cas.substr(0, digest_bytes)))) return false;
  }
  return true;
}

}  // namespace twinhub::x509
