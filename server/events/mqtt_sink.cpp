#include "server/events/mqtt_sink.hpp"

#include "server/events/mqtt_message.hpp"
#include "server/events/topic_template.hpp"
#include "storage/guarded.hpp"

#include <mqtt/async_client.h>
#include <condition_variable>
#include <utility>
#include <vector>

namespace twinhub::events {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds keep_alive{30};
constexpr std::chrono::milliseconds goodbye{500};
constexpr std::chrono::seconds last_answers{1};  // after stop was asked for
// MQTT 5 reason codes of a PUBACK that no second attempt changes. (OASIS MQTT 5.0, 3.4.2.1)
constexpr int topic_name_invalid = 0x90;
constexpr int packet_too_large = 0x95;
constexpr int payload_format_invalid = 0x99;

/// "mqtt://host" -> "tcp://host:1883", as Paho has it.
std::string paho_url(const std::string& url) {
  const bool secure = url.starts_with("mqtts://");
  std::string rest = url.substr(url.find("://") + 3);
  while (!rest.empty() && rest.back() == '/') rest.pop_back();
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string::npos || rest.find(']', colon) != std::string::npos) rest += secure ? ":8883" : ":1883";
  return (secure ? "ssl://" : "tcp://") + rest;
}

std::string words_of(const mqtt::exception& error) {
  std::string words = error.get_message();
  if (words.empty()) words = error.what();
  return words;
}

/// What one batch has in flight on one connection; Paho's threads write here.
class Flight final : public mqtt::iaction_listener {
 public:
  enum class State : std::uint8_t { waiting, taken, refused, failed };

  void begin(std::size_t count) {
    const MutexLock lock(mutex_);
    states_.assign(count, State::waiting);
    in_flight_ = 0;
    ++batch_;
  }
  /// What identifies one message of this batch in Paho's tokens: late answers to an older batch find nothing.
  void* launch(std::size_t index) {
    const MutexLock lock(mutex_);
    ++in_flight_;
    return reinterpret_cast<void*>((batch_ << 16U | index) + 1);
  }
  void settle(std::size_t index, State state) {
    const MutexLock lock(mutex_);
    states_[index] = state;
  }
  void lose(const std::string& why) {
    {
      const MutexLock lock(mutex_);
      if (!lost_) why_ = why.empty() ? "the connection was lost" : "the connection was lost: " + why;
      lost_ = true;
    }
    changed_.notify_all();
  }

  /// Waits until fewer than `in_flight` are unanswered. False: lost, stopped, or nothing was answered for `patience`.
  bool wait_below(std::size_t in_flight, std::chrono::seconds patience, const std::stop_token& stop) {
    MutexLock lock(mutex_);
    wanted_ = in_flight;
    std::size_t before = in_flight_;
    auto deadline = steady_clock::now() + patience;
    while (!lost_ && in_flight_ >= in_flight && !stop.stop_requested()) {
      lock.wait_until(changed_, deadline, stop);
      if (steady_clock::now() < deadline || lost_ || stop.stop_requested()) continue;
      if (in_flight_ == before) {
        why_ = "no answer for " + std::to_string(patience.count()) + " s";
        lost_ = true;
      }
      before = in_flight_;
      deadline = steady_clock::now() + patience;
    }
    wanted_ = 0;
    return !lost_ && !stop.stop_requested();
  }
  Delivery outcome() const {
    const MutexLock lock(mutex_);
    Delivery delivery;
    for (const State state : states_) {
      if (state != State::taken && state != State::refused) break;
      if (state == State::refused) delivery.refused.push_back(delivery.done);
      ++delivery.done;
    }
    if (delivery.done < states_.size()) delivery.failure = why_.empty() ? "stopped" : why_;
    return delivery;
  }
  bool lost() const {
    const MutexLock lock(mutex_);
    return lost_;
  }

  void on_success(const mqtt::token& token) override { answered(token, State::taken); }
  void on_failure(const mqtt::token& token) override {
    const int reason = token.get_reason_code();
    const bool for_good =
        reason == topic_name_invalid || reason == packet_too_large || reason == payload_format_invalid;
    answered(token, for_good ? State::refused : State::failed);
  }

