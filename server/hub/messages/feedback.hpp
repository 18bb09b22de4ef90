// What became of cloud-to-device messages, for the back ends that asked for it when they sent them.
//
// Time. Locks, a batch's wait and the life of a record are counted on the steady clock. Locks are kept in memory alone:
// a restart gives the records to the next back end that asks. A record that a former process wrote down has its time
// from the wall clock, so it goes for its age only while that clock has held (Clock::settled).
// Source: azure-docs iot-hub-devguide-messages-c2d, "Message feedback".
#pragma once

#include "server/base/clock.hpp"
#include "server/base/done.hpp"
#include "storage/format/message_record.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::hub {

struct FeedbackOptions {
  std::chrono::seconds batch_wait{15};  ///< a batch that is not full waits this long; 0 = not at all
  std::chrono::seconds lock{60};
  std::chrono::seconds life{3600};        ///< of a record nobody reads
  std::uint32_t delivery_count_max = 10;  ///< of a batch that is abandoned again and again
  std::size_t records_max = 50'000;       ///< in memory and on disk; then the oldest go
};

/// One queue for the whole hub. Any thread.
class Feedback {
 public:
  Feedback(storage::Store& store, const Clock& clock, Random& random, FeedbackOptions options);

  /// A record with its place in the queue. Its write belongs into the unit that ends the message; once that unit is
  /// durable, the record is handed to keep().
  struct Note {
    std::string key;
    storage::FeedbackRecord record = {};
  };
  [[nodiscard]] Note note(storage::FeedbackRecord record);
  [[nodiscard]] static storage::RecordWrite write_of(const Note& note);
  void keep(Note note);

  /// Up to 64 records, locked for whoever got them.
  struct Batch {
    std::string lock_token;
    std::string json;  ///< an array of feedback records
    Timestamp newest;  ///< when the last of them came about
    std::uint32_t delivery_count = 0;
  };
  /// nullopt: none is ready. Records of devices that are gone are dropped. Errors: service_unavailable.
  [[nodiscard]] Result<std::optional<Batch>> receive();
  /// What of the device's messages waits for a back end, as Batch::json has it: the newest first, at most `most`. Nothing is
  /// taken by that.
  [[nodiscard]] std::string look(std::string_view device, std::size_t most);
  /// The batch has been dealt with. Errors: device_message_lock_lost, service_unavailable.
  void complete(std::string_view lock_token, Done<void> done);
  /// Somebody else is to have it. Errors: device_message_lock_lost.
  [[nodiscard]] Result<void> abandon(std::string_view lock_token);
  /// The reader's connection is gone: the batch is free again, and this does not count as a delivery.
  void release(std::string_view lock_token);

  /// Lapsed locks, lives that are over; after a start, what is on disk, a slice at a time. Not twice at once.
  void tick();

 private:
  struct Item {
    storage::FeedbackRecord record = {};
    // On the steady clock.
    std::optional<Timestamp> kept = {};  ///< since when this process has it; nullopt: it is a former one's
    std::uint32_t delivery_count = 0;
    bool locked = false;
    bool leaving = false;
  };
  struct Lock {
    Timestamp until;  ///< steady clock
    std::vector<std::string> keys;
  };
  using Items = std::map<std::string, Item, std::less<>>;

  [[nodiscard]] std::vector<Items::iterator> take_ready(Timestamp steady);  // mutex_ held
  /// Whether the record's life is over. `settled`: the wall clock's time, while it has held.
  [[nodiscard]] bool is_over(const Item& item, Timestamp steady, std::optional<Timestamp> settled) const;
  void unlock(const Lock& lock);  // mutex_ held
  void load_some();
  /// Removes them from disk, then from memory. False when the store refuses. mutex_ held.
  bool drop(const std::vector<std::string>& keys, Done<void> done);
  [[nodiscard]] Result<bool> is_gone(const storage::FeedbackRecord& record) const;

  storage::Store& store_;
  const Clock& clock_;
  const FeedbackOptions options_;
  const std::string life_;  // of this process; keeps its keys apart from others' should the clock be set back

  std::mutex mutex_;
  Items items_;                                     // guarded by mutex_
  std::map<std::string, Lock, std::less<>> locks_;  // by token; guarded by mutex_
  std::uint64_t next_number_;                       // guarded by mutex_
  std::string loaded_up_to_;                        // tick()'s own
  bool loaded_ = false;                             // tick()'s own
};

}  // namespace twinhub::hub
