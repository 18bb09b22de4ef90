// c2d and feedback: their arguments.
#include "server/cli/command_set.hpp"
#include "server/cli/commands.hpp"

namespace twinhub::cli {
namespace {

struct Options {
  OutgoingMessage message;
  std::string device;
  std::uint64_t count = 0;
};
using Shared = std::shared_ptr<Options>;

void add_send(CommandSet& commands, CLI::App& c2d, const Shared& options) {
  CLI::App& send = commands.add(c2d, "send", "Queue a message for a device",
                                [options](const auto& settings) { return send_message(settings, options->message); });
  OutgoingMessage& message = options->message;
  send.add_option("device", message.device, "Device id")->required()->type_name("DEVICE");
  send.add_option("text", message.body, "The message's body")->required();
  send.add_option("--property", message.properties, "A property of your own, as NAME=VALUE; once for each")
      ->expected(1)
      ->take_all();
  send.add_option("--ack", message.acknowledgement, "The outcomes that bring feedback ('twinhub feedback tail')")
      ->check(CLI::IsMember({"none", "positive", "negative", "full"}));
  send.add_option("--expiry", message.expiry,
                  "When the message lapses unread: seconds from now, or a time such as 2026-11-23T05:40:00Z");
  send.add_option("--message-id", message.message_id, "The message's id; feedback names it");
  send.add_option("--correlation-id", message.correlation_id, "The id of what the message answers");
  send.add_option("--user-id", message.user_id, "The message's sender, as you name it");
  send.add_option("--content-type", message.content_type, "The body's type, such as application/json");
  send.add_option("--content-encoding", message.encoding, "The body's encoding, such as utf-8");
}

}  // namespace

void add_message_commands(CommandSet& commands) {
  const auto options = std::make_shared<Options>();
  CLI::App& c2d = CommandSet::group(commands.root(), "c2d", "Cloud-to-device messages");
  add_send(commands, c2d, options);
  commands
      .add(c2d, "purge", "Remove every message that waits for a device; prints their number",
           [options](const auto& settings) { return purge_messages(settings, options->device); })
      .add_option("device", options->device, "Device id")
      ->required()
      ->type_name("DEVICE");

  CLI::App& feedback = CommandSet::group(commands.root(), "feedback", "What became of cloud-to-device messages");
  CLI::App& tail = commands.add(feedback, "tail", "Print feedback as it comes, one line of JSON for each record",
                                [options](const auto& settings) { return tail_feedback(settings, options->count); });
  tail.footer("What is printed is completed: another reader of the hub's feedback does not get it.");
  tail.add_option("--count", options->count, "End once so many records were printed; 0 = never")->capture_default_str();
}

}  // namespace twinhub::cli
