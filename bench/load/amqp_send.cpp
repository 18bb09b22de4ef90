// AMQP peers send messages; an operation ends with the message's accepted disposition. Devices send telemetry, each on a
// connection of its own (`amqp-telemetry`); back ends send messages to devices that are away (`amqp-messages`). And what it
// costs to have such devices connected (`amqp-idle`).
#include "bench/load/amqp_peer.hpp"
#include "bench/load/payloads.hpp"
#include "bench/load/registry.hpp"
#include "bench/load/scenario.hpp"
#include "protocol/amqp/message.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace twinhub::load {
namespace {

class AmqpSend : public Scenario, public AmqpPeer::Owner {
 public:
  explicit AmqpSend(World& world) : world_(world), body_(world.options.payload_bytes, 1) {}

  void prepare() override {
    if (world_.options.create) {
      std::vector<std::string> ids;
      for (std::size_t i = 0; i < world_.options.devices; ++i) ids.push_back(world_.options.device_id(i));
      create_devices(world_, ids);
    }
    rss_before_ = world_.server.rss_kib();
    const std::size_t count = peer_count();
    pending_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      peers_.push_back(std::make_unique<AmqpPeer>(world_.loop, *this, world_.errors, world_.tls(), i, login(i)));
    }
    connect_more();
    world_.run_until("connecting over AMQP", [this] { return ready_ == peers_.size(); });
  }

  bool begin(Clock::time_point intended) override {
    for (std::size_t tries = 0; tries < peers_.size(); ++tries) {
      AmqpPeer& peer = *peers_[next_];
      next_ = (next_ + 1) % peers_.size();
      if (!peer.is_ready() || peer.credit() == 0) continue;
      ++sent_;
      const std::uint32_t delivery = peer.send_message(message(sent_, body_.make(sent_)));
      pending_[peer.index()].push_back({delivery, intended});
      world_.started();
      return true;
    }
    return false;
  }

 protected:
  [[nodiscard]] virtual std::size_t peer_count() const = 0;
  [[nodiscard]] virtual AmqpPeer::Login login(std::size_t index) const = 0;
  [[nodiscard]] virtual std::string message(std::uint64_t number, std::string_view body) const = 0;

  /// What the server's process has grown by since it had no connection, for each of them.
  void add_memory() {
    const auto grown = static_cast<double>(world_.server.rss_kib()) - static_cast<double>(rss_before_);
    world_.figures.push_back(
        {"rss_kib_per_connection", grown / static_cast<double>(std::max<std::size_t>(1, peers_.size()))});
  }
  [[nodiscard]] bool all_are_there() const {
    return std::all_of(peers_.begin(), peers_.end(), [](const auto& peer) { return peer->is_ready(); });
  }

  World& world_;

 private:
  struct Pending {
    std::uint32_t delivery = 0;
    Clock::time_point intended;
  };

  void connect_more() {
    while (asked_ < peers_.size() && asked_ - ready_ < world_.options.connecting)
      peers_[asked_++]->connect(world_.amqp());
  }

  void on_ready(AmqpPeer&) override {
    ++ready_;
    connect_more();
  }

  /// The hub stores in order: each disposition is of the oldest that are open.
  void on_settled(AmqpPeer& peer, std::uint32_t first, std::uint32_t last, bool) override {
    auto& pending = pending_[peer.index()];
    for (std::uint32_t delivery = first; delivery <= last; ++delivery) {
      if (pending.empty() || pending.front().delivery != delivery)
        return world_.errors.add(Wrong::unexpected, "a disposition out of order: " + std::to_string(delivery));
      world_.ended(pending.front().intended, Clock::now());
      pending.pop_front();
    }
  }

  void on_gone(AmqpPeer& peer) override {
    auto& pending = pending_[peer.index()];
    for (std::size_t i = 0; i < pending.size(); ++i) world_.errors.add(Wrong::lost, "no disposition before the end");
    world_.gave_up(pending.size());
    pending.clear();
  }

  Patch body_;
  std::vector<std::unique_ptr<AmqpPeer>> peers_;
  std::vector<std::deque<Pending>> pending_;  // by peer
  std::size_t rss_before_ = 0;
  std::size_t asked_ = 0;
  std::size_t ready_ = 0;
  std::size_t next_ = 0;
  std::uint64_t sent_ = 0;
};

class AmqpTelemetry : public AmqpSend {
 public:
  using AmqpSend::AmqpSend;

 private:
  std::size_t peer_count() const override { return world_.options.devices; }
  AmqpPeer::Login login(std::size_t index) const override {
    if (world_.options.broker) return {"", "", world_.options.queue};
    const std::string id = world_.options.device_id(index);
    return {"localhost/devices/" + id, world_.token_for(id), "devices/" + id + "/messages/events"};
  }
  /// The hub keeps every message; a broker those that ask for it.
  std::string message(std::uint64_t, std::string_view body) const override {
    amqp::Message message;
    if (world_.options.broker) message.header = amqp::Header{.durable = true};
    message.data = {std::string(body)};
    return encode_message(message);
  }
};

class AmqpIdle final : public AmqpTelemetry {
 public:
  using AmqpTelemetry::AmqpTelemetry;

  bool begin(Clock::time_point) override { return false; }
  bool is_finite() const override { return true; }
  void verify() override {
    const auto until =
        Clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(world_.options.seconds * 1000));
    while (Clock::now() < until) world_.loop.wait(until);
    if (!all_are_there()) world_.errors.add(Wrong::closed, "a connection has ended");
    add_memory();
  }
};

class AmqpMessages final : public AmqpSend {
 public:
  using AmqpSend::AmqpSend;

 private:
  std::size_t peer_count() const override { return world_.options.back_ends; }
  AmqpPeer::Login login(std::size_t) const override {
    return {"localhost", world_.token_for(""), "messages/devicebound"};
  }
  std::string message(std::uint64_t number, std::string_view body) const override {
    amqp::Message message;
    message.properties.message_id = amqp::Value::string(std::to_string(number));
    message.properties.to =
        "/devices/" + world_.options.device_id(number % world_.options.devices) + "/messages/devicebound";
    message.data = {std::string(body)};
    return encode_message(message);
  }
};

}  // namespace

std::unique_ptr<Scenario> make_amqp_telemetry(World& world) { return std::make_unique<AmqpTelemetry>(world); }
std::unique_ptr<Scenario> make_amqp_idle(World& world) { return std::make_unique<AmqpIdle>(world); }
std::unique_ptr<Scenario> make_amqp_messages(World& world) { return std::make_unique<AmqpMessages>(world); }

}  // namespace twinhub::load
