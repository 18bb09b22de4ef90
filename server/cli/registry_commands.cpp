// device, module and query: their arguments.
#include "server/cli/command_set.hpp"
#include "server/cli/identities.hpp"
#include "server/cli/new_id.hpp"
#include "server/cli/query_pages.hpp"
#include "server/cli/why.hpp"

#include <cstdint>

namespace twinhub::cli {
namespace {

struct Options {
  ListOptions list;
  IdentityId id;
  DeviceUpdate update;
  QueryOptions query;
  WhyOptions why;
  std::string etag;
  std::string managed_by;
  bool json = false;
};
using Shared = std::shared_ptr<Options>;

void add_json(CLI::App& app, bool& json) { app.add_flag("--json", json, "As JSON, for programs"); }

void add_device_commands(CommandSet& commands, const Shared& options) {
  CLI::App& device = CommandSet::group(commands.root(), "device", "Device identities");
  CLI::App& list = commands.add(device, "list", "One line for each device, in the order of their ids",
                                [options](const auto& settings) { return list_devices(settings, options->list); });
  list.add_option(
      "--where", options->list.where,
      "Only devices that meet this condition of the query language, e.g. \"connectionState = 'Connected'\"");
  list.add_option("--limit", options->list.limit, "At most so many devices")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 32U));
  add_json(list, options->list.json);

  CLI::App& show = commands.add(device, "show", "Print a device's identity; its keys with --json only",
                                [options](const auto& settings) {
                                  return show_identity(settings, {options->id.device, ""}, options->json);
                                });
  show.add_option("id", options->id.device, "Device id")->required()->type_name("DEVICE");
  add_json(show, options->json);

  CLI::App& why = commands.add(
      device, "why", "Why a device cannot connect: what was refused or has ended lately, in words, and what to do",
      [options](const auto& settings) { return explain_device(settings, options->why); });
  why.add_option("id", options->why.id, "Device id, or DEVICE/MODULE")->required()->type_name("DEVICE");
  why.add_option("--since", options->why.since, "Only what has happened since then, as 2026-11-23T05:40:00Z");
  why.add_flag("--follow", options->why.follow, "Go on with what happens next, until interrupted");
  add_json(why, options->why.json);

  CLI::App& gone = commands.add(device, "delete", "Delete a device with its twin, modules and messages",
                                [options](const auto& settings) {
                                  return delete_identity(settings, {options->id.device, ""}, options->etag);
                                });
  gone.add_option("id", options->id.device, "Device id")->required()->type_name("DEVICE");
  gone.add_option("--etag", options->etag, "Only if it still has this etag");

  CLI::App& update = commands.add(device, "update", "Change a device's status or keys and leave the rest as it is",
                                  [options](const auto& settings) {
                                    options->update.sets_reason =
                                        options->update.sets_reason || !options->update.reason.empty();
                                    return update_device(settings, options->update);
                                  });
  update.add_option("id", options->update.id, "Device id")->required()->type_name("DEVICE");
  update.add_option("--status", options->update.status, "A disabled device cannot connect")
      ->check(CLI::IsMember({"enabled", "disabled"}));
  auto* reason =
      update.add_option("--reason", options->update.reason, "The reason for the status, at most 128 characters");
  update.add_flag("--no-reason", options->update.sets_reason, "Remove the status's reason")->excludes(reason);
  update.add_option("--primary-key", options->update.primary_key, "Base64 of 16 to 64 bytes");
  update.add_option("--secondary-key", options->update.secondary_key, "Base64 of 16 to 64 bytes");
  update.add_option("--new-key", options->update.new_keys, "Generate a new primary or secondary key, or swap both")
      ->check(CLI::IsMember({"primary", "secondary", "swap"}));
  add_json(update, options->update.json);

  add_device_send_command(commands, device);
  add_device_simulate_command(commands, device);
}

void add_module_commands(CommandSet& commands, const Shared& options) {
  CLI::App& module = CommandSet::group(commands.root(), "module", "Module identities");
  const auto add_device = [&options](CLI::App& app) {
    app.add_option("device", options->id.device, "Device id")->required()->type_name("DEVICE");
  };
  const auto add_ids = [&](CLI::App& app) {
    add_device(app);
    app.add_option("module", options->id.module, "Module id")->required()->type_name("MODULE");
  };
  CLI::App& create = commands.add(
      module, "create", "Register a module of a device; prints its connection string",
      [options](const auto& settings) { return create_module(settings, options->id, options->managed_by); });
  add_ids(create);
  create.get_option("module")->check(new_id_fault)->type_name("TEXT");  // a new one, which no completion knows
  create.add_option("--managed-by", options->managed_by, "The owner of the module, e.g. IotEdge");

  CLI::App& list = commands.add(
      module, "list", "One line for each module of a device",
      [options](const auto& settings) { return list_modules(settings, options->id.device, options->json); });
  add_device(list);
  add_json(list, options->json);

  CLI::App& show =
      commands.add(module, "show", "Print a module's identity; its keys with --json only",
                   [options](const auto& settings) { return show_identity(settings, options->id, options->json); });
  add_ids(show);
  add_json(show, options->json);

  CLI::App& gone = commands.add(module, "delete", "Delete a module with its twin", [options](const auto& settings) {
    return delete_identity(settings, options->id, options->etag);
  });
  add_ids(gone);
  gone.add_option("--etag", options->etag, "Only if it still has this etag");
}

void add_query_command(CommandSet& commands, const Shared& options) {
  CLI::App& query = commands.add(commands.root(), "query", "Ask for devices and modules in IoT Hub's query language",
                                 [options](const auto& settings) { return run_query(settings, options->query); });
  query
      .add_option("query", options->query.text,
                  "The query, e.g. \"SELECT deviceId, tags.room FROM devices WHERE status = 'enabled'\"")
      ->required();
  query.add_option("--limit", options->query.limit, "At most so many rows")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 32U));
  add_json(query, options->query.json);
}

}  // namespace

void add_registry_commands(CommandSet& commands) {
  const auto options = std::make_shared<Options>();
  add_device_commands(commands, options);
  add_module_commands(commands, options);
  add_query_command(commands, options);
}

}  // namespace twinhub::cli
