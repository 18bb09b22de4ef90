// job and configuration: their arguments.
#include "server/cli/command_set.hpp"
#include "server/cli/configurations.hpp"
#include "server/cli/jobs.hpp"

#include <limits>

namespace twinhub::cli {
namespace {

struct Options {
  JobList jobs;
  NewJob job;
  std::string id;
  std::string etag;
  ConfigurationSet configuration;
  bool json = false;
};
using Shared = std::shared_ptr<Options>;

void add_json(CLI::App& app, bool& json) { app.add_flag("--json", json, "As JSON, for programs"); }

void add_new_job(CLI::App& app, NewJob& job) {
  app.add_option("job", job.id, "Job id: letters, digits, - and '")->required();
  app.add_option("--where", job.where,
                 "The devices that the job is for: a condition of the query language, or * for all")
      ->required();
  app.add_option("--start", job.start, "When the job starts, as 2026-11-23T05:40:00Z; at once without this option");
  app.add_option("--max-seconds", job.max_seconds, "Seconds that the job may take")->capture_default_str();
  app.add_flag("--wait", job.wait, "Wait until the job has ended; exit code 0 = done at every device");
  add_json(app, job.json);
}

void add_job_commands(CommandSet& commands, const Shared& options) {
  CLI::App& job = CommandSet::group(commands.root(), "job", "Twin updates and direct methods on many devices");
  CLI::App& list = commands.add(job, "list", "One line for each job",
                                [options](const auto& settings) { return list_jobs(settings, options->jobs); });
  list.add_option("--type", options->jobs.type, "Only jobs of this type")
      ->check(CLI::IsMember({"scheduleUpdateTwin", "scheduleDeviceMethod"}));
  list.add_option("--status", options->jobs.status, "Only jobs with this status")
      ->check(CLI::IsMember({"queued", "scheduled", "running", "completed", "failed", "cancelled"}));
  add_json(list, options->jobs.json);

  const auto with_id = [&options](CLI::App& app) {
    app.add_option("job", options->id, "Job id")->required()->type_name("JOB");
  };
  CLI::App& show = commands.add(job, "show", "Print how far a job has come", [options](const auto& settings) {
    return show_job(settings, options->id, options->json);
  });
  with_id(show);
  add_json(show, options->json);
  CLI::App& devices =
      commands.add(job, "devices", "Print the job's outcome at each device",
                   [options](const auto& settings) { return list_job_devices(settings, options->id, options->json); });
  with_id(devices);
  add_json(devices, options->json);
  with_id(commands.add(job, "cancel", "End a job that has not ended",
                       [options](const auto& settings) { return cancel_job(settings, options->id); }));

  CLI::App& twin = commands.add(job, "update-twin", "Change the twins of many devices",
                                [options](const auto& settings) { return create_job(settings, options->job); });
  add_new_job(twin, options->job);
  twin.add_option("assignment", options->job.assignments, "PATH=VALUE, as 'twin set' takes assignments")->required();
  CLI::App& method = commands.add(job, "invoke-method", "Call a direct method of many devices",
                                  [options](const auto& settings) { return create_job(settings, options->job); });
  add_new_job(method, options->job);
  method.add_option("method", options->job.method, "Method name")->required();
  method.add_option("payload", options->job.payload, "JSON value")->capture_default_str();
  method.add_option("--timeout", options->job.timeout_seconds, "Seconds that a device has to answer")
      ->capture_default_str()
      ->check(CLI::Range(5, 300));
}

void add_configuration_commands(CommandSet& commands, const Shared& options) {
  CLI::App& configuration = CommandSet::group(commands.root(), "configuration", "Automatic device configurations");
  CLI::App& list =
      commands.add(configuration, "list", "One line for each configuration",
                   [options](const auto& settings) { return list_configurations(settings, options->json); });
  add_json(list, options->json);
  const auto with_id = [&options](CLI::App& app) {
    app.add_option("id", options->id, "Configuration id")->required()->type_name("CONFIGURATION");
  };
  CLI::App& show = commands.add(
      configuration, "show", "Print a configuration with its metrics",
      [options](const auto& settings) { return show_configuration(settings, options->id, options->json); });
  with_id(show);
  add_json(show, options->json);
  CLI::App& gone = commands.add(
      configuration, "delete", "Delete a configuration; the properties that it has set stay",
      [options](const auto& settings) { return delete_configuration(settings, options->id, options->etag); });
  with_id(gone);
  gone.add_option("--etag", options->etag, "Only if the configuration still has this etag");

  ConfigurationSet& set = options->configuration;
  CLI::App& put =
      commands.add(configuration, "set", "Create or update a configuration from a JSON file",
                   [options](const auto& settings) { return set_configuration(settings, options->configuration); });
  put.add_option("id", set.id, "Configuration id")->required()->type_name("CONFIGURATION");
  put.add_option("file", set.file, "The configuration with its content; - = standard input")
      ->required()
      ->type_name("FILE");
  put.add_option("--target", set.target, "A target condition that replaces the file's");
  put.add_option("--priority", set.priority, "A priority that replaces the file's")
      ->check(CLI::Range(0, std::numeric_limits<int>::max()));
  put.add_option("--etag", set.etag, "Only if the configuration still has this etag");
  add_json(put, set.json);
}

}  // namespace

void add_automation_commands(CommandSet& commands) {
  const auto options = std::make_shared<Options>();
  add_job_commands(commands, options);
  add_configuration_commands(commands, options);
}

}  // namespace twinhub::cli