 private:
  void answered(const mqtt::token& token, State state) {
    const auto name = reinterpret_cast<std::uintptr_t>(token.get_user_context()) - 1;
    {
      const MutexLock lock(mutex_);
      const std::size_t index = name & 0xFFFFU;
      if (name >> 16U != batch_ || index >= states_.size() || states_[index] != State::waiting) return;
      states_[index] = state;
      --in_flight_;
      if (state == State::failed) {
        // Nothing behind it may overtake: the batch ends here, on a new connection.
        why_ = "a message was not taken (reason code " + std::to_string(token.get_reason_code()) + ")";
        lost_ = true;
      }
      // One wake-up when enough is answered, not one for each answer.
      if (!lost_ && in_flight_ >= wanted_) return;
    }
    changed_.notify_all();
  }

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<State> states_ GUARDED_BY(mutex_);
  std::size_t in_flight_ GUARDED_BY(mutex_) = 0;
  std::size_t wanted_ GUARDED_BY(mutex_) = 0;  // fewer in flight than this wake the waiting thread; 0 = none waits
  std::uintptr_t batch_ GUARDED_BY(mutex_) = 0;
  bool lost_ GUARDED_BY(mutex_) = false;
  std::string why_ GUARDED_BY(mutex_);
};

/// One connection. The flight outlives the client, whose threads write to it.
struct Connection {
  Flight flight;
  std::size_t packet_bytes_max = SIZE_MAX;
  std::unique_ptr<mqtt::async_client> client;
};

class MqttSink final : public Sink {
 public:
  MqttSink(MqttSinkOptions options, TopicTemplate topic) : options_(std::move(options)), topic_(std::move(topic)) {}
  ~MqttSink() override { disconnect(); }

