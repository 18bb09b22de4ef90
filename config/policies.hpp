// The keys of the shared access policies: a file in the data folder, or the well-known ones of dev mode.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::config {

/// The well-known keys of `--dev`, as storage emulators have them: the same for every policy, good for nothing else.
inline constexpr std::string_view dev_primary_key = "dHdpbmh1Yi13ZWxsLWtub3duLWRldi1rZXktMDAwMDE=";
inline constexpr std::string_view dev_secondary_key = "dHdpbmh1Yi13ZWxsLWtub3duLWRldi1rZXktMDAwMDI=";

/// The policies every hub has. Source: azure-docs iot-hub-dev-guide-sas ("Access control and permissions").
inline constexpr std::string_view policy_names[] = {"iothubowner", "service", "device", "registryRead",
                                                    "registryReadWrite"};

struct PolicyKeys {
  std::string name;
  std::string primary_key;  ///< base64
  std::string secondary_key;
};

/// Reads DATA/policies.toml. Throws SettingsError; an absent file gives an empty list.
[[nodiscard]] std::vector<PolicyKeys> read_policies(const std::filesystem::path& file);
/// The file's text for `policies`; whoever writes it gives it mode 0600.
[[nodiscard]] std::string policies_text(const std::vector<PolicyKeys>& policies);
[[nodiscard]] std::vector<PolicyKeys> dev_policies();

}  // namespace twinhub::config
