// Reading the event log as Event Hubs' clients do: `{entity}/ConsumerGroups/{group}/Partitions/{n}`.
// Source: azure-docs iot-hub-devguide-messages-read-builtin, event-hubs-amqp-troubleshoot; azure-sdk-for-js event-hubs
// partitionReceiver.ts; azure-sdk-for-python azure/eventhub/_pyamqp.
#include "protocol/amqp/encode.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/event_attach.hpp"
#include "server/amqp/event_message.hpp"
#include "server/amqp/event_readers.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/amqp/message_fields.hpp"
#include "server/events/event_feed.hpp"

#include <cstddef>
#include <deque>
#include <utility>

namespace twinhub::amqp_door {
namespace {

/// How much of a reader's messages waits for its outcome; what is older is settled by the hub. azure-eventhub for Python
/// never settles what it reads.
constexpr std::size_t unsettled_max = 1000, unsettled_bytes_max = 256 * 1024;

/// Keeps a position, and a chunk of the log only while it sends: a reader that does not read costs its link. What it has
/// settled is of no interest, for nothing is sent twice.
class EventReader final : public LinkHandler {
 public:
  EventReader(hub::Hub& hub, events::EventFeed& feed, EventReaders& readers, EventReaders::Seat seat,
              const EventStart& start, bool wants_figures)
      : hub_(hub),
        feed_(feed),
        readers_(readers),
        seat_(std::move(seat)),
        position_(start.position),
        since_(start.since),
        is_placed_(!start.since),
        wants_figures_(wants_figures) {}
  ~EventReader() override { leave(); }

  void on_attached() override { seat_->link = link().number(); }

  void on_credit(bool drains) override {
    drains_ = drains_ || drains;
    send_ready();
  }

  void on_detached() override { leave(); }

 private:
  void leave() {
    if (std::exchange(has_left_, true)) return;
    if (wish_ != 0) feed_.cancel(wish_);
    readers_.leave(seat_);
  }

  void send_ready() {
    figures_.clear();
    while (link().may_send() && has_chunk()) send_next();
    if (drains_ && link().credit() > 0 && is_at_end()) {
      drains_ = false;
      link().drained();
    }
    if (link().credit() == 0) drains_ = false;
    chunk_.reset();
  }

  /// False: it has been asked for.
  bool has_chunk() {
    if (chunk_ && position_ < chunk_->next) return true;
    if (wish_ != 0) return false;
    chunk_ = is_placed_ ? feed_.find(seat_->partition, position_) : nullptr;
    if (!chunk_) return ask();
    entry_ = chunk_->find(position_);
    return true;
  }

  bool ask() {
    Lane& lane = link().connection().lane();
    wish_ = feed_.ask(
        {.partition = seat_->partition,
         .position = position_,
         .since = is_placed_ ? std::nullopt : since_,
         .lane = &lane.io(),
         .done = [&lane, id = link().connection().id(), number = link().number()](const Result<events::Fed>& fed) {
           Connection* const connection = lane.find(id);
           Link* const link = connection == nullptr ? nullptr : connection->find(number);
           if (link != nullptr) static_cast<EventReader&>(link->handler()).take(fed);
         }});
    return false;
  }

  void take(const Result<events::Fed>& fed) {
    wish_ = 0;
    if (!fed) return link().detach(condition_of(fed.error()));
    position_ = fed->position;
    is_placed_ = true;
    chunk_ = fed->chunk;
    if (chunk_) entry_ = chunk_->find(position_);
    send_ready();
  }

  /// The next event of the chunk, or past its end.
  void send_next() {
    if (entry_ == chunk_->entries.size()) {
      position_ = chunk_->next;
      return;
    }
    const events::EventChunk::Entry& entry = chunk_->entries[entry_++];
    position_ = entry.sequence_number + 1;
    if (since_ && entry.appended < *since_) return;
    std::string tag;
    amqp::append_big_endian(tag, entry.sequence_number, 8);
    const bool settled = link().sends_settled();
    if (!wants_figures_) return send(chunk_->bytes_of(entry), tag, settled);
    if (figures_.empty()) look_up_figures();
    message_.assign(figures_).append(chunk_->bytes_of(entry));
    send(message_, tag, settled);
  }

  void send(std::string_view message, std::string_view tag, bool settled) {
    const amqp::DeliveryNumber number = link().send(message, tag, settled);
    if (settled) return;
    unsettled_.push_back({number, message.size()});
    unsettled_bytes_ += message.size();
    if (unsettled_.size() > unsettled_max || unsettled_bytes_ > unsettled_bytes_max) forget_older_half();
  }

  /// Many at once, which one DISPOSITION can name. Those that the reader has settled are not there any more; the newest
  /// stays.
  void forget_older_half() {
    while (unsettled_.size() > 1 &&
           (unsettled_.size() > unsettled_max / 2 || unsettled_bytes_ > unsettled_bytes_max / 2)) {
      link().forget(unsettled_.front().number);
      unsettled_bytes_ -= unsettled_.front().bytes;
      unsettled_.pop_front();
    }
  }

  void look_up_figures() {
    const auto next = static_cast<std::int64_t>(feed_.range(seat_->partition).next);
    append_partition_figures(figures_, {.last_sequence_number = next - 1,
                                        .last_enqueued = feed_.store().newest_event(seat_->partition),
                                        .retrieved = hub_.clock.wall()});
  }

  /// There is nothing more to send now.
  [[nodiscard]] bool is_at_end() const { return is_placed_ && position_ >= feed_.range(seat_->partition).next; }

  hub::Hub& hub_;
  events::EventFeed& feed_;
  EventReaders& readers_;
  const EventReaders::Seat seat_;
  std::uint64_t position_;
  const std::optional<Timestamp> since_;  ///< earlier events are not sent
  bool is_placed_;                        ///< `position_` is known
  const bool wants_figures_;
  bool drains_ = false;
  bool has_left_ = false;
  std::uint64_t wish_ = 0;  ///< what was asked of the feed; 0 = nothing
  events::ChunkPtr chunk_;
  std::size_t entry_ = 0;  ///< of the chunk: the next one to send
  std::string figures_;    ///< encoded, of this call of send_ready()
  std::string message_;
  struct Sent {
    amqp::DeliveryNumber number;
    std::size_t bytes;
  };
  std::deque<Sent> unsettled_;  ///< oldest first; the reader may have settled some of them
  std::size_t unsettled_bytes_ = 0;
};

}  // namespace

void add_event_links(LinkKinds& kinds, hub::Hub& hub, events::EventFeed& feed, const DoorOptions& options) {
  const auto readers = std::make_shared<EventReaders>();
  const auto make = [&hub, &feed, readers, rules = EventRules(options.hub_name, options.consumer_groups)](
                        const Attach& attach) -> AttachAnswer {
    auto asked = rules.check(attach, feed);
    if (auto* const refusal = std::get_if<amqp::Condition>(&asked)) return refuse(std::move(*refusal));
    auto& [reader, start, wants_figures] = std::get<EventRequest>(asked);
    auto seat = readers->enter(std::move(reader));
    if (auto* const refusal = std::get_if<amqp::Condition>(&seat)) return refuse(std::move(*refusal));
    return serve(std::make_unique<EventReader>(hub, feed, *readers, std::get<EventReaders::Seat>(std::move(seat)),
                                               start, wants_figures));
  };
  kinds.push_back({.address = "{}/ConsumerGroups/{}/Partitions/{}",
                   .direction = Direction::peer_receives,
                   .needs = Needs::service,
                   .make = make});
}

}  // namespace twinhub::amqp_door
