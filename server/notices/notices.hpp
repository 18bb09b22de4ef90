// All connection notices: counted, kept in a bounded ring, and written to the log in bounded numbers.
//
//   note() --> count by reason          twinhub_connections_refused_total, _ended_total
//          --> ring: alike ones of a minute are one notice with a count; the oldest go
//          --> log: a line for the first of an id (or address) and reason in a minute, then "41 more" when it is over;
//              with ConnectionLines::all one for each connection that is let in, too, and each ordinary end
#pragma once

#include "server/notices/notice.hpp"
#include "storage/guarded.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace twinhub::notices {

/// What the log has of connections; notices and counts are the same.
enum class ConnectionLines : std::uint8_t {
  none,
  refused,  ///< and ends that are no ordinary ones
  all,      ///< devices and back ends that come and go, too: as many lines as they make
};

struct NoticesOptions {
  ConnectionLines lines = ConnectionLines::refused;
  std::size_t ring_bytes_max = 1U << 20;  ///< half of it for ordinary ends, so that those do not push refusals out
  std::size_t alike_max = 4096;           ///< kinds of notices told apart within a minute
  std::size_t alike_per_party_max = 512;  ///< refusals of one address, of these, and an eighth of the ring's bytes
  std::size_t lines_per_minute_max = 64;  ///< of the log, and as many for what was left out
  std::size_t lines_per_party_max = 16;   ///< refusals of one address, of these
};

/// What to look for.
struct NoticeQuery {
  std::optional<std::string> device = {};  ///< and its modules; "" = those that name nobody
  std::optional<Reason> reason = {};
  Timestamp since = {};
  std::uint64_t after = 0;   ///< revisions above this one
  std::size_t limit = 1000;  ///< the newest
};

/// Any thread.
class Notices {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Notices(const NoticesOptions& options = {}) : options_(options) {}

  void note(const Happening& what, const Way& way, Clock::time_point now = Clock::now());
  /// Whether note() does anything with it: else the caller need not ask the system about the peer.
  [[nodiscard]] bool takes(Kind kind) const {
    return kind != Kind::connected || options_.lines == ConnectionLines::all;
  }
  /// Writes the lines that are due when a minute is over. From a timer, every second or so.
  void tick(Clock::time_point now = Clock::now());

  /// Forgets all notices; the counts go on.
  void clear();

  struct Found {
    std::vector<Notice> notices;  ///< the oldest first
    std::uint64_t revision = 0;   ///< of the newest there is
  };
  [[nodiscard]] Found find(const NoticeQuery& query) const;

  struct Figures {
    std::array<std::uint64_t, reasons> refused{};
    std::array<std::uint64_t, reasons> ended{};
    std::uint64_t left_out = 0;  ///< counted, but neither kept nor logged: more than a minute may hold
    std::size_t bytes = 0;       ///< of the ring
    std::size_t alike = 0;       ///< told apart in this minute
  };
  [[nodiscard]] Figures figures() const;

 private:
  using AlikeKey = std::tuple<std::string, std::string, Reason, Kind>;  ///< id or SNI, address
  using LineKey = std::tuple<std::string, std::string, Reason, Kind>;   ///< id, or else address
  struct Ring {
    std::deque<Notice> notices;
    std::size_t bytes = 0;
  };
  struct Party {
    std::size_t bytes = 0;
    std::size_t alike = 0;
    std::size_t lines = 0;
  };

  [[nodiscard]] Ring& ring_of(Kind kind, Reason reason) REQUIRES(mutex_) { return rings_[is_ordinary(kind, reason)]; }
  struct Line {
    int level;
    std::string_view event, reason;
    Notice of;            ///< what else it is about
    std::uint64_t count;  ///< of notices; 0 = one, and no matter
    std::string words;
  };
  using Lines = std::vector<Line>;
  void take(Notice notice, const Way& way, Lines& lines) REQUIRES(mutex_);
  [[nodiscard]] bool count_alike(const AlikeKey& key, const Notice& notice) REQUIRES(mutex_);
  void keep(Notice notice) REQUIRES(mutex_);
  void make_room(Ring& ring) const;
  void add_line(const Notice& notice, Party* party, Lines& lines) REQUIRES(mutex_);
  void end_minute(Clock::time_point now, Lines& lines) REQUIRES(mutex_);
  [[nodiscard]] Line line_about(Notice notice, std::uint64_t count, std::string words) const;
  static void write(const Lines& lines);

  const NoticesOptions options_;
  mutable Mutex mutex_;
  std::array<Ring, 2> rings_ GUARDED_BY(mutex_);
  std::uint64_t revision_ GUARDED_BY(mutex_) = 0;
  Figures counts_ GUARDED_BY(mutex_);
  // Of this minute
  Clock::time_point began_ GUARDED_BY(mutex_){};
  /// The notice's number. Ordinary ends apart, as in the ring: a fleet that comes and goes hides no refusal.
  std::array<std::map<AlikeKey, std::uint64_t>, 2> alike_ GUARDED_BY(mutex_);
  std::map<LineKey, std::uint64_t> lines_ GUARDED_BY(mutex_);  ///< how many, the first of which has its line
  std::unordered_map<std::string, Party> parties_ GUARDED_BY(mutex_);
  std::uint64_t unwritten_ GUARDED_BY(mutex_) = 0;  ///< of pairs that got no line
};

}  // namespace twinhub::notices
