#include "server/cli/command_line.hpp"

#include "config/policies.hpp"
#include "protocol/ids.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/examples.hpp"
#include "server/cli/help.hpp"
#include "server/cli/live_completion.hpp"
#include "server/cli/new_id.hpp"
#include "server/cli/terminal.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>
#include <memory>

namespace twinhub::cli {
namespace {

constexpr const char* exit_codes =
    "Exit codes: 0 done; 1 failed; 2 not understood; 3 the hub cannot be reached, or is busy; 4 not found;\n"
    "5 in conflict: the thing exists already, or has changed meanwhile; 6 not allowed.";

class CommandLine {
 public:
  explicit CommandLine(const HubActions& actions) {
    app_.footer(exit_codes);
    app_.set_version_flag("--version", "twinhub " + std::string(version()));
    app_.require_subcommand(1);
    commands_.add_of_hub(*app_.add_subcommand("serve", "Run the hub"), actions.serve);
    add_config(actions.check);
    add_connection_string();
    add_token();
    add(*app_.add_subcommand("health", "Ask the operations port whether the hub is ready; exit code 0 = ready"),
        [](const config::Loaded& loaded) { return check_health(loaded.settings); });
    add_registry_commands(commands_);
    add_device(*app_.get_subcommand("device"));
    add_twin_commands(commands_);
    add_wait_command(commands_);
    add_control_commands(commands_);
    add_transfer_commands(commands_);
    add_automation_commands(commands_);
    add_method();
    add_message_commands(commands_);
    add_events();
    add_certificate_commands();
    add_policy_commands(commands_);
    add_ca_commands(commands_);
    add_reload_command(commands_);
    add_backup_commands(commands_);
    add_az_command(commands_);
    add_context_commands(commands_);
    add_completion_command(commands_);
    add_help_commands(commands_);
    add_examples(app_);
  }

  int run(int argc, char** argv) {
    if (argc > 1 && argv[1] == completion_verb) {
      const std::vector<std::string> words(argv + 2, argv + argc);
      return complete_words(app_, words);
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app_.exit(error), exit_ok;
      return explain(error, {argv + 1, argv + argc});
    }
    return commands_.run_parsed();
  }

 private:
  /// What is wrong with the words, by the command that they got to.
  int explain(const CLI::ParseError& error, const std::vector<std::string>& words) {
    const Place place = find_place(app_, words);
    if (place.odd) {
      std::cerr << words_about(place);
    } else if (!place.app->get_subcommands([](const CLI::App*) { return true; }).empty()) {
      std::cerr << help_of(place);
    } else {
      app_.exit(error);
    }
    return exit_usage;
  }

  void add(CLI::App& app, std::function<int(const config::Loaded&)> run) { commands_.add(app, std::move(run)); }

  /// --policy, or --device and --module.
  void add_who(CLI::App& app) {
    auto* policy =
        app.add_option("--policy", policy_, "Shared access policy")->capture_default_str()->type_name("POLICY");
    auto* device = app.add_option("--device", id_.device, "Device id")->excludes(policy)->type_name("DEVICE");
    app.add_option("--module", id_.module, "Module id of the device")->needs(device)->type_name("MODULE");
  }

  void add_config(const std::function<int(const config::Loaded&)>& check) {
    CLI::App& app = *app_.add_subcommand("config", "Print the effective settings and where each came from");
    app.add_flag("--check", check_settings_, "Print what 'serve' would refuse instead, without starting anything");
    commands_.add_of_hub(app, [this, check](const config::Loaded& loaded) {
      return check_settings_ ? check(loaded) : print_config(loaded);
    });
  }

  void add_connection_string() {
    CLI::App& app =
        *app_.add_subcommand("connection-string", "Print one connection string: a policy's, a device's or a module's");
    app.footer(
        "HostName is the first --host-name, else localhost. The C SDK needs a name with a dot: --host-name 127.0.0.1 "
        "will do.");
    add_who(app);
    app.add_flag("--events", for_events_, "For Event Hubs clients: the Event Hubs-compatible endpoint's")
        ->excludes(app.get_option("--device"));
    add(app, [this](const config::Loaded& loaded) {
      return for_events_ ? print_events_connection_string(loaded.settings, policy_)
                         : print_connection_string(loaded.settings, policy_, id_);
    });
  }

  void add_token() {
    CLI::App& app = *app_.add_subcommand("token", "Print a SAS token: a policy's, a device's or a module's");
    add_who(app);
    app.add_option("--seconds", token_seconds_, "Seconds that the token is valid for")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32U))
        ->capture_default_str();
    add(app,
        [this](const config::Loaded& loaded) { return print_token(loaded.settings, policy_, id_, token_seconds_); });
  }

