#include "server/app_certificates.hpp"

#include "protocol/ids.hpp"
#include "protocol/json/text.hpp"
#include "server/base/log.hpp"
#include "server/net/own_addresses.hpp"
#include "server/net/served_end.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace twinhub {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t pace = 10 * ticks_per_second;
constexpr long overlap_days_default = 30;
constexpr long overlap_days_max = 3650;

std::string time_of(std::int64_t unix_seconds) { return to_iso8601(timestamp_from_unix(unix_seconds)); }

std::int64_t unix_seconds(Timestamp at) {
  return static_cast<std::int64_t>((at.ticks - timestamp_from_unix(0).ticks) / ticks_per_second);
}

ops::Page json_page(unsigned status, std::string body) {
  return {status, "application/json; charset=utf-8", std::move(body) + "\n"};
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
  json::append_key(out, name);
  json::append_string(out, json::to_utf8(text));
}

ops::Page refusal(unsigned status, std::string_view why) {
  std::string body = "{";
  append_text(body, "error", why);
  return json_page(status, body + "}");
}

/// What an operator does about a certificate that ends.
std::string remedy(const std::string& which, bool is_own) {
  if (which != "server") return "make a new one in time: twinhub ca rotate";
  if (is_own) return "the hub issues it anew by itself, unless the log says why not";
  return "put a new one into tls.certificate and tls.private_key, then: twinhub reload";
}

Result<long> overlap_in(std::string_view query) {
  constexpr std::string_view key = "overlap_days=";
  if (query.empty()) return overlap_days_default;
  long days = -1;
  if (query.starts_with(key)) {
    query.remove_prefix(key.size());
    const auto [end, error] = std::from_chars(query.data(), query.data() + query.size(), days);
    if (error != std::errc{} || end != query.data() + query.size()) days = -1;
  }
  if (days < 0 || days > overlap_days_max)
    return fail(Errc::argument_invalid, "say for how long: POST /ca/rotate?overlap_days=N, 0 to 3650");
  return days;
}

}  // namespace

net::TlsFiles configured_files(const config::Settings& settings) {
  return {settings.tls_certificate, settings.tls_private_key};
}

net::ClientChainLimits client_chain_limits(const config::Settings& settings) {
  return {.bytes_max = std::size_t{settings.tls_client_chain_kib_max} * 1024,
          .certificates_max = static_cast<int>(settings.tls_client_chain_certificates_max)};
}

ServerCertificates::ServerCertificates(const config::Settings& settings)
    : host_names_(settings.host_names),
      listen_(settings.listen),
      folder_(fs::path(settings.data_dir) / "tls"),
      key_type_(settings.tls_key_type == "rsa" ? net::KeyType::rsa_2048 : net::KeyType::ecdsa_p256) {}

/// By the interfaces of now: they come and go while the hub runs.
std::vector<std::string> ServerCertificates::names() const {
  std::vector<std::string> all = host_names_;
  for (std::string& address : net::own_addresses(listen_)) all.push_back(std::move(address));
  return all;
}

Result<std::unique_ptr<ServerCertificates>> ServerCertificates::open(const config::Settings& settings) {
  std::unique_ptr<ServerCertificates> made(new ServerCertificates(settings));
  net::TlsFiles files = configured_files(settings);
  if (settings.tls_certificate.empty()) {
    const auto own = net::ensure_certificates(made->folder_, made->names(), made->key_type_);
    if (!own) return own.error();
    made->ca_file_ = own->ca;
    files = own->server;
  }
  auto context = net::TlsContext::load(files, client_chain_limits(settings));
  if (!context) return context.error();
  made->use(std::move(*context));
  made->begin();
  return made;
}

std::shared_ptr<net::TlsContext> ServerCertificates::context() const {
  const MutexLock lock(context_mutex_);
  return context_;
}

void ServerCertificates::use(std::shared_ptr<net::TlsContext> context) {
  const MutexLock lock(context_mutex_);
  context_ = std::move(context);
}

void ServerCertificates::begin() {
  const MutexLock lock(mutex_);
  look_at_ends();
}

void ServerCertificates::tick(const hub::Clock& clock) {
  const std::uint64_t now = clock.steady().ticks;
  const MutexLock lock(mutex_);
  if (now < look_at_) return;
  look_at_ = now + pace;
  if (is_own()) renew(clock.settled().has_value());
  look_at_ends();
  for (const net::ExpiryWarning& warning : warnings_.look(ends_, unix_seconds(clock.wall())))
    log::write_format(warning.is_over ? log::Level::err : log::Level::warn, {.event = "certificate_ends"},
                      "{}; clients then refuse the hub; {}", warning.words, remedy(warning.which, is_own()));
}

