// A device on Eclipse Paho MQTT C++, written as such devices are: automatic reconnect, clean session 0, subscriptions
// made once. A test drives it by lines on standard input and reads one JSON object per line from standard output.
//   paho_device URI DEVICE USER_NAME CA_FILE PASSWORD
//   paho_device URI DEVICE USER_NAME CA_FILE CERTIFICATE PRIVATE_KEY
//   > subscribe FILTER | publish QOS TOPIC PAYLOAD | disconnect
//   < {"event":"connected"|"lost"|"subscribed"|"published"|"message", ...}
#include "protocol/json/text.hpp"

#include <mqtt/async_client.h>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace {

void tell(std::string_view event, std::initializer_list<std::pair<std::string_view, std::string>> fields) {
  static std::mutex mutex;  // Paho calls back on a thread of its own
  std::string line = "{";
  twinhub::json::append_key(line, "event");
  twinhub::json::append_string(line, event);
  for (const auto& [name, value] : fields) {
    line += ',';
    twinhub::json::append_key(line, name);
    twinhub::json::append_string(line, value);
  }
  const std::lock_guard lock(mutex);
  std::cout << line << "}" << std::endl;
}

void run_commands(mqtt::async_client& client) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "subscribe") {
      std::string filter;
      words >> filter;
      client.subscribe(filter, 1)->wait();
      tell("subscribed", {{"filter", filter}});
    } else if (verb == "publish") {
      int qos = 0;
      std::string topic, payload;
      words >> qos >> topic >> std::ws;
      std::getline(words, payload);
      client.publish(topic, payload.data(), payload.size(), qos, false)->wait();
      tell("published", {{"topic", topic}});
    } else if (verb == "disconnect") {
      client.disconnect()->wait();
      return;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 5 && arguments.size() != 6) {
    std::cerr << "usage: paho_device URI DEVICE USER_NAME CA_FILE PASSWORD | CERTIFICATE PRIVATE_KEY\n";
    return 2;
  }
  mqtt::async_client client(arguments[0], arguments[1]);
  client.set_connected_handler([](const std::string&) { tell("connected", {}); });
  client.set_connection_lost_handler([](const std::string&) { tell("lost", {}); });
  client.set_message_callback([](const mqtt::const_message_ptr& message) {
    tell("message", {{"topic", message->get_topic()}, {"payload", message->to_string()}});
  });
  auto ssl = mqtt::ssl_options_builder().trust_store(arguments[3]).enable_server_cert_auth(true);
  auto options = mqtt::connect_options_builder()
                     .mqtt_version(MQTTVERSION_3_1_1)
                     .clean_session(false)
                     .keep_alive_interval(std::chrono::seconds(30))
                     .user_name(arguments[2])
                     .automatic_reconnect(std::chrono::seconds(1), std::chrono::seconds(2));
  if (arguments.size() == 6) {
    ssl.key_store(arguments[4]).private_key(arguments[5]);
  } else {
    options.password(arguments[4]);
  }
  try {
    client.connect(options.ssl(ssl.finalize()).finalize())->wait();
    run_commands(client);
  } catch (const mqtt::exception& error) {
    std::cerr << "paho_device: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
