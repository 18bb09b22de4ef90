#include "server/net/client_tls.hpp"

#include "server/net/http_client.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>

namespace twinhub::net {

namespace asio = boost::asio;

Result<std::shared_ptr<SSL_CTX>> make_client_context(const HttpTarget& target) {
  if (!target.tls) return std::shared_ptr<SSL_CTX>();
  const auto unusable = [](const std::string& what, const boost::system::error_code& error) {
    return fail(Errc::service_unavailable, what + " cannot be read: " + error.message());
  };
  boost::system::error_code error;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  if (target.ca.empty()) {
    tls.set_default_verify_paths(error);
  } else {
    tls.load_verify_file(target.ca, error);
  }
  if (error) return unusable("the CA file " + target.ca, error);
  if (!target.certificate.empty()) tls.use_certificate_chain_file(target.certificate, error);
  if (error) return unusable("the certificate " + target.certificate, error);
  if (!target.private_key.empty()) tls.use_private_key_file(target.private_key, asio::ssl::context::pem, error);
  if (error) return unusable("the key " + target.private_key, error);
  SSL_CTX_up_ref(tls.native_handle());
  return std::shared_ptr<SSL_CTX>(tls.native_handle(), SSL_CTX_free);
}

void expect_host(SSL* ssl, const std::string& host) {
  boost::system::error_code no_address;
  (void)asio::ip::make_address(host, no_address);
  // SSL_set_tlsext_host_name, without its cast: macros of C are not clean in C++. No addresses there (RFC 6066).
  if (no_address) {
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
    SSL_set1_host(ssl, host.c_str());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  }
  SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
}

}  // namespace twinhub::net
