// import and export: their arguments.
#include "server/cli/command_set.hpp"
#include "server/cli/transfer.hpp"

#include <cstdint>

namespace twinhub::cli {

void add_transfer_commands(CommandSet& commands) {
  const auto in = std::make_shared<ImportOptions>();
  CLI::App& import =
      commands.add(commands.root(), "import", "Create or update the devices, modules and twins of a file",
                   [in](const auto& settings) { return import_file(settings, *in); });
  import
      .add_option("file", in->file,
                  "The lines of an IoT Hub's export (devices.txt), or a seed in TOML or JSON; - = standard input")
      ->required()
      ->type_name("FILE");
  import.add_option("--from-line", in->from, "Begin at this line of an export, or this item of a seed")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32U));
  import.add_option("--mode", in->mode, "The import mode of lines that name none")
      ->check(CLI::IsMember({"create", "update", "updateIfMatchETag", "createOrUpdate", "createOrUpdateIfMatchETag",
                             "delete", "deleteIfMatchETag", "updateTwin", "updateTwinIfMatchETag"}));
  import.add_option("--failed", in->failed_file, "A file for the lines that failed, to be imported again")
      ->type_name("FILE");
  import.add_flag("--stop-at-error", in->stop_at_error, "Stop at the first line that fails");
  import.add_flag("--json", in->json, "Print the counts as JSON");

  const auto out = std::make_shared<ExportTo>();
  CLI::App& exported =
      commands.add(commands.root(), "export", "Write every device and module with its twin, as IoT Hub's export does",
                   [out](const auto& settings) { return export_file(settings, *out); });
  exported.add_option("file", out->file, "The file to write; - = standard output")
      ->capture_default_str()
      ->type_name("FILE");
  exported.add_flag("--without-keys", out->without_keys, "Leave symmetric keys out; an import generates new keys");
  exported.add_flag("--without-etags", out->without_etags,
                    "Leave etags out: hubs with the same content export the same bytes");
}

}  // namespace twinhub::cli
