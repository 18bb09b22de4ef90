// A reader of events, as Event Hubs' clients are: an operation is an event from credit to delivery. A device fills the
// log before, while readers of every partition watch for it; the reader of the device's partition then reads the same
// events again and again. They are in the hub's memory: what a live reader, a little behind the log's end, costs.
#include "bench/load/amqp_peer.hpp"
#include "bench/load/payloads.hpp"
#include "bench/load/registry.hpp"
#include "bench/load/scenario.hpp"
#include "protocol/amqp/message.hpp"

#include <deque>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace twinhub::load {
namespace {

constexpr std::size_t partitions = 4;          // the hub's default
constexpr std::uint32_t credit_at_once = 100;  // SDKs add to it in batches, too

class AmqpEvents final : public Scenario, public AmqpPeer::Owner {
 public:
  explicit AmqpEvents(World& world) : world_(world), body_(world.options.payload_bytes, 1) {}

  void prepare() override {
    const std::string id = world_.options.device_id(0);
    if (world_.options.create) create_devices(world_, {id});
    for (std::size_t n = 0; n < partitions; ++n) {
      const std::string address = world_.options.event_hub + "/ConsumerGroups/$Default/Partitions/" + std::to_string(n);
      add_peer({"localhost", world_.token_for(""), address, true, "amqp.annotation.x-opt-offset > '@latest'"});
    }
    add_peer({"localhost/devices/" + id, world_.token_for(id), "devices/" + id + "/messages/events"});
    world_.run_until("attaching readers", [this] { return ready_ == peers_.size(); });
    for (std::size_t n = 0; n < partitions; ++n) peers_[n]->give_credit(world_.options.events + 1);
    for (std::uint64_t i = 1; i <= world_.options.events; ++i) fill(i);
    world_.run_until("filling the log", [this] { return settled_ == world_.options.events; });
    world_.run_until("reading what was filled", [this] { return received_ == world_.options.events; });
    again_ = true;
    begin_again();
    world_.run_until("attaching the reader again", [this] { return reader_->is_ready(); });
  }

  bool begin(Clock::time_point intended) override {
    pending_.push_back(intended);
    ++owed_;
    world_.started();
    give();
    return true;
  }

 private:
  void add_peer(AmqpPeer::Login login) {
    peers_.push_back(
        std::make_unique<AmqpPeer>(world_.loop, *this, world_.errors, world_.tls(), peers_.size(), std::move(login)));
    peers_.back()->connect(world_.amqp());
  }

  void fill(std::uint64_t number) {
    AmqpPeer& device = *peers_.back();
    world_.run_until("credit", [&] { return device.credit() > 0; });
    amqp::Message message;
    message.data = {std::string(body_.make(number))};
    (void)device.send_message(encode_message(message));
  }

  void begin_again() {
    reader_->begin_again("amqp.annotation.x-opt-sequence-number > '" + std::to_string(first_ - 1) + "'");
    next_ = first_;
    granted_ = 0;
  }

  /// In batches; a single one only when nothing else would come.
  void give() {
    if (!reader_->is_ready() || owed_ == 0 || (owed_ < credit_at_once && granted_ > 0)) return;
    if (to_accept_ > 0) reader_->accept(last_delivery_ + 1 - std::exchange(to_accept_, 0), last_delivery_);
    reader_->give_credit(owed_);
    granted_ += std::exchange(owed_, 0);
  }

  void on_ready(AmqpPeer&) override {
    ++ready_;
    if (!again_ || pending_.empty()) return;
    owed_ = static_cast<std::uint32_t>(pending_.size());  // what the older link had went with it
    give();
  }

  void on_settled(AmqpPeer&, std::uint32_t first, std::uint32_t last, bool) override { settled_ += last - first + 1; }

  void on_message(AmqpPeer& peer, std::uint32_t delivery, std::string_view encoded) override {
    const auto message = amqp::decode_message(encoded);
    const amqp::Value* const number = message ? message->message_annotations.find("x-opt-sequence-number") : nullptr;
    if (number == nullptr || !number->integer())
      return world_.errors.add(Wrong::malformed, "an event without a number");
    const std::int64_t sequence = *number->integer();
    if (received_ == 0) {
      reader_ = &peer;
      first_ = next_ = sequence;
    }
    if (&peer != reader_ || sequence != next_++)
      return world_.errors.add(Wrong::unexpected, "event " + std::to_string(sequence));
    const auto events = static_cast<std::int64_t>(world_.options.events);
    const std::string_view sent = body_.make(static_cast<std::uint64_t>(sequence - first_ + 1));
    if (message->data.size() != 1 || message->data.front() != sent)
      return world_.errors.add(Wrong::malformed, "the event's body is another: " + std::to_string(sequence));
    if (!again_) {
      ++received_;
      peer.accept(delivery, delivery);
      return;
    }
    --granted_;
    ++to_accept_;
    last_delivery_ = delivery;
    world_.ended(pending_.front(), Clock::now());
    pending_.pop_front();
    if (next_ < first_ + events) return give();
    to_accept_ = 0;  // the link's end settles them
    begin_again();
  }

  void on_gone(AmqpPeer& peer) override {
    if (&peer != reader_) return;
    for (std::size_t i = 0; i < pending_.size(); ++i) world_.errors.add(Wrong::lost, "no event before the end");
    world_.gave_up(pending_.size());
    pending_.clear();
  }

  World& world_;
  Patch body_;
  std::vector<std::unique_ptr<AmqpPeer>> peers_;  // readers by partition, then the device
  AmqpPeer* reader_ = nullptr;                    // of the device's partition
  std::deque<Clock::time_point> pending_;
  std::size_t ready_ = 0;
  std::uint64_t settled_ = 0, received_ = 0;  // while the log is filled
  std::int64_t first_ = 0, next_ = 0;         // sequence numbers
  std::uint32_t owed_ = 0;                    // credit that the reader has not been given
  std::uint32_t granted_ = 0;                 // that it has, and that is not used
  std::uint32_t to_accept_ = 0;               // messages up to last_delivery_
  std::uint32_t last_delivery_ = 0;
  bool again_ = false;
};

}  // namespace

std::unique_ptr<Scenario> make_amqp_events(World& world) {
  if (world.options.event_hub.empty()) throw std::runtime_error("amqp-events needs --event-hub");
  return std::make_unique<AmqpEvents>(world);
}

}  // namespace twinhub::load
