// What do the wire's own pieces cost: one PUBLISH in and one out, and one SAS check?
#include "protocol/iothub/device_topics.hpp"
#include "protocol/iothub/sas_token.hpp"
#include "protocol/mqtt/encode.hpp"
#include "protocol/mqtt/server_session.hpp"

#include <benchmark/benchmark.h>
#include <string>

namespace {

using namespace twinhub;

class CountingHandler final : public mqtt::Handler {
 public:
  explicit CountingHandler(mqtt::ServerSession& session) : session_(session) {}
  void on_connect(const mqtt::Connect&) override { session_.accept(); }
  void on_publish(const mqtt::Publish& publish) override {
    if (iothub::parse_device_topic(publish.topic, self_)) ++publishes;
  }
  void on_subscribe(std::uint16_t, std::span<const mqtt::SubscribeEntry>) override {}
  void on_unsubscribe(std::uint16_t, std::span<const std::string_view>) override {}
  void on_puback(std::uint16_t) override {}
  void on_disconnect() override {}

  std::uint64_t publishes = 0;

 private:
  mqtt::ServerSession& session_;
  IdentityId self_{"dev1", ""};
};

constexpr std::string_view connect_packet{
    "\x10\x10\x00\x04MQTT\x04\x00\x00\xb4\x00\x04"
    "dev1",
    18};

void publish_in(benchmark::State& state) {
  mqtt::ServerSession session(320 * 1024);
  CountingHandler handler(session);
  std::string out;
  (void)session.receive(connect_packet, handler, out);
  std::string packet;
  mqtt::append_publish(packet, {.topic = "$iothub/twin/PATCH/properties/reported/?$rid=0123456789",
                                .payload = std::string(128, 'x'),
                                .packet_id = 0});
  std::uint64_t runs = 0;
  for (auto _ : state) {
    if (session.receive(packet, handler, out)) return state.SkipWithError("refused");
    ++runs;
  }
  if (handler.publishes != runs) state.SkipWithError("publishes were lost");
}
BENCHMARK(publish_in);

void twin_answer_out(benchmark::State& state) {
  std::string out, topic;
  for (auto _ : state) {
    out.clear();
    topic.clear();
    iothub::append_twin_response_topic(topic, 204, "0123456789", 42);
    mqtt::append_publish(out, {.topic = topic, .payload = {}, .packet_id = 0});
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(twin_answer_out);

void sas_check(benchmark::State& state) {
  const std::string key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
  const std::string text = iothub::make_sas_token("hub.local/devices/dev1", key, 1'900'000'000);
  for (auto _ : state) {
    const auto token = iothub::parse_sas_token(text);
    if (!token || !iothub::signature_matches(*token, key)) return state.SkipWithError("token refused");
  }
}
BENCHMARK(sas_check);

}  // namespace
