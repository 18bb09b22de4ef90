#include "server/net/ca_rotation.hpp"

#include <openssl/rand.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace twinhub::net {
namespace {

namespace fs = std::filesystem;
using pki::cannot;
using pki::day_seconds;

/// The cross certificate outlives the overlap, for a hub that is down when it ends.
constexpr long slack = day_seconds;

fs::path ca_file(const fs::path& directory) { return directory / "ca.pem"; }
fs::path ca_key_file(const fs::path& directory) { return directory / "ca.key"; }
fs::path next_file(const fs::path& directory) { return directory / "ca-next.pem"; }
fs::path next_key_file(const fs::path& directory) { return directory / "ca-next.key"; }
fs::path cross_file(const fs::path& directory) { return directory / "ca-cross.pem"; }
fs::path server_file(const fs::path& directory) { return directory / "server.pem"; }

std::string read_text(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// Writes what is not there yet.
Result<void> write_changed(const fs::path& file, const std::string& text, unsigned mode) {
  return read_text(file) == text ? Result<void>() : write_file(file, text, mode);
}

std::string random_mark() {
  std::array<unsigned char, 4> bytes{};
  std::array<char, 9> text{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return "";
  std::snprintf(text.data(), text.size(), "%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
  return text.data();
}

bool is_same_key(const pki::Key& a, const pki::Key& b) { return a && b && EVP_PKEY_eq(a.get(), b.get()) == 1; }

Result<void> remove_next(const fs::path& directory) {
  std::error_code error;
  // The mark of the rotation first: what is left without it means nothing.
  for (const fs::path& file : {cross_file(directory), next_key_file(directory), next_file(directory)}) {
    fs::remove(file, error);
    if (error) return cannot(file.string() + " cannot be removed: " + error.message());
  }
  return {};
}

/// Both CAs in the file that clients get, the longer chain beside the server's certificate.
Result<void> show_both(const fs::path& directory, const Authority& old, const Rotation& rotation) {
  const std::string both = pki::pem_of(old.certificate.get()) + pki::pem_of(rotation.next.certificate.get());
  if (const auto written = write_changed(ca_file(directory), both, pki::public_mode); !written) return written;
  const pki::Certificate server = pki::read_certificate(server_file(directory));
  if (!server) return {};  // it is issued with its chain
  return write_changed(server_file(directory), pki::pem_of(server.get()) + pki::pem_of(rotation.cross.get()),
                       pki::public_mode);
}

/// From the first step on the new CA is the one that issues; each step may be the last of a process.
Result<void> finish(const fs::path& directory, const Rotation& rotation, const std::set<std::string>& names,
                    KeyType key_type) {
  const Authority& next = rotation.next;
  // Whichever key ca.key holds, its certificate is in ca.pem.
  const std::string new_ca = pki::pem_of(next.certificate.get()), shown = read_text(ca_file(directory));
  if (shown.find(new_ca) == std::string::npos) {
    if (const auto added = write_file(ca_file(directory), shown + new_ca, pki::public_mode); !added) return added;
  }
  if (const auto taken = write_changed(ca_key_file(directory), pki::pem_of(next.key.get()), pki::private_mode); !taken)
    return taken;
  if (const auto issued = issue_server(directory, next, std::nullopt, names, key_type); !issued) return issued;
  if (const auto alone = write_changed(ca_file(directory), new_ca, pki::public_mode); !alone) return alone;
  return remove_next(directory);
}

}  // namespace

Authority read_authority(const fs::path& directory) {
  Authority ca{nullptr, pki::read_key(ca_key_file(directory)), false};
  auto all = pki::read_certificates(ca_file(directory));
  for (auto& certificate : all) {
    if (pki::fits(certificate, ca.key)) ca.certificate = std::move(certificate);
    if (ca.certificate) break;
  }
  if (!ca.certificate && !all.empty()) ca.certificate = std::move(all.front());
  return ca;
}

Result<std::optional<Rotation>> read_rotation(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(cross_file(directory), error)) return std::optional<Rotation>();
  Rotation rotation;
  rotation.cross = pki::read_certificate(cross_file(directory));
  rotation.next = {pki::read_certificate(next_file(directory)), pki::read_key(next_key_file(directory)), false};
  if (!rotation.cross || !is_whole(rotation.next))
    return cannot("the CA is being rotated, and ca-cross.pem, ca-next.pem and ca-next.key in " + directory.string() +
                  " cannot be read or do not fit each other; remove them to give the new CA up");
  rotation.until = pki::ends_at(rotation.cross.get()) - slack;
  return std::optional<Rotation>(std::move(rotation));
}

Result<void> issue_server(const fs::path& directory, const Authority& ca, const std::optional<Rotation>& rotation,
                          const std::set<std::string>& names, KeyType key_type) {
  const std::string text = pki::names_text(names);
  const pki::Key key = pki::make_key(key_type);
  const pki::Certificate server = key ? pki::make_server(key.get(), ca.certificate.get(), ca.key.get(), text) : nullptr;
  if (!server) return cannot("the server certificate could not be issued for " + text);
  const std::string chain = rotation ? pki::pem_of(rotation->cross.get()) : "";
  if (const auto written = write_file(directory / "server.key", pki::pem_of(key.get()), pki::private_mode); !written)
    return written;
  return write_file(server_file(directory), pki::pem_of(server.get()) + chain, pki::public_mode);
}

Result<bool> advance_rotation(const fs::path& directory, const std::set<std::string>& names, KeyType key_type,
                              std::time_t now) {
  auto rotation = read_rotation(directory);
  if (!rotation) return rotation.error();
  if (!*rotation) {
    std::error_code error;
    // Of one that ended before its mark was written, or was removed.
    if (fs::exists(next_key_file(directory), error) || fs::exists(next_file(directory), error)) {
      if (const auto removed = remove_next(directory); !removed) return removed.error();
    }
    return false;
  }
  const Authority present = read_authority(directory);
  const bool is_taken = is_same_key(present.key, (*rotation)->next.key);
  if (!is_taken && !is_whole(present)) return false;  // for ensure_certificates() to complain of
  if (!is_taken && now < (*rotation)->until) {
    if (const auto shown = show_both(directory, present, **rotation); !shown) return shown.error();
    return false;
  }
  if (const auto finished = finish(directory, **rotation, names, key_type); !finished) return finished.error();
  return true;
}

Result<void> rotate_ca(const fs::path& directory, const std::vector<std::string>& host_names, KeyType key_type,
                       long overlap_days) {
  const auto under_way = read_rotation(directory);
  if (!under_way) return under_way.error();
  if (*under_way) return fail(Errc::precondition_failed, "the CA is being rotated already");
  const Authority old = read_authority(directory);
  if (!is_whole(old)) return cannot("ca.pem and ca.key in " + directory.string() + " cannot be read");
  const std::time_t now = pki::today();
  // The old CA's end is the end of the overlap, too.
  const std::time_t until = std::min(now + overlap_days * day_seconds, pki::ends_at(old.certificate.get()) - slack);
  Authority next{nullptr, pki::make_key(KeyType::ecdsa_p256), true};
  if (next.key) next.certificate = pki::make_ca(next.key.get(), random_mark());
  const pki::Certificate cross =
      next.certificate ? pki::make_cross(old.certificate.get(), next.certificate.get(), next.key.get(), until + slack)
                       : nullptr;
  if (!cross) return cannot("the new CA could not be made");
  if (const auto written = write_file(next_key_file(directory), pki::pem_of(next.key.get()), pki::private_mode);
      !written)
    return written;
  if (const auto written = write_file(next_file(directory), pki::pem_of(next.certificate.get()), pki::public_mode);
      !written)
    return written;
  if (const auto written = write_file(cross_file(directory), pki::pem_of(cross.get()), pki::public_mode); !written)
    return written;
  const auto advanced = advance_rotation(directory, server_names(host_names), key_type, now);
  if (!advanced) return advanced.error();
  return {};
}

Result<void> end_ca_overlap(const fs::path& directory, const std::vector<std::string>& host_names, KeyType key_type) {
  const auto rotation = read_rotation(directory);
  if (!rotation) return rotation.error();
  if (!*rotation) return fail(Errc::precondition_failed, "the CA is not being rotated");
  return finish(directory, **rotation, server_names(host_names), key_type);
}

CaState ca_state(const fs::path& directory) {
  CaState state;
  const Authority issuer = read_authority(directory);
  for (const auto& ca : pki::read_certificates(ca_file(directory))) {
    const bool issues = issuer.certificate && X509_cmp(ca.get(), issuer.certificate.get()) == 0;
    state.cas.push_back({pki::subject_of(ca.get()), pki::sha256_of(ca.get()), pki::ends_at(ca.get()), issues});
  }
  if (const auto rotation = read_rotation(directory); rotation && *rotation) state.overlap_until = (*rotation)->until;
  return state;
}

}  // namespace twinhub::net
