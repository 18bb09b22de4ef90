// wait: its arguments.
#include "server/cli/command_set.hpp"
#include "server/cli/wait.hpp"

namespace twinhub::cli {

void add_wait_command(CommandSet& commands) {
  const auto wait = std::make_shared<WaitOptions>();
  CLI::App& app = commands.add(commands.root(), "wait",
                               "Wait until a condition on a twin holds, or until a message comes for which one does; "
                               "exit code 124 = its time was over first",
                               [wait](const auto& settings) { return wait_for(settings, *wait); });
  app.add_option("device", wait->id.device, "Device id")->required()->type_name("DEVICE");
  app.add_option("condition", wait->condition,
                 "As behind WHERE in a query, e.g. \"properties.reported.ready = true\"; with --telemetry as in a "
                 "route, e.g. '$body.temperature > 30'")
      ->required()
      ->type_name("CONDITION");
  app.add_option("--module", wait->id.module, "Module id of the device")->type_name("MODULE");
  app.add_flag("--telemetry", wait->telemetry, "The condition is one on the messages that come from now on");
  app.add_option("--timeout", wait->timeout, "How long, as 500ms, 10s or 2m; an hour at most")->capture_default_str();
  app.add_flag("--json", wait->json, "The twin, or the event, on one line, for programs");
}

}  // namespace twinhub::cli