  void add_device(CLI::App& device) {
    CLI::App& create =
        *device.add_subcommand("create", "Register a device with a running hub; prints its connection string");
    create.add_option("id", created_.id, "Device id")->required()->check(new_id_fault);
    create.add_option("--auth", created_.authentication, "How the device will authenticate")
        ->check(CLI::IsMember({"sas", "selfsigned", "ca"}))
        ->capture_default_str();
    create
        .add_option("--thumbprint", created_.thumbprints,
                    "SHA-1 or SHA-256 of a self-signed certificate; twice: primary, then secondary")
        ->expected(1, 2);
    add(create, [this](const config::Loaded& loaded) { return create_device(loaded.settings, created_); });
  }

  void add_certificate_commands() {
    CLI::App& certificate =
        *app_.add_subcommand("certificate", "CAs whose devices may connect (type certificateAuthority)");
    certificate.require_subcommand(1);
    const auto sub_command = [&](const char* name, const char* help, auto run) -> CLI::App& {
      CLI::App& app = *certificate.add_subcommand(name, help);
      add(app, [run](const config::Loaded& loaded) { return run(loaded.settings); });
      return app;
    };
    const auto named = [this](CLI::App& app) {
      app.add_option("name", certificate_, "Name of the certificate")->required()->type_name("CERTIFICATE");
    };
    const auto with_file = [this](CLI::App& app, const char* help) {
      app.add_option("file", certificate_file_, help)->required()->check(CLI::ExistingFile);
    };

    CLI::App& upload = sub_command("add", "Upload a CA's certificate", [this](const config::Settings& settings) {
      return add_certificate(settings, certificate_, certificate_file_, verified_);
    });
    named(upload);
    with_file(upload, "The CA's certificate, PEM or DER");
    upload.add_flag("--verified", verified_, "Trust the CA at once, without proof of possession");
    sub_command("list", "One line for each certificate",
                [](const config::Settings& settings) { return list_certificates(settings); });
    named(sub_command("show", "Print a certificate's description as JSON",
                      [this](const config::Settings& settings) { return show_certificate(settings, certificate_); }));
    named(sub_command(
        "verification-code", "Make a verification code for 'verify', the next step",
        [this](const config::Settings& settings) { return print_verification_code(settings, certificate_); }));
    CLI::App& verify =
        sub_command("verify", "Prove that you hold the CA's key", [this](const config::Settings& settings) {
          return verify_certificate(settings, certificate_, certificate_file_);
        });
    named(verify);
    with_file(verify, "A certificate signed by the CA whose common name is the code");
    named(sub_command("delete", "Delete a certificate; the devices that rest on it are disconnected",
                      [this](const config::Settings& settings) { return delete_certificate(settings, certificate_); }));
  }

  void add_method() {
    CLI::App& method = *app_.add_subcommand("method", "Direct methods");
    method.require_subcommand(1);
    CLI::App& invoke =
        *method.add_subcommand("invoke", "Call a method of a connected device; prints its status and payload as JSON");
    invoke.add_option("device", method_.id.device, "Device id")->required()->type_name("DEVICE");
    invoke.add_option("name", method_.name, "Method name")->required();
    invoke.add_option("payload", method_.payload, "JSON value")->capture_default_str();
    invoke.add_option("--module", method_.id.module, "Module id of the device")->type_name("MODULE");
    invoke.add_option("--timeout", method_.timeout_seconds, "Seconds that the device has to answer")
        ->capture_default_str()
        ->check(CLI::Range(5, 300));
    add(invoke, [this](const config::Loaded& loaded) { return invoke_method(loaded.settings, method_); });
  }

  void add_events() {
    CLI::App& events = *app_.add_subcommand("events", "The event log");
    events.require_subcommand(1);
    CLI::App& tail =
        *events.add_subcommand("tail", "Print events of a running hub as they come, one line of JSON each");
    tail.add_option("--device", tail_.device, "Only events of this device and its modules")->type_name("DEVICE");
    tail.add_option(
        "--source", tail_.source,
        "DeviceMessages, TwinChangeEvents, DeviceLifecycleEvents, DeviceConnectionStateEvents; several with "
        "commas");
    tail.add_option("--from", tail_.from,
                    "now, start, sequence numbers (one for all partitions, or one each with commas), or a time such as "
                    "2026-11-23T05:40:00Z")
        ->capture_default_str();
    tail.add_option("--count", tail_.count, "End after so many events; 0 = never")->capture_default_str();
    add(tail, [this](const config::Loaded& loaded) { return tail_events(loaded.settings, tail_); });
  }

  CLI::App app_{"twinhub: a self-hosted, Azure IoT Hub-compatible device-twin hub", "twinhub"};
  CommandSet commands_{app_};
  std::string policy_ = "iothubowner";
  IdentityId id_;
  NewDevice created_;
  MethodCall method_;
  TailOptions tail_;
  std::string certificate_;
  std::string certificate_file_;
  bool verified_ = false;
  bool for_events_ = false;
  bool check_settings_ = false;
  std::uint64_t token_seconds_ = 3600;
};

}  // namespace

int run(int argc, char** argv, const HubActions& actions) {
  const TerminalGuard answers(std::cout), complaints(std::cerr);  // both hold what devices and back ends wrote
  return CommandLine(actions).run(argc, argv);
}

}  // namespace twinhub::cli