  Delivery deliver(std::span<const Outgoing> batch, const std::stop_token& stop) override {
    if (connection_ && connection_->flight.lost()) disconnect();
    if (!connection_) {
      if (const auto connected = connect(stop); !connected) return {.failure = connected.error().detail};
    }
    Flight& flight = connection_->flight;
    flight.begin(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!flight.wait_below(options_.window, options_.timeout, stop)) break;
      if (!publish(batch[i], i)) break;
    }
    flight.wait_below(1, options_.timeout, stop);
    // An orderly stop makes no duplicates: what is on its way may still be acknowledged.
    if (stop.stop_requested()) flight.wait_below(1, last_answers, {});
    Delivery delivery = flight.outcome();
    if (!delivery.failure.empty()) {
      delivery.failure = options_.shown_url + ": " + delivery.failure;
      delivery.may_be_an_event = !stop.stop_requested();
      disconnect();
    }
    return delivery;
  }

  Result<void> reach(const std::stop_token& stop) override {
    if (is_lost()) disconnect();
    return connection_ ? Result<void>() : connect(stop);
  }
  bool is_lost() const override { return connection_ && connection_->flight.lost(); }

  void renew() override { disconnect(); }

 private:
  bool publish(const Outgoing& outgoing, std::size_t index) {
    Flight& flight = connection_->flight;
    const auto message = message_of(outgoing);
    if (!message) {
      flight.settle(index, Flight::State::refused);
      return true;
    }
    try {
      connection_->client->publish(message, flight.launch(index), flight);
      return true;
    } catch (const mqtt::exception& error) {
      flight.lose(words_of(error));
      return false;
    }
  }

  /// Null: no broker can take it, or this one says that it does not take messages of this size.
  mqtt::message_ptr message_of(const Outgoing& outgoing) const {
    MqttMessage made = mqtt_message_of(outgoing, topic_, options_.hub_name, options_.envelope);
    if (!has_possible_topic(made) || packet_bytes_at_most(made) > connection_->packet_bytes_max) return nullptr;
    mqtt::properties properties;
    for (auto& [name, value] : made.user_properties) {
      properties.add({mqtt::property::USER_PROPERTY, std::move(name), std::move(value)});
    }
    if (made.content_type) properties.add({mqtt::property::CONTENT_TYPE, std::move(*made.content_type)});
    auto message = mqtt::make_message(std::move(made.topic), std::move(made.payload), 1, false);
    if (options_.mqtt_5) message->set_properties(std::move(properties));
    return message;
  }

  Result<void> connect(const std::stop_token& stop) {
    auto connection = std::make_unique<Connection>();
    try {
      mqtt::create_options create(options_.mqtt_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
      create.set_max_buffered_messages(static_cast<int>(options_.window) + 1);
      connection->client =
          std::make_unique<mqtt::async_client>(paho_url(options_.url), options_.client_id, create, nullptr);
      connection->client->set_connection_lost_handler(
          [flight = &connection->flight](const std::string& cause) { flight->lose(cause); });
      connection->client->set_disconnected_handler(
          [flight = &connection->flight](const mqtt::properties&, mqtt::ReasonCode reason) {
            flight->lose("the broker closed it with reason code " + std::to_string(static_cast<int>(reason)));
          });
      const auto token = connection->client->connect(connect_options());
      const auto deadline = steady_clock::now() + options_.timeout + std::chrono::seconds(1);
      constexpr std::chrono::milliseconds look_up{50};
      while (!token->wait_for(look_up)) {
        if (stop.stop_requested()) return fail(Errc::service_unavailable, "stopped");
        if (steady_clock::now() > deadline)
          return fail(Errc::service_unavailable, options_.shown_url + ": no answer to the connect");
      }
      if (options_.mqtt_5) {
        const auto answer = token->get_connect_response();
        const auto& properties = answer.get_properties();
        if (properties.contains(mqtt::property::MAXIMUM_PACKET_SIZE))
          connection->packet_bytes_max = mqtt::get<std::uint32_t>(properties, mqtt::property::MAXIMUM_PACKET_SIZE);
      }
    } catch (const mqtt::exception& error) {
      return fail(Errc::service_unavailable, options_.shown_url + ": " + words_of(error));
    }
    connection_ = std::move(connection);
    return {};
  }

  mqtt::connect_options connect_options() const {
    mqtt::connect_options connect;
    connect.set_mqtt_version(options_.mqtt_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
    if (options_.mqtt_5) {
      connect.set_clean_start(true);
    } else {
      connect.set_clean_session(true);
    }
    connect.set_keep_alive_interval(keep_alive);
    connect.set_connect_timeout(options_.timeout);
    connect.set_automatic_reconnect(false);
    connect.set_max_inflight(static_cast<int>(options_.window));
    if (!options_.user.empty()) connect.set_user_name(options_.user);
    if (!options_.password.empty()) connect.set_password(options_.password);
    if (options_.url.starts_with("mqtts://")) {
      mqtt::ssl_options tls;
      if (!options_.ca.empty()) tls.set_trust_store(options_.ca);
      if (!options_.certificate.empty()) {
        tls.set_key_store(options_.certificate);
        tls.set_private_key(options_.private_key);
      }
      tls.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
      tls.set_enable_server_cert_auth(true);
      tls.set_verify(true);
      connect.set_ssl(std::move(tls));
    }
    return connect;
  }

  void disconnect() {
    if (!connection_) return;
    try {
      connection_->client->disable_callbacks();
      if (connection_->client->is_connected()) connection_->client->disconnect(0)->wait_for(goodbye);
    } catch (const mqtt::exception&) {
      // It is gone already.
    }
    connection_.reset();
  }

  MqttSinkOptions options_;
  TopicTemplate topic_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace

Result<std::unique_ptr<Sink>> make_mqtt_sink(MqttSinkOptions options) {
  auto topic = TopicTemplate::parse(options.topic);
  if (!topic) return topic.error();
  return std::unique_ptr<Sink>(std::make_unique<MqttSink>(std::move(options), std::move(*topic)));
}

}  // namespace twinhub::events
