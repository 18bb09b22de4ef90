#include "tests/wire/conformance.hpp"

#include <stdexcept>

namespace twinhub::test {
namespace {

constexpr int crowd = 3;  // PINGREQs on either side
constexpr std::size_t bytes_one_by_one_max = 2048;

std::string pings(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += pingreq;
  return bytes;
}

void feed(MqttClient& client, Feeding feeding, const std::string& bytes) {
  if (feeding == Feeding::crowded) return client.send(pings(crowd) + bytes + pings(crowd));
  if (feeding == Feeding::whole || bytes.size() > bytes_one_by_one_max) return client.send(bytes);
  for (const char& c : bytes) client.send({&c, 1});
}

/// What came until the peer closed, or until `enough` says so.
struct Heard {
  std::string answers;
  int pings = 0;
  bool closed = false;
};
template <class Enough>
Heard listen(MqttClient& client, Enough enough) {
  Heard heard;
  while (!enough(heard)) {
    const auto read = client.read();
    if (!read) {
      heard.closed = true;
      break;
    }
    if (read->first_byte == 0xD0) {
      ++heard.pings;
    } else {
      heard.answers += packet(read->first_byte, read->body);
    }
  }
  return heard;
}

}  // namespace

MqttClient open(const WireHub& hub, Carrier carrier) {
  if (carrier == Carrier::tcp) return MqttClient(hub.port());
  if (carrier == Carrier::tls) return MqttClient(hub.tls_port(), {.ca = hub.ca()});
  MqttClient client(hub.http_port());
  const std::string response = client.upgrade();
  if (!response.starts_with("HTTP/1.1 101 ")) throw std::runtime_error(response);
  return client;
}

MqttClient connect(const WireHub& hub, Carrier carrier, const ConnectFields& fields) {
  MqttClient client = open(hub, carrier);
  const int code = connect_code(client, fields);
  if (code != 0) throw std::runtime_error("CONNECT was answered with " + std::to_string(code));
  return client;
}

MqttClient connect(const WireHub& hub, Carrier carrier) {
  ConnectFields fields = hub.credentials(dev1);
  fields.clean_session = true;
  return connect(hub, carrier, fields);
}

void expect_served(MqttClient& client, Feeding feeding, const Row& row) {
  feed(client, feeding, row.bytes);
  client.send(pingreq);  // the sign that the connection lives
  const int pings = feeding == Feeding::crowded ? 2 * crowd + 1 : 1;
  const Heard heard = listen(
      client, [&](const Heard& so_far) { return so_far.pings >= pings && so_far.answers.size() >= row.answer.size(); });
  EXPECT_FALSE(heard.closed) << row.statement;
  EXPECT_EQ(heard.pings, pings) << row.statement;
  EXPECT_EQ(heard.answers, row.answer) << row.statement;
}

void expect_ended(MqttClient& client, Feeding feeding, const Row& row, bool alive) {
  // Before CONNECT a PINGREQ would itself end the connection: the crowd stands behind alone.
  if (feeding == Feeding::crowded && !alive) {
    client.send(row.bytes + pings(crowd));
  } else {
    feed(client, feeding, row.bytes);
  }
  const Heard heard = listen(client, [](const Heard&) { return false; });
  EXPECT_EQ(heard.pings, feeding == Feeding::crowded && alive ? crowd : 0) << row.statement;
  EXPECT_EQ(heard.answers, row.answer) << row.statement;
}

std::string name_of(Carrier carrier) {
  return carrier == Carrier::tcp ? "Tcp" : carrier == Carrier::tls ? "Tls" : "WebSocket";
}

std::string name_of(Feeding feeding) {
  return feeding == Feeding::whole ? "Whole" : feeding == Feeding::byte_by_byte ? "ByteByByte" : "Crowded";
}

std::string carrier_name(const ::testing::TestParamInfo<Carrier>& info) { return name_of(info.param); }

std::string way_name(const ::testing::TestParamInfo<std::tuple<Carrier, Feeding>>& info) {
  return name_of(std::get<0>(info.param)) + name_of(std::get<1>(info.param));
}

}  // namespace twinhub::test
