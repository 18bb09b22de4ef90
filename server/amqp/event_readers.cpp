#include "server/amqp/event_readers.hpp"

#include "server/amqp/condition.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/lane.hpp"

#include <algorithm>

namespace twinhub::amqp_door {
namespace {

using Reader = EventReaders::Reader;
using Seat = EventReaders::Seat;

std::string name_of(const Reader& reader) { return reader.name.empty() ? "nil" : reader.name; }
std::string epoch_of(const Reader& reader) { return reader.epoch ? std::to_string(*reader.epoch) : "nil"; }

std::string driven_out(const Reader& newer, const Reader& older) {
  return "New receiver '" + name_of(newer) + "' with higher epoch of '" + epoch_of(newer) +
         "' is created hence current receiver '" + name_of(older) + "' with epoch '" + epoch_of(older) +
         "' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.";
}

amqp::Condition lower_epoch(const Reader& newer, const Reader& older) {
  return make_condition(
      condition::stolen,
      "Receiver '" + name_of(older) + "' with a higher epoch '" + epoch_of(older) + "' already exists. Receiver '" +
          name_of(newer) + "' with epoch " + epoch_of(newer) +
          " cannot be created. Make sure you are creating receiver with increasing epoch value to ensure "
          "connectivity, or ensure all old epoch receivers are closed or disconnected.");
}

amqp::Condition no_epoch(const Reader& older) {
  return make_condition(condition::stolen,
                        "At least one receiver for the endpoint is created with epoch of '" + epoch_of(older) +
                            "', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or "
                            "make sure all epoch receivers are closed or disconnected.");
}

amqp::Condition too_many(const std::vector<Seat>& present) {
  std::string names;
  for (const Seat& seat : present) names += (names.empty() ? "" : ", ") + name_of(*seat);
  return make_condition(condition::resource_limit,
                        "Exceeded the maximum number of allowed receivers per partition in a consumer group which is " +
                            std::to_string(EventReaders::readers_max) + ". List of connected receivers - " + names +
                            ".");
}

std::optional<amqp::Condition> refusal_of(const Reader& newer, const std::vector<Seat>& present) {
  // A reader with an epoch is alone.
  if (!present.empty() && present.front()->epoch) {
    const Reader& older = *present.front();
    if (!newer.epoch) return no_epoch(older);
    if (*newer.epoch < *older.epoch) return lower_epoch(newer, older);
    return std::nullopt;
  }
  if (!newer.epoch && present.size() >= EventReaders::readers_max) return too_many(present);
  return std::nullopt;
}

/// The link is reached on its own thread, where it may be gone by then.
void drive_out(const Seat& older, const Reader& newer) {
  Lane& lane = *older->lane;
  lane.io().post([&lane, older, text = driven_out(newer, *older)] {
    Connection* const connection = lane.find(older->connection);
    if (connection == nullptr) return;
    if (Link* const link = connection->find(older->link)) link->detach(make_condition(condition::stolen, text));
  });
}

}  // namespace

std::variant<Seat, amqp::Condition> EventReaders::enter(Reader reader) {
  const auto seat = std::make_shared<Reader>(std::move(reader));
  std::vector<Seat> older;
  {
    const MutexLock lock(mutex_);
    auto& present = seats_[{seat->group, seat->partition}];
    if (auto refused = refusal_of(*seat, present)) return std::move(*refused);
    if (seat->epoch) older.swap(present);
    present.push_back(seat);
  }
  for (const Seat& one : older) drive_out(one, *seat);
  return seat;
}

void EventReaders::leave(const Seat& seat) {
  const MutexLock lock(mutex_);
  const auto found = seats_.find({seat->group, seat->partition});
  if (found == seats_.end()) return;
  std::erase(found->second, seat);
  if (found->second.empty()) seats_.erase(found);
}

}  // namespace twinhub::amqp_door
