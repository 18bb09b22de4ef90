#include "server/cli/remote_hub.hpp"

#include "config/contexts.hpp"
#include "server/cli/hub_file.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace twinhub::cli {
namespace {

/// "host", "host:port", "[::1]:port"; an IPv6 address without brackets has no port. False: the port is none.
bool split_port(std::string& host, std::uint16_t& port) {
  const std::size_t colon = host.rfind(':');
  const bool in_brackets = host.starts_with('[');
  const bool has_port = colon != std::string::npos && (in_brackets ? host[colon - 1] == ']' : host.find(':') == colon);
  if (has_port) {
    const char* const end = host.data() + host.size();
    const auto [last, error] = std::from_chars(host.data() + colon + 1, end, port);
    if (error != std::errc{} || last != end || port == 0) return false;
    host.resize(colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return !host.empty();
}

/// How near to the person the place is where a setting was made.
enum class Rank : std::uint8_t { nobody, file, environment, flag };

Rank rank_of(const config::Loaded& loaded, std::string_view key) {
  const std::string& origin = loaded.origins.find(key)->second;
  if (origin == "default" || origin == "dev") return Rank::nobody;
  if (origin.starts_with("--")) return Rank::flag;
  return origin.starts_with("TWINHUB_") ? Rank::environment : Rank::file;
}

/// Of the settings that say which hub of this machine is meant.
Rank rank_of_local(const config::Loaded& loaded) {
  Rank rank = Rank::nobody;
  for (const char* const key : {"data_dir", "dev", "host_names", "listen", "https_port"})
    rank = std::max(rank, rank_of(loaded, key));
  return rank;
}

void take_context(config::Loaded& loaded, const std::string& name, const config::Contexts& contexts, Rank rank) {
  const auto found = contexts.all.find(name);
  if (found == contexts.all.end())
    throw config::SettingsError("there is no context '" + name + "'; 'twinhub context list' prints those there are");
  loaded.settings.client_connection_string = found->second.connection_string;
  if (rank_of(loaded, "client.ca") < rank || loaded.settings.client_ca.empty())
    loaded.settings.client_ca = found->second.ca;
}

/// Where several are named the nearest to the person counts: a flag before a variable before the file.
void choose_hub(config::Loaded& loaded) {
  config::Settings& settings = loaded.settings;
  const auto rank_unless_empty = [&](const char* key, const std::string& value) {
    return value.empty() ? Rank::nobody : rank_of(loaded, key);
  };
  const Rank by_string = rank_unless_empty("client.connection_string", settings.client_connection_string);
  const Rank by_context = rank_unless_empty("client.context", settings.client_context);
  const Rank local = rank_of_local(loaded);
  if (by_string != Rank::nobody && by_string >= std::max(by_context, local)) return;
  settings.client_connection_string.clear();
  if (by_context != Rank::nobody && by_context >= local)
    return take_context(loaded, settings.client_context, config::read_contexts(config::contexts_file()), by_context);
  if (local != Rank::nobody || !config::has_contexts_file()) return;
  const config::Contexts contexts = config::read_contexts(config::contexts_file());
  if (!contexts.current.empty()) take_context(loaded, contexts.current, contexts, Rank::nobody);
}

}  // namespace

bool is_remote(const config::Settings& settings) { return !settings.client_connection_string.empty(); }

Result<RemoteHub> remote_hub(const config::Settings& settings) {
  auto parsed = iothub::parse_connection_string(settings.client_connection_string);
  RemoteHub hub;
  if (!parsed || parsed->policy.empty() || !split_port(parsed->host_name, hub.port))
    return fail(Errc::argument_invalid,
                "the connection string of the hub is not one of a policy's: "
                "HostName=HOST;SharedAccessKeyName=POLICY;SharedAccessKey=KEY");
  hub.credentials = std::move(*parsed);
  return hub;
}

void find_hub(config::Loaded& loaded) {
  choose_hub(loaded);
  if (!is_remote(loaded.settings)) return adopt_hub_file(loaded);
  // Its operations port is looked for on the same machine. All addresses, as the image listens on, are no place to look.
  const auto hub = remote_hub(loaded.settings);
  std::string& ops_listen = loaded.settings.ops_listen;
  const bool is_place = ops_listen != "0.0.0.0" && ops_listen != "::";
  if (hub && (!is_place || loaded.origins.find("ops_listen")->second == "default"))
    ops_listen = hub->credentials.host_name;
}

}  // namespace twinhub::cli
