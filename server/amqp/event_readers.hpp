// Who reads a partition for a consumer group, over all connections and threads: at most five readers, or one with an
// epoch, which newer readers with the same or a higher epoch put in its place.
// Source: azure-docs event-hubs-event-processor-host ("epoch"); the errors' texts as clients report them from the cloud
// (vcabbage/amqp issue 43, azure-sdk-for-java issues 12483 and 26583).
#pragma once

#include "server/amqp/engine/engine.hpp"
#include "storage/guarded.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace twinhub::amqp_door {

class Lane;

/// Any thread, unless said otherwise.
class EventReaders {
 public:
  static constexpr std::size_t readers_max = 5;  ///< without an epoch, of one group and partition

  struct Reader {
    std::string group = {};  ///< in lower case
    std::uint32_t partition = 0;
    std::string name = {};  ///< as the client gave it, for errors; "" = none
    std::optional<std::int64_t> epoch = {};
    Lane* lane = nullptr;
    std::uint64_t connection = 0;
    amqp::LinkNumber link = 0;  ///< of its lane's thread alone: set once the link is attached
  };
  using Seat = std::shared_ptr<Reader>;

  /// Lets the reader in, or says why not. Readers that it drives out have no seat any more; their links are detached
  /// on their own lanes.
  [[nodiscard]] std::variant<Seat, amqp::Condition> enter(Reader reader) EXCLUDES(mutex_);
  /// Does nothing for a reader that has no seat any more.
  void leave(const Seat& seat) EXCLUDES(mutex_);

 private:
  using Key = std::pair<std::string, std::uint32_t>;  ///< group, partition

  Mutex mutex_;
  std::map<Key, std::vector<Seat>> seats_ GUARDED_BY(mutex_);  ///< in order of arrival; none is empty
};

}  // namespace twinhub::amqp_door
