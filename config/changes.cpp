#include "config/changes.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace twinhub::config {
namespace {

/// Routes, endpoints and policies are not in the table of settings, and live as well.
constexpr std::string_view live_keys[] = {"log.level",
                                          "log.format",
                                          "tls.certificate",
                                          "tls.private_key",
                                          "tls.device_ca",
                                          "tls.client_chain_kib_max",
                                          "tls.client_chain_certificates_max",
                                          "events.broker"};

/// Some are shown without what is secret in them.
bool differ(const SettingInfo& info, const Settings& a, const Settings& b) {
  if (info.key == "ops.token") return a.ops_token != b.ops_token;
  if (info.key == "events.broker") return a.events_broker != b.events_broker;
  return info.show(a) != info.show(b);
}

template <class Named>
Named placeless(Named named) {
  named.place.clear();
  return named;
}

std::string quoted(const std::string& name) { return "'" + name + "'"; }

void add_words(std::string& all, const std::string& words) { all += (all.empty() ? "" : ", ") + words; }

template <class Named>
void compare(std::string& words, const std::string& noun, const std::vector<Named>& before,
             const std::vector<Named>& after) {
  const auto find = [](const std::vector<Named>& list, const std::string& name) {
    return std::find_if(list.begin(), list.end(), [&name](const Named& each) { return each.name == name; });
  };
  for (const Named& each : after) {
    const auto known = find(before, each.name);
    if (known == before.end()) {
      add_words(words, noun + " " + quoted(each.name) + " added");
    } else if (placeless(*known) != placeless(each)) {
      add_words(words, noun + " " + quoted(each.name) + " changed");
    }
  }
  for (const Named& each : before) {
    if (find(after, each.name) == after.end()) add_words(words, noun + " " + quoted(each.name) + " removed");
  }
}

}  // namespace

bool is_live(std::string_view key) {
  return std::find(std::begin(live_keys), std::end(live_keys), key) != std::end(live_keys);
}

std::vector<Change> changes(const Settings& before, const Settings& after) {
  std::vector<Change> all;
  for (const SettingInfo& info : all_settings()) {
    if (info.key.starts_with(client_section) || !differ(info, before, after)) continue;
    all.push_back({std::string(info.key), info.show(before), info.show(after)});
  }
  return all;
}

Settings with_live(Settings running, const Settings& fresh) {
  running.log_level = fresh.log_level;
  running.log_format = fresh.log_format;
  running.tls_device_ca = fresh.tls_device_ca;
  running.tls_client_chain_kib_max = fresh.tls_client_chain_kib_max;
  running.tls_client_chain_certificates_max = fresh.tls_client_chain_certificates_max;
  running.events_broker = fresh.events_broker;
  running.tls_certificate = fresh.tls_certificate;
  running.tls_private_key = fresh.tls_private_key;
  return running;
}

std::string changes_of(const Routing& before, const Routing& after) {
  std::string words;
  compare(words, "route", before.routes, after.routes);
  compare(words, "endpoint", before.endpoints, after.endpoints);
  if (placeless(before.fallback) != placeless(after.fallback)) add_words(words, "fallback changed");
  const auto is_same = [](const EnrichmentSettings& a, const EnrichmentSettings& b) {
    return placeless(a) == placeless(b);
  };
  if (!std::equal(before.enrichments.begin(), before.enrichments.end(), after.enrichments.begin(),
                  after.enrichments.end(), is_same))
    add_words(words, "enrichments changed");
  return words;
}

EndpointSettings without_place(EndpointSettings endpoint) { return placeless(std::move(endpoint)); }

}  // namespace twinhub::config
