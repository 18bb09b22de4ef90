// The input of `twinhub import`: the lines of an IoT Hub's export, or a seed file in TOML or JSON.
#pragma once

#include "protocol/error.hpp"
#include "protocol/json/document.hpp"

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::cli {

/// One device or module.
struct ImportItem {
  std::uint64_t number = 0;  ///< the line's number, or the item's place in a seed; from 1
  std::string text;          ///< a JSON object as POST /devices takes it; may be anything in an export's line
};

class ImportSource {
 public:
  virtual ~ImportSource() = default;
  /// The next item; nullopt behind the last one. Errors: the file cannot be read.
  [[nodiscard]] virtual Result<std::optional<ImportItem>> next() = 0;
  /// "line" or "item", for messages.
  [[nodiscard]] virtual std::string_view unit() const = 0;

  /// Looks at the beginning of `in` to tell an export from a seed; `name` ends in .toml for TOML. Lines are read as
  /// they are asked for; a seed is read whole, at most json::text_bytes_max. Errors: argument_invalid, with the place.
  /// `strict`: a first line in words, as an IoT Hub's export without keys has it, is not passed over.
  [[nodiscard]] static Result<std::unique_ptr<ImportSource>> open(std::unique_ptr<std::istream> in,
                                                                  const std::string& name, bool strict = false);
};

/// The items of a seed: {"devices":[{"id":..,"tags":{},"desired":{},"modules":[{"id":..}]}]}, see import_source.cpp.
/// Errors: argument_invalid.
[[nodiscard]] Result<std::vector<std::string>> seed_items(const json::Value& seed);

}  // namespace twinhub::cli
