// The keys of the shared access policies: a file in the data folder, or the well-known ones of dev mode.
#pragma once

#include "config/settings.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::config {

/// The well-known keys of `--dev`, as storage emulators have them: the same for every policy, and for local hubs only.
inline constexpr std::string_view dev_primary_key = "dHdpbmh1Yi13ZWxsLWtub3duLWRldi1rZXktMDAwMDE=";
inline constexpr std::string_view dev_secondary_key = "dHdpbmh1Yi13ZWxsLWtub3duLWRldi1rZXktMDAwMDI=";

/// The policies every hub has. Source: azure-docs iot-hub-dev-guide-sas ("Access control and permissions").
inline constexpr std::string_view policy_names[] = {"iothubowner", "service", "device", "registryRead",
                                                    "registryReadWrite"};

struct PolicyKeys {
  std::string name;
  std::string primary_key;  ///< base64
  std::string secondary_key;
  /// Of a policy that not every hub has: RegistryRead, RegistryWrite, ServiceConnect, DeviceConnect.
  std::vector<std::string> rights = {};
};

/// The policy's own rights, or those that it has on every hub.
[[nodiscard]] std::vector<std::string> right_words_of(const PolicyKeys& policy);

/// Where the policies' keys are kept: DATA/policies.toml. With dev a file of its own, and only once they were changed.
[[nodiscard]] std::filesystem::path policies_file(const Settings& settings);
/// The keys of the hub that these settings describe; an empty list when it has not been started yet.
/// Throws SettingsError.
[[nodiscard]] std::vector<PolicyKeys> policies_of(const Settings& settings);

/// Reads a policies' file: those that every hub has, then others by name. Throws SettingsError; an absent file gives an
/// empty list.
[[nodiscard]] std::vector<PolicyKeys> read_policies(const std::filesystem::path& file);
/// The file's text for `policies`; it names those that every hub has and this one has not. The caller writes the file,
/// with mode 0600.
[[nodiscard]] std::string policies_text(const std::vector<PolicyKeys>& policies);
[[nodiscard]] std::vector<PolicyKeys> dev_policies();

/// The client whose only right is to manage the hub: az and Resource Manager's SDKs log in as it.
inline constexpr std::string_view management_client = "management";
/// DATA/management.toml, where its keys are, while it has any.
[[nodiscard]] std::filesystem::path management_file(const Settings& settings);
/// DATA/management.key: the secret that access tokens and the subscription's and tenant's GUIDs are derived from.
[[nodiscard]] std::filesystem::path management_secret_file(const Settings& settings);
/// Throws SettingsError; nullopt when there is no file.
[[nodiscard]] std::optional<PolicyKeys> read_management_keys(const std::filesystem::path& file);
/// The file's text. The caller writes the file, with mode 0600.
[[nodiscard]] std::string management_text(const PolicyKeys& keys);

}  // namespace twinhub::config
