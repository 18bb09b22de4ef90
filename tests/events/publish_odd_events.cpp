// Publishes events of any bytes on a broker, through the sink that the hub uses, on one connection: identities, names,
// values, content types, operations, topics and bodies that no device door would let through as they are.
//
//   publish_odd_events URL COUNT SEED FORM      FORM: properties, envelope, or envelope-3.1.1
//
// Prints {"delivered":N,"refused":N,"failure":"..."}; ends at the first failure. The payload of each event, or in an
// envelope its body, begins with its number.
#include "protocol/json/text.hpp"
#include "server/events/mqtt_sink.hpp"
#include "tests/support/cpp/odd_bytes.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace twinhub;
using namespace twinhub::events;
using twinhub::testing::odd_bytes;

constexpr std::size_t batch_size = 100;

std::vector<iothub::Property> odd_properties(std::mt19937& random) {
  std::vector<iothub::Property> properties;
  for (auto left = random() % 6; left > 0; --left) properties.push_back({odd_bytes(random), odd_bytes(random)});
  return properties;
}

Outgoing odd_event(std::mt19937& random, std::uint64_t number) {
  Outgoing outgoing;
  outgoing.partition = static_cast<std::uint32_t>(random() % 4);
  outgoing.sequence_number = number;
  storage::Event& event = outgoing.event;
  event.source = static_cast<storage::EventSource>(random() % 4);
  event.enqueued.ticks = unix_epoch_ticks + number;
  event.id = {odd_bytes(random, 60), random() % 2 == 0 ? odd_bytes(random) : ""};
  event.system = odd_properties(random);
  if (random() % 4 != 0) event.system.push_back({"content-type", odd_bytes(random)});
  event.application = odd_properties(random);
  event.application.push_back({"opType", odd_bytes(random)});
  event.body = std::to_string(number) + " " + odd_bytes(random);
  return outgoing;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  std::mt19937 random(static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)));
  const std::string_view form = argv[4];
  MqttSinkOptions options;
  options.url = options.shown_url = argv[1];
  options.client_id = "twinhub-odd-events";
  options.topic = "odd/{hub}/{identity}/{deviceId}/{moduleId}/{source}/{opType}/{channel}";
  options.hub_name = odd_bytes(random);
  options.envelope = form != "properties";
  options.mqtt_5 = form != "envelope-3.1.1";
  options.timeout = std::chrono::seconds(60);
  auto sink = make_mqtt_sink(std::move(options));
  if (!sink) return 2;
  std::uint64_t delivered = 0, refused = 0;
  std::string failure;
  for (std::uint64_t number = 0; number < count && failure.empty();) {
    std::vector<Outgoing> batch;
    for (; number < count && batch.size() < batch_size; ++number) batch.push_back(odd_event(random, number));
    const Delivery delivery = (*sink)->deliver(batch, {});
    delivered += delivery.done - delivery.refused.size();
    refused += delivery.refused.size();
    failure = delivery.failure;
  }
  std::string out =
      R"({"delivered":)" + std::to_string(delivered) + R"(,"refused":)" + std::to_string(refused) + R"(,"failure":)";
  json::append_string(out, failure);
  std::cout << out << "}\n";
  return failure.empty() ? 0 : 1;
}
