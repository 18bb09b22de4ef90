#include "server/cli/telemetry.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/command_set.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/mqtt_device.hpp"

#include <iostream>
#include <memory>
#include <utility>

namespace twinhub::cli {
namespace {

struct Sending {
  IdentityId id;
  std::string body;  ///< "-" = each line of standard input is a message
  TelemetryProperties properties;
  std::string certificate;
  std::string private_key;
};

/// Every line of standard input; the number of messages goes to standard error, where it disturbs no program.
Result<void> send_lines(MqttDevice& device, const std::string& topic) {
  std::uint64_t sent = 0;
  for (std::string line; std::getline(std::cin, line); ++sent) {
    if (const auto published = device.publish(topic, line); !published)
      return fail(published.error().code,
                  published.error().detail + "; " + std::to_string(sent) + " messages were sent before");
  }
  std::cerr << sent << " messages sent\n";
  return {};
}

int send(const config::Settings& settings, const Sending& sending) {
  const auto topic = telemetry_topic(sending.id, sending.properties);
  if (!topic) {
    (void)report(topic.error());
    return exit_usage;
  }
  const auto login = device_login(settings, sending.id, sending.certificate, sending.private_key);
  if (!login) return report(login.error());
  const auto device = MqttDevice::connect(*login);
  if (!device) return report(device.error());
  const auto sent = sending.body == "-" ? send_lines(**device, *topic) : (*device)->publish(*topic, sending.body);
  return sent ? exit_ok : report(sent.error());
}

}  // namespace

void add_telemetry_options(CLI::App& app, TelemetryProperties& properties) {
  app.add_option("--property", properties.own, "A property of your own, as NAME=VALUE; once for each")
      ->expected(1)
      ->take_all();
  app.add_option("--content-type", properties.content_type, "The body's type")->capture_default_str();
  app.add_option("--content-encoding", properties.content_encoding, "The body's encoding")->capture_default_str();
  app.add_option("--message-id", properties.message_id, "The message's id");
  app.add_option("--correlation-id", properties.correlation_id, "The id of what the message answers");
  app.add_option("--user-id", properties.user_id, "The message's sender, as you name it");
}

Result<std::string> telemetry_topic(const IdentityId& id, const TelemetryProperties& properties) {
  std::string topic = "devices/" + id.device;
  if (id.is_module()) topic += "/modules/" + id.module;
  topic += "/messages/events/";
  const std::size_t bag = topic.size();
  const auto append = [&](std::string_view name, std::string_view value) {
    if (topic.size() > bag) topic += '&';
    topic += iothub::percent_encode(name) + "=" + iothub::percent_encode(value);
  };
  // Source: azure-docs iot-mqtt-connect-to-iot-hub ("Sending device-to-cloud messages").
  const std::pair<std::string_view, const std::string&> system[] = {{"$.mid", properties.message_id},
                                                                    {"$.cid", properties.correlation_id},
                                                                    {"$.uid", properties.user_id},
                                                                    {"$.ct", properties.content_type},
                                                                    {"$.ce", properties.content_encoding}};
  for (const auto& [name, value] : system) {
    if (!value.empty()) append(name, value);
  }
  for (const std::string& property : properties.own) {
    const std::size_t equals = property.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Errc::argument_invalid, "'" + property + "' is no NAME=VALUE");
    append(std::string_view(property).substr(0, equals), std::string_view(property).substr(equals + 1));
  }
  return topic;
}

void add_device_send_command(CommandSet& commands, CLI::App& device) {
  const auto sending = std::make_shared<Sending>();
  CLI::App& app =
      commands.add(device, "send", "Send telemetry as a device, over MQTT; returns when the hub has it on disk",
                   [sending](const auto& settings) { return send(settings, *sending); });
  app.add_option("id", sending->id.device, "Device id")->required()->type_name("DEVICE");
  app.add_option("body", sending->body, "The message's body; - = each line of standard input is a message")->required();
  app.add_option("--module", sending->id.module, "Module id of the device")->type_name("MODULE");
  add_telemetry_options(app, sending->properties);
  add_certificate_options(app, sending->certificate, sending->private_key);
  app.footer("A device has one connection: one that is connected under this identity is disconnected.");
}

void add_certificate_options(CLI::App& app, std::string& certificate, std::string& private_key) {
  auto* file = app.add_option("--certificate", certificate, "The device's certificate, PEM; its key is not in the hub")
                   ->check(CLI::ExistingFile);
  auto* key = app.add_option("--private-key", private_key, "The certificate's key, PEM")->check(CLI::ExistingFile);
  file->needs(key);
  key->needs(file);
}

}  // namespace twinhub::cli
