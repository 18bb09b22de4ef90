// DATA/hub.json: where the hub of a data folder is to be found. The hub writes it when its doors are open; commands read
// it, so that they need no flag but --data-dir. It stays behind when the hub stops: connection strings are printed then,
// too. It holds no key; its mode is 0600 all the same.
#pragma once

#include "config/load.hpp"

#include <filesystem>
#include <string>

namespace twinhub::cli {

[[nodiscard]] std::filesystem::path hub_file(const config::Settings& settings);

/// JSON: pid, version, the CA's file ("" = the certificate is configured), the folder, and the settings by which the hub
/// is found, under their own names.
[[nodiscard]] std::string hub_file_text(const config::Settings& settings, const std::filesystem::path& ca);

/// Gives `loaded` what its data folder's hub.json says of settings that nobody has made. A missing file changes nothing,
/// nor does one of another folder: copied along, it speaks of the hub there.
/// Throws SettingsError when there is one that is broken.
void adopt_hub_file(config::Loaded& loaded);

}  // namespace twinhub::cli
