// A settings file that goes with the test.
#pragma once

#include "config/load.hpp"

#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace twinhub::config {

class TomlFile {
 public:
  explicit TomlFile(std::string_view text)
      : path_(std::filesystem::temp_directory_path() / ("twinhub-config-" + std::to_string(::getpid()) + ".toml")) {
    std::ofstream(path_) << text;
  }
  ~TomlFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string refusal(const Sources& sources) {
  try {
    (void)load(sources);
  } catch (const SettingsError& error) {
    return error.what();
  }
  return "taken";
}

}  // namespace twinhub::config
