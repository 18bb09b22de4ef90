// twin show, set, watch: their arguments.
#include "server/cli/command_set.hpp"
#include "server/cli/twin.hpp"

namespace twinhub::cli {
namespace {

void add_ids(CLI::App& app, IdentityId& id) {
  app.add_option("device", id.device, "Device id")->required()->type_name("DEVICE");
  app.add_option("--module", id.module, "Module id of the device")->type_name("MODULE");
}

}  // namespace

void add_twin_commands(CommandSet& commands) {
  CLI::App& twin = CommandSet::group(commands.root(), "twin", "Device and module twins");

  const auto show = std::make_shared<TwinShow>();
  CLI::App& show_app = commands.add(twin, "show", "Print a twin: its tags, desired and reported properties",
                                    [show](const auto& settings) { return show_twin(settings, *show); });
  add_ids(show_app, show->id);
  show_app.add_flag("--metadata", show->metadata, "Show when each property was last written");
  show_app.add_flag("--json", show->json, "The whole twin on one line, for programs");

  const auto set = std::make_shared<TwinSet>();
  CLI::App& set_app = commands.add(twin, "set", "Change a twin's tags and desired properties",
                                   [set](const auto& settings) { return set_twin(settings, *set); });
  add_ids(set_app, set->id);
  auto* assignments =
      set_app.add_option("assignment", set->assignments,
                         "PATH=VALUE, e.g. desired.fan.speed=3 or tags.room=attic; null removes. A value "
                         "that is not JSON is taken as a string");
  auto* patch =
      set_app.add_option("--patch", set->file, "A JSON file with tags and properties.desired; - = standard input")
          ->type_name("FILE");
  patch->excludes(assignments);
  set_app.add_flag("--replace", set->replace,
                   "Replace tags and desired properties: members that are not named are removed");
  set_app.add_option("--etag", set->etag, "Only if the twin still has this etag");
  set_app.add_flag("--json", set->json, "Print the new twin on one line, for programs");
  set_app.callback([assignments, patch] {
    if (assignments->count() == 0 && patch->count() == 0) throw CLI::RequiredError("an assignment or --patch");
  });

  const auto watch = std::make_shared<TwinWatch>();
  CLI::App& watch_app =
      commands.add(twin, "watch", "Print each change of a twin and its connection as it comes, until Ctrl-C",
                   [watch](const auto& settings) { return watch_twin(settings, *watch); });
  add_ids(watch_app, watch->id);
  watch_app.add_option("--count", watch->count, "End after so many changes; 0 = never")->capture_default_str();
  watch_app.add_flag("--json", watch->json, "Each event on one line, as 'events tail' prints it");
}

}  // namespace twinhub::cli
