#include "server/cli/az.hpp"

#include "config/policies.hpp"
#include "protocol/ids.hpp"
#include "protocol/iothub/access_token.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/credentials.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

namespace twinhub::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t https_default = 443;
/// az sends usage figures to Microsoft unless this says otherwise.
constexpr std::string_view telemetry = "AZURE_CORE_COLLECT_TELEMETRY";

/// As one word of a shell.
std::string shell_word(const std::string& text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=+@";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string address_of(const config::Settings& settings) {
  std::string host = host_name_of(settings);
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  if (settings.https_port != https_default) host += ":" + std::to_string(settings.https_port);
  return "https://" + host;
}

/// The tenant's GUID of the data folder, as the hub derives it.
Result<std::string> tenant_of(const config::Settings& settings) {
  const fs::path file = config::management_secret_file(settings);
  std::string text;
  std::getline(std::ifstream(file), text);
  const auto secret = base64_decode(text);
  if (!secret || secret->empty())
    return fail(Errc::argument_invalid,
                "there is no " + file.string() + ": start the hub on this data folder first, with --management on");
  return iothub::derived_guid(*secret, "tenant");
}

/// With dev iothubowner, whose key is well known; else the management key, which can be revoked alone.
Result<config::PolicyKeys> client_of(const config::Settings& settings) {
  if (settings.dev) {
    for (auto& policy : config::policies_of(settings)) {
      if (policy.name == "iothubowner") return std::move(policy);
    }
  }
  if (auto keys = config::read_management_keys(config::management_file(settings))) return std::move(*keys);
  return fail(Errc::argument_invalid, "az needs a key of its own: make it with 'twinhub policy create management'");
}

/// Beside the lines for the shell: an interactive zsh has no comments, and would run their words. No quotes: the line may
/// be copied all the same.
void explain(std::string_view words) { std::cerr << "# " << words << "\n"; }

int print_login(const config::Settings& settings, const std::string& cloud) {
  const auto tenant = tenant_of(settings);
  if (!tenant) return report(tenant.error());
  const auto client = client_of(settings);
  if (!client) return report(client.error());
  if (!settings.management_enabled)
    std::cerr << "twinhub: by these settings the management plane is off; the hub needs --management on\n";
  if (settings.tls_certificate.empty()) {
    const fs::path ca = fs::absolute(fs::path(settings.data_dir) / "tls" / "ca.pem").lexically_normal();
    explain(
        "az trusts the certificates of this file, and no others: for use beside Azure append those of the system "
        "to a copy of it");
    std::cout << "export REQUESTS_CA_BUNDLE=" << shell_word(ca.string()) << "\n";
  }
  std::cout << "export " << telemetry << "=0\n"
            << "az cloud register --name " << shell_word(cloud) << " --endpoint-resource-manager "
            << shell_word(address_of(settings)) << "\n"
            << "az cloud set --name " << shell_word(cloud) << "\n"
            << "az login --service-principal --username " << client->name << " --password "
            << shell_word(client->primary_key) << " --tenant " << *tenant << "\n";
  return exit_ok;
}

int print_undo(const config::Settings& settings, const std::string& cloud) {
  explain("az ends its log-ins to other hubs as the same client with this one");
  std::cout << "az logout --username " << (settings.dev ? std::string_view("iothubowner") : config::management_client)
            << "\n"
            << "az cloud set --name AzureCloud\n"
            << "az cloud unregister --name " << shell_word(cloud) << "\n";
  if (settings.tls_certificate.empty()) std::cout << "unset REQUESTS_CA_BUNDLE\n";
  std::cout << "unset " << telemetry << "\n";
  return exit_ok;
}

}  // namespace

int print_az(const config::Settings& settings, const AzOptions& options) {
  return options.undo ? print_undo(settings, options.cloud) : print_login(settings, options.cloud);
}

void add_az_command(CommandSet& commands) {
  const auto options = std::make_shared<AzOptions>();
  CLI::App& app = commands.add(commands.root(), "az",
                               "Print the lines that log the Azure CLI in to this hub; paste them into a shell",
                               [options](const config::Settings& settings) { return print_az(settings, *options); });
  app.add_flag("--undo", options->undo, "Print the lines that take this hub out of the Azure CLI again");
  app.add_option("--cloud", options->cloud, "The name that az gets for this hub; each hub needs its own")
      ->capture_default_str();
  app.footer(
      "The address is the first --host-name, else localhost. az keeps the key in ~/.azure; AZURE_CONFIG_DIR names "
      "another folder.");
}

}  // namespace twinhub::cli
