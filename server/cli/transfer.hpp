// `twinhub import` and `twinhub export`: the identities of a hub with their twins, as the lines that IoT Hub's own jobs
// read and write. Both stream.
#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <string>

namespace twinhub::cli {

struct ImportOptions {
  std::string file;            ///< "-" = standard input
  std::uint64_t from = 1;      ///< the first line, or item of a seed, to be imported
  std::string mode;            ///< for lines that name no import mode of their own; "" = createOrUpdate
  std::string failed_file;     ///< where lines that failed are written, "" = nowhere
  bool stop_at_error = false;  ///< false: the lines behind one that fails are imported
  bool json = false;
};
[[nodiscard]] int import_file(const config::Settings& settings, const ImportOptions& options);

struct ExportTo {
  std::string file = "-";  ///< "-" = standard output; a file appears when it is whole, readable by its owner alone
  bool without_keys = false;
  bool without_etags = false;
};
[[nodiscard]] int export_file(const config::Settings& settings, const ExportTo& options);

}  // namespace twinhub::cli