void ServerCertificates::renew(bool is_settled) {
  const auto renewed = net::renew_server_certificate(folder_, names(), key_type_, is_settled);
  const auto failed = [](const Error& error) { log::error({.event = "certificate_failed"}, "{}", error.detail); };
  if (!renewed) return failed(renewed.error());
  if (renewed->empty()) return;
  if (const auto loaded = context()->reload(); !loaded) return failed(loaded.error());
  log::warn({.event = "certificate_renewed"}, "the hub's certificate was issued anew: {}", *renewed);
}

void ServerCertificates::look_at_ends() {
  ends_ = {net::served_end(*current(), !is_own())};
  if (!is_own()) return;
  const net::CaState cas = net::ca_state(folder_);
  for (const net::CaFacts& ca : cas.cas) {
    const std::string which = ca.issues ? "ca" : "ca_next";
    const auto is_there = [&which](const net::CertificateEnd& end) { return end.which == which; };
    if (std::none_of(ends_.begin(), ends_.end(), is_there)) ends_.push_back({which, ca.subject, ca.ends_at});
  }
}

Result<ServerCertificates::Read> ServerCertificates::read(const config::Settings& settings) {
  const MutexLock lock(mutex_);
  const net::TlsFiles files =
      is_own() ? net::TlsFiles{folder_ / "server.pem", folder_ / "server.key"} : configured_files(settings);
  return net::TlsContext::load(files, client_chain_limits(settings));
}

std::string ServerCertificates::take(Read read) {
  const MutexLock lock(mutex_);
  use(std::move(read));
  look_at_ = 0;  // what is to be said of its end is said soon
  look_at_ends();
  return "TLS certificate reloaded: " + ends_.front().subject + ", until " + time_of(ends_.front().ends_at);
}

ops::Page ServerCertificates::order(std::string_view path, std::string_view query) {
  if (!is_own())
    return refusal(409, "the hub's certificate is configured (tls.certificate): there is no CA of its own to rotate");
  {
    const MutexLock lock(mutex_);
    const auto done = path == "/ca/rotate" ? rotate(query) : net::end_ca_overlap(folder_, names(), key_type_);
    if (!done) {
      const Errc code = done.error().code;
      return refusal(code == Errc::precondition_failed ? 409
                     : code == Errc::argument_invalid  ? 400
                                                       : 500,
                     done.error().detail);
    }
    if (const auto loaded = context()->reload(); !loaded) return refusal(500, loaded.error().detail);
    look_at_ends();
    log::warn({.event = "ca_changed"}, "the CA: {}",
              path == "/ca/rotate" ? "a new one was made" : "the overlap was ended");
  }
  return state();
}

Result<void> ServerCertificates::rotate(std::string_view query) {
  const auto days = overlap_in(query);
  if (!days) return days.error();
  return net::rotate_ca(folder_, names(), key_type_, *days);
}

ops::Page ServerCertificates::state() {
  const MutexLock lock(mutex_);
  const net::CaState cas = is_own() ? net::ca_state(folder_) : net::CaState{};
  std::string body = "{";
  json::append_key(body, "cas");
  body += '[';
  for (const net::CaFacts& ca : cas.cas) {
    if (body.back() != '[') body += ',';
    body += '{';
    append_text(body, "subject", ca.subject);
    body += ',';
    append_text(body, "sha256", ca.sha256);
    body += ',';
    append_text(body, "endsAt", time_of(ca.ends_at));
    body += ca.issues ? ",\"issues\":true}" : ",\"issues\":false}";
  }
  body += "],";
  json::append_key(body, "overlapUntil");
  if (cas.overlap_until == 0) {
    body += "null";
  } else {
    json::append_string(body, time_of(cas.overlap_until));
  }
  return json_page(200, body + "}");
}

std::vector<ops::Figure> ServerCertificates::figures() const {
  const MutexLock lock(mutex_);
  std::vector<ops::Figure> all;
  for (const net::CertificateEnd& end : ends_) {
    all.push_back({"twinhub_tls_certificate_expiry_timestamp_seconds",
                   "When a certificate ends, Unix time: the server's (with its chain, when it is configured), the "
                   "hub's own CA's, the "
                   "next CA's while it is rotated.",
                   static_cast<double>(end.ends_at),
                   false,
                   {{"certificate", end.which}}});
  }
  return all;
}

}  // namespace twinhub
