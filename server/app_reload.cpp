#include "server/app_reload.hpp"

#include "protocol/json/text.hpp"
#include "server/app_events.hpp"
#include "server/app_management.hpp"
#include "server/app_parts.hpp"
#include "server/base/log.hpp"
#include "server/ops/log.hpp"
#include "server/signals.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace twinhub {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view text) {
  json::append_key(out, name);
  json::append_string(out, json::to_utf8(text));
}

/// From a certificate of the hub's own to a configured one, or back, is another CA for clients: that takes a restart.
bool changes_owner(const config::Settings& running, const config::Settings& fresh) {
  return running.tls_certificate.empty() != fresh.tls_certificate.empty();
}

config::Settings next_settings(const config::Settings& running, const config::Settings& fresh) {
  config::Settings next = config::with_live(running, fresh);
  if (changes_owner(running, fresh)) {
    next.tls_certificate = running.tls_certificate;
    next.tls_private_key = running.tls_private_key;
  }
  return next;
}

std::string words_of(const config::Change& change) { return change.key + ": " + change.before + " -> " + change.after; }

std::string as_json(const ReloadReport& report) {
  std::string out = "\"state\":";
  json::append_string(out, report.error.empty() ? "done" : "failed");
  out += ",\"taken\":[";
  for (const std::string& words : report.taken) {
    if (out.back() != '[') out += ',';
    json::append_string(out, json::to_utf8(words));
  }
  out += "],\"waiting\":[";
  for (const config::Change& change : report.waiting) {
    if (out.back() != '[') out += ',';
    out += '{';
    append_text(out, "setting", change.key);
    out += ',';
    append_text(out, "running", change.before);
    out += ',';
    append_text(out, "configured", change.after);
    out += '}';
  }
  out += ']';
  if (report.error.empty()) return out;
  out += ',';
  append_text(out, "error", report.error);
  return out;
}

ops::Page json_page(unsigned status, std::string body) {
  return {status, "application/json; charset=utf-8", std::move(body) + "\n"};
}

void log_report(const ReloadReport& report) {
  if (!report.error.empty())
    return log::error({.event = "reload_refused"}, "reload: {}; nothing was changed", report.error);
  for (const std::string& words : report.taken) log::info({.event = "reloaded"}, "reload: {}", words);
  for (const config::Change& change : report.waiting)
    log::warn({.event = "reload_waits"}, "reload: waits for a restart: {}", words_of(change));
}

}  // namespace

Reloader::Reloader(ReloadParts parts)
    : parts_(parts), settings_(parts.started.settings), routing_(parts.started.routing) {}

Result<config::Loaded> Reloader::read() const {
  try {
    return config::load(parts_.started.sources);
  } catch (const config::SettingsError& error) {
    return fail(Errc::argument_invalid, error.what());
  }
}

ReloadReport Reloader::reload() {
  const std::string level_before = settings_.log_level;
  auto report = carry_out();
  if (!report) report = ReloadReport{report.error().detail, {}, {}};
  // Whoever follows the log sees it change, in whichever direction.
  ops::change_log(ops::finer_level(level_before, settings_.log_level), settings_.log_format == "json");
  log_report(*report);
  ops::change_log(settings_.log_level, settings_.log_format == "json");
  return *report;
}

Result<ReloadReport> Reloader::carry_out() {
  auto fresh = read();
  if (!fresh) return fresh.error();
  config::Settings next = next_settings(settings_, fresh->settings);
  ReloadReport report;
  for (config::Change& change : config::changes(settings_, fresh->settings)) {
    const bool is_taken =
        config::is_live(change.key) && !(changes_owner(settings_, fresh->settings) &&
                                         (change.key == "tls.certificate" || change.key == "tls.private_key"));
    if (is_taken) {
      report.taken.push_back(words_of(change));
    } else {
      report.waiting.push_back(std::move(change));
    }
  }

  // Read and checked, all of it, before anything is taken.
  const MutexLock policies_lock(parts_.policies_mutex);
  auto policies = read_policies(next);
  if (!policies) return policies.error();
  auto tls = parts_.certificates.read(next);
  if (!tls) return tls.error();
  auto cas = load_device_cas(next);
  if (!cas) return cas.error();
  auto routing = plan_routing(next, fresh->routing, settings_, routing_);
  if (!routing) return routing.error();

  if (!routing->words.empty()) {
    // The first step is the one that can fail: on the store.
    if (const auto changed = parts_.endpoints.change(std::move(routing->router), std::move(routing->endpoints));
        !changed)
      return changed.error();
    parts_.feed.reroute(std::move(routing->built_in));
    if (parts_.management != nullptr) parts_.management->show(next, fresh->routing);
    report.taken.push_back("routing: " + routing->words);
  }
  if (const std::string words = changes_of(*parts_.hub.authenticator.policies(), *policies); !words.empty()) {
    parts_.hub.authenticator.replace_policies(std::move(*policies));
    report.taken.push_back("policies: " + words);
  }
  report.taken.push_back(parts_.certificates.take(std::move(*tls)));
  if (!next.tls_device_ca.empty())
    report.taken.push_back("tls.device_ca: " + std::to_string(cas->size()) + " CAs read");
  parts_.hub.certificates.trust_configured(std::move(*cas));
  settings_ = std::move(next);
  routing_ = std::move(fresh->routing);
  return report;
}

ops::Page ReloadOrders::begin() {
  std::uint64_t id = 0;
  {
    const MutexLock lock(mutex_);
    id = ++asked_;
  }
  ask_for_reload();
  return json_page(202, "{\"id\":" + std::to_string(id) + "}");
}

ops::Page ReloadOrders::state() const {
  const MutexLock lock(mutex_);
  std::string body = "{\"id\":" + std::to_string(done_) + ",";
  if (done_ < asked_) return json_page(200, body + "\"state\":\"running\"}");
  return json_page(200, body + (outcome_.empty() ? "\"state\":\"none\"" : outcome_) + "}");
}

std::uint64_t ReloadOrders::asked() const {
  const MutexLock lock(mutex_);
  return asked_;
}

void ReloadOrders::done(std::uint64_t asked, const ReloadReport& report) {
  const MutexLock lock(mutex_);
  done_ = asked;
  outcome_ = as_json(report);
}

}  // namespace twinhub
