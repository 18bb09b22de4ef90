// Loads a hub, or a broker in its place, as devices and back ends do, and says what it cost.
//
//   load SCENARIO --mqtt ADDRESS:PORT [--http ADDRESS:PORT] [--pid PID] ...      load --help
//
// Exit code 0: measured, and every answer was right. 1: something was wrong (what, stands in the report and on standard
// error). 2: nothing could be measured.
#include "bench/load/drive.hpp"
#include "bench/load/report.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace {

using twinhub::load::Options;

void add_options(CLI::App& app, Options& options) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  std::string names;
  for (const auto name : twinhub::load::scenario_names()) names += (names.empty() ? "" : ", ") + std::string(name);
  app.add_option("scenario", options.scenario, names)->required();
  app.add_option("--mqtt", options.mqtt, "ADDRESS:PORT for devices");
  app.add_option("--amqp", options.amqp, "ADDRESS:PORT for AMQP");
  app.add_option("--http", options.http, "ADDRESS:PORT for back ends");
  app.add_option("--ca", options.ca, "PEM file: both over TLS");
  app.add_flag("--broker", options.broker, "The server is a plain broker");
  app.add_option("--pid", options.pid, "Process whose CPU and memory are measured");
  app.add_option("--policy", options.policy, "Shared access policy of the back ends");
  app.add_option("--policy-key", options.policy_key, "Its key, base64");

  app.add_option("--devices", options.devices, "How many");
  app.add_option("--device-prefix", options.device_prefix, "Of their ids; a number follows");
  app.add_option("--first", options.first, "Number of the first");
  app.add_option("--stride", options.stride, "From one number to the next");
  app.add_option("--device-key", options.device_key, "Their key, base64");
  app.add_flag("--create", options.create, "Register them first");
  app.add_option("--connecting", options.connecting, "So many connect at a time while preparing");

  app.add_option("--in-flight", options.in_flight, "Closed loop: operations at a time")->check(CLI::PositiveNumber);
  app.add_option("--rate", options.rate, "Open loop: operations per second");
  app.add_option("--seconds", options.seconds, "Measured time");
  app.add_option("--operations", options.operations, "Measured operations, instead of a time");
  app.add_option("--warm-up", options.warm_up, "Seconds before it");
  app.add_option("--patience", options.patience, "Seconds after which an answer is late");
  app.add_option("--payload", options.payload_bytes, "Bytes of each patch or message");
  app.add_option("--twin", options.twin_bytes, "Bytes of reported properties beforehand; 0 = as they are");
  app.add_option("--depth", options.depth, "Objects within objects in a patch")->check(CLI::Range(1, 10));
  app.add_option("--qos", options.qos, "Of echo")->check(CLI::Range(0, 1));
  app.add_option("--back-ends", options.back_ends, "REST connections")->check(CLI::PositiveNumber);
  app.add_option("--connect-rate", options.connect_rate, "Further devices that connect meanwhile, per second");
  app.add_option("--slow-readers", options.slow_readers, "desired: devices that do not read");
  app.add_flag("--shared-topics", options.shared_topics, "connect, idle on a broker: the same topics for all");
  app.add_flag("--rehearse", options.rehearse, "connect, idle: everybody was there once before");
  app.add_option("--query", options.query, "query: its text");
  app.add_option("--rows", options.rows, "query: how many rows it has to give");
  app.add_option("--event-hub", options.event_hub, "amqp-events: the hub's Event Hubs-compatible name");
  app.add_option("--queue", options.queue, "amqp-telemetry with --broker: the address of its queue");
  app.add_option("--events", options.events, "amqp-events: so many are read again and again")
      ->check(CLI::PositiveNumber);
  app.add_option("--ledger", options.ledger, "reported: writes `ID VERSION SEQUENCE` of what was acknowledged last");
}

int run(const Options& options) {
  twinhub::load::World world(options);
  const auto scenario = twinhub::load::make_scenario(world);
  try {
    twinhub::load::drive(world, *scenario);
  } catch (const std::exception& error) {
    if (world.errors.total() == 0) throw;
  }
  if (!options.ledger.empty()) {
    std::ofstream ledger(options.ledger);
    scenario->write_ledger(ledger);
    if (!ledger.flush()) throw std::runtime_error("cannot write " + options.ledger);
  }
  std::cout << twinhub::load::report_of(world) << std::endl;
  for (const std::string& example : world.errors.examples()) std::cerr << "load: " << example << "\n";
  return world.errors.total() == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Loads a hub, or a broker in its place, and says what it cost.", "load");
  Options options;
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // TLS writes to a peer that has gone
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::cerr << "load: " << error.what() << "\n";
    return 2;
  }
}
