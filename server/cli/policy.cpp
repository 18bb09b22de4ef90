// `twinhub policy`: whose keys there are, new keys for policies, and the client that may manage the hub and nothing else.
#include "config/policies.hpp"
#include "protocol/ids.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/ops_orders.hpp"
#include "server/cli/reload.hpp"
#include "server/cli/remote_hub.hpp"
#include "server/net/certificates.hpp"

#include <openssl/rand.h>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <stdexcept>

namespace twinhub::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_bytes = 32;

std::string random_key() {
  std::string bytes(key_bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("the system gives no random bytes");
  return base64_encode(bytes);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

int list_policies(const config::Settings& settings) {
  const auto policies = config::policies_of(settings);
  if (policies.empty())
    return report(fail(Errc::argument_invalid, "there is no " + config::policies_file(settings).string() +
                                                   ": start the hub on this data folder first, or say --dev"));
  for (const auto& policy : policies)
    std::cout << policy.name << "  " << joined(config::right_words_of(policy)) << "\n";
  if (config::read_management_keys(config::management_file(settings)))
    std::cout << config::management_client << "  manages the hub (az, Resource Manager), nothing else\n";
  return exit_ok;
}

/// `renews`: whether there has to be a key already, or must not be one.
int make_key(const config::Settings& settings, bool renews) {
  const fs::path file = config::management_file(settings);
  const bool is_there = config::read_management_keys(file).has_value();
  if (is_there && !renews) {
    std::cerr
        << "twinhub: the client management has a key already; 'twinhub policy renew management' makes a new one\n";
    return exit_conflict;
  }
  if (!is_there && renews) {
    std::cerr << "twinhub: the client management has no key\n";
    return exit_not_found;
  }
  if (!fs::is_directory(settings.data_dir))
    return report(fail(Errc::argument_invalid,
                       "there is no folder " + settings.data_dir + ": start the hub on this data folder first"));
  const config::PolicyKeys keys{std::string(config::management_client), random_key(), random_key(), {}};
  if (const auto written = net::write_file(file, config::management_text(keys), 0600); !written)
    return report(written.error());
  std::cout << keys.primary_key << "\n";
  std::cerr << "A running hub takes the key within a second; 'twinhub az' prints how to log in with it.\n";
  return exit_ok;
}

struct KeyChoice {
  std::string policy;
  std::string key;  ///< primary or secondary; "" for the management key
};

/// One key of a shared access policy: the other one goes on, so clients move over to it first.
int renew_policy_key(const config::Settings& settings, const KeyChoice& choice) {
  if (is_remote(settings))
    return report(fail(Errc::argument_invalid, "the keys of policies are kept on the hub's machine: run this there"));
  auto policies = config::policies_of(settings);
  if (policies.empty())
    return report(fail(Errc::argument_invalid, "there is no " + config::policies_file(settings).string() +
                                                   ": start the hub on this data folder first, or say --dev"));
  const auto found = std::find_if(policies.begin(), policies.end(),
                                  [&choice](const config::PolicyKeys& policy) { return policy.name == choice.policy; });
  if (found == policies.end())
    return report(fail(Errc::device_not_found, "there is no policy '" + choice.policy + "'"));
  if (choice.key.empty()) {
    std::cerr << "twinhub: say which of its keys: --key primary or --key secondary\n";
    return exit_usage;
  }
  auto hub = OpsOrders::open(settings, "/reload");  // with the keys that the hub knows
  if (!hub) return report(hub.error());
  std::string& key = choice.key == "primary" ? found->primary_key : found->secondary_key;
  key = random_key();
  if (const auto written = net::write_file(config::policies_file(settings), config::policies_text(policies), 0600);
      !written)
    return report(written.error());
  std::cout << key << std::endl;
  const int taken = reload_hub(*hub, std::cerr, false);
  if (taken == exit_unreachable)
    std::cerr << "The key is in " << config::policies_file(settings).string() << "; the next start takes it.\n";
  return taken;
}

int remove_key(const config::Settings& settings) {
  std::error_code error;
  const fs::path file = config::management_file(settings);
  if (fs::remove(file, error)) {
    std::cerr << "A running hub refuses the key, and every token that was got with it, within a second.\n";
    return exit_ok;
  }
  if (error) return report(fail(Errc::argument_invalid, file.string() + " cannot be removed: " + error.message()));
  std::cerr << "twinhub: the client management has no key\n";
  return exit_not_found;
}

}  // namespace

void add_policy_commands(CommandSet& commands) {
  CLI::App& policy = CommandSet::group(commands.root(), "policy", "Shared access policies, and the management key");
  commands.add(policy, "list", "One line for each policy, with its rights", list_policies);
  // Policies of the service API are made and changed by az; here is what az itself logs in with.
  const auto of_management = [&](const char* name, const char* help, auto run) {
    CLI::App& app = commands.add(policy, name, help, run);
    app.add_option_function<std::string>(
           "name", [](const std::string&) {}, "The client: there is but one")
        ->required()
        ->check(CLI::IsMember({std::string(config::management_client)}));
  };
  of_management("create", "Make the management key; prints it",
                [](const config::Settings& settings) { return make_key(settings, false); });
  const auto choice = std::make_shared<KeyChoice>();
  CLI::App& renew = commands.add(
      policy, "renew", "Make a new key in the place of an old one, of a policy or of management; prints it",
      [choice](const config::Settings& settings) {
        return choice->policy == config::management_client ? make_key(settings, true)
                                                           : renew_policy_key(settings, *choice);
      });
  renew.add_option("name", choice->policy, "The policy, or management")->required();
  renew.add_option("--key", choice->key, "Which of a policy's two keys")
      ->check(CLI::IsMember({"primary", "secondary"}));
  renew.footer(
      "Without downtime: have clients use the secondary key, renew the primary one, have them use that, renew the "
      "secondary one.\n"
      "A running hub takes the new key at once.");
  of_management("delete", "Revoke the management key", remove_key);
}

}  // namespace twinhub::cli
