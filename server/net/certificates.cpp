#include "server/net/certificates.hpp"

#include "server/net/ca_rotation.hpp"
#include "server/net/pki.hpp"
#include "storage/durable_folder.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace twinhub::net {
namespace {

namespace fs = std::filesystem;
using pki::cannot;

constexpr long renew_seconds = 30 * pki::day_seconds;

bool has_begun(X509* certificate, std::time_t now) { return X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0; }

/// Valid by the clock of now, and for a while, or as long as its CA: one that was issued while the clock was ahead is not valid yet.
bool is_in_its_time(X509* server, X509* ca) {
  const std::time_t now = pki::today(), end = pki::ends_at(server);
  return has_begun(server, now) && end > now && (end > now + renew_seconds || end >= pki::ends_at(ca));
}

bool is_of_ca(X509* server, EVP_PKEY* key, X509* ca) {
  return server != nullptr && key != nullptr && X509_check_private_key(server, key) == 1 &&
         X509_verify(server, X509_get0_pubkey(ca)) == 1;
}

bool is_current(X509* server, EVP_PKEY* key, X509* ca, const std::set<std::string>& names, KeyType type) {
  if (!is_of_ca(server, key, ca)) return false;
  const bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
  if (is_rsa != (type == KeyType::rsa_2048)) return false;
  return is_in_its_time(server, ca) && pki::names_of(server) == names;
}

/// A folder for private keys: 0700 when this makes it. An older one is left as its
/// operator has it; the keys in it are 0600.
Result<void> make_private_folder(const fs::path& directory) {
  const auto error = storage::make_durable_folder(directory, S_IRWXU);
  if (error) return cannot(directory.string() + " cannot be made: " + error.message());
  return {};
}

Result<Authority> ensure_ca(const fs::path& directory) {
  Authority ca = read_authority(directory);
  if (is_whole(ca)) return ca;
  // A first start that ended between the two files: it goes on where it was.
  const bool half_made = ca.key && !fs::exists(directory / "ca.pem") && !fs::exists(directory / "server.pem");
  // Never replaced silently: clients trust it. Half of it lost is for the operator to decide.
  if (!half_made && (fs::exists(directory / "ca.pem") || fs::exists(directory / "ca.key"))) {
    return cannot("ca.pem and ca.key in " + directory.string() +
                  " cannot be read or do not fit each other; remove both to make a new CA");
  }
  if (!half_made) ca.key = pki::make_key(KeyType::ecdsa_p256);
  if (ca.key) ca.certificate = pki::make_ca(ca.key.get(), "");
  if (!ca.certificate) return cannot("the CA could not be made");
  ca.made = true;
  // The certificate last: a key without one has signed nothing that anybody has seen.
  if (const auto written = write_file(directory / "ca.key", pki::pem_of(ca.key.get()), pki::private_mode); !written)
    return written.error();
  if (const auto written = write_file(directory / "ca.pem", pki::pem_of(ca.certificate.get()), pki::public_mode);
      !written)
    return written.error();
  return ca;
}

}  // namespace

std::set<std::string> server_names(const std::vector<std::string>& host_names) {
  std::set<std::string> names = {"localhost", "127.0.0.1", "::1", "twinhub.local", pki::machine_name()};
  for (const std::string& name : host_names) names.insert(pki::usual_spelling(name));
  names.erase("");
  return names;
}

Result<OwnCertificates> ensure_certificates(const fs::path& directory, const std::vector<std::string>& host_names,
                                            KeyType key_type) {
  if (const auto made = make_private_folder(directory); !made) return made.error();
  const std::set<std::string> names = server_names(host_names);
  const auto advanced = advance_rotation(directory, names, key_type, pki::today());
  if (!advanced) return advanced.error();
  const auto ca = ensure_ca(directory);
  if (!ca) return ca.error();

  OwnCertificates own{directory / "ca.pem", {directory / "server.pem", directory / "server.key"}, ca->made, *advanced};
  const pki::Certificate present = pki::read_certificate(own.server.certificate);
  const pki::Key present_key = pki::read_key(own.server.private_key);
  const bool current = is_current(present.get(), present_key.get(), ca->certificate.get(), names, key_type);
  ERR_clear_error();
  if (current) return own;

  const auto rotation = read_rotation(directory);
  if (!rotation) return rotation.error();
  if (const auto issued = issue_server(directory, *ca, *rotation, names, key_type); !issued) return issued.error();
  own.issued = true;
  return own;
}

Result<std::string> renew_server_certificate(const fs::path& directory, const std::vector<std::string>& host_names,
                                             KeyType key_type, bool is_settled) {
  const std::set<std::string> names = server_names(host_names);
  const auto advanced = advance_rotation(directory, names, key_type, is_settled ? pki::today() : 0);
  if (!advanced) return advanced.error();
  if (*advanced) return std::string("the overlap of the old and the new CA is over: the new CA has issued it");
  const Authority ca = read_authority(directory);
  const pki::Certificate present = pki::read_certificate(directory / "server.pem");
  const bool in_time = present && (ca.certificate ? is_in_its_time(present.get(), ca.certificate.get())
                                                  : has_begun(present.get(), pki::today()));
  const auto carried = present ? pki::names_of(present.get()) : std::set<std::string>{};
  // A name that is not wanted any more does no harm: interfaces go down and come back.
  const bool has_all = std::includes(carried.begin(), carried.end(), names.begin(), names.end());
  if (in_time && has_all) return std::string();
  if (!is_whole(ca)) return cannot("the server certificate cannot be issued anew: ca.pem and ca.key cannot be read");
  const auto rotation = read_rotation(directory);
  if (!rotation) return rotation.error();
  if (const auto issued = issue_server(directory, ca, *rotation, names, key_type); !issued) return issued.error();
  return std::string(in_time ? "this machine has an address that it did not carry"
                             : "it was not valid by the clock of now, or soon not any more");
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
  // The name is in the folder: without this a power cut takes the file back, and with it what others were told.
  if (const auto error = storage::sync_folder(path.parent_path()))
    return cannot(path.string() + " cannot be made durable: " + error.message());
  return {};
}

}  // namespace twinhub::net
