// The certificates that the hub shows, while it runs: issued anew in time, warned of before they end, counted; the hub's own CA and its
// rotation, ordered over the operations port: POST /ca/rotate?overlap_days=N, POST /ca/finish, and GET /ca.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "server/base/clock.hpp"
#include "server/net/certificates.hpp"
#include "server/net/expiry_warnings.hpp"
#include "server/net/tls.hpp"
#include "server/ops/metrics.hpp"
#include "server/ops/ops_door.hpp"
#include "storage/guarded.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub {

/// Any thread.
class ServerCertificates {
 public:
  /// The configured certificate, else the hub's own, made when it is missing. Listens to no port. Errors, for the operator.
  [[nodiscard]] static Result<std::unique_ptr<ServerCertificates>> open(const config::Settings& settings);

  /// For new connections.
  [[nodiscard]] std::shared_ptr<SSL_CTX> current() const EXCLUDES(context_mutex_) { return context()->current(); }
  /// What clients have to trust, a file that may hold two CAs; empty when the certificate is configured.
  [[nodiscard]] const std::filesystem::path& ca_file() const { return ca_file_; }

  /// Cheap most of the time; else some files are read, or written. The clock may have been wrong when the hub's own certificate was
  /// issued, and the hub may run until it ends. Not from an I/O thread.
  void tick(const hub::Clock& clock) EXCLUDES(mutex_);

  /// The files read again, as `settings` name them, and not taken yet.
  using Read = std::shared_ptr<net::TlsContext>;
  /// Errors, for the operator: the present ones stay in use.
  [[nodiscard]] Result<Read> read(const config::Settings& settings) EXCLUDES(mutex_);
  /// Returns what was taken, in words.
  std::string take(Read read) EXCLUDES(mutex_);

  /// An order that comes from somebody who may give it; `path` is "/ca/rotate" or "/ca/finish".
  [[nodiscard]] ops::Page order(std::string_view path, std::string_view query) EXCLUDES(mutex_);
  /// {"cas":[{"subject","sha256","endsAt","issues"}],"overlapUntil":null or a time}
  [[nodiscard]] ops::Page state() EXCLUDES(mutex_);
  [[nodiscard]] std::vector<ops::Figure> figures() const EXCLUDES(mutex_);

 private:
  explicit ServerCertificates(const config::Settings& settings);
  [[nodiscard]] bool is_own() const { return !ca_file_.empty(); }
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::shared_ptr<net::TlsContext> context() const EXCLUDES(context_mutex_);
  void use(std::shared_ptr<net::TlsContext> context) EXCLUDES(context_mutex_);
  void begin() EXCLUDES(mutex_);
  void renew(bool is_settled) REQUIRES(mutex_);
  void look_at_ends() REQUIRES(mutex_);
  [[nodiscard]] Result<void> rotate(std::string_view query) REQUIRES(mutex_);

  const std::vector<std::string> host_names_;
  const std::string listen_;
  const std::filesystem::path folder_;
  const net::KeyType key_type_;
  std::filesystem::path ca_file_;

  mutable Mutex context_mutex_;  ///< never held for long: every new connection asks
  std::shared_ptr<net::TlsContext> context_ GUARDED_BY(context_mutex_);

  mutable Mutex mutex_;  ///< the folder's files, too; before context_mutex_
  std::uint64_t look_at_ GUARDED_BY(mutex_) = 0;
  net::ExpiryWarnings warnings_ GUARDED_BY(mutex_);
  std::vector<net::CertificateEnd> ends_ GUARDED_BY(mutex_);
};

/// The files and limits that `settings` name for a configured certificate.
[[nodiscard]] net::TlsFiles configured_files(const config::Settings& settings);
[[nodiscard]] net::ClientChainLimits client_chain_limits(const config::Settings& settings);

}  // namespace twinhub
