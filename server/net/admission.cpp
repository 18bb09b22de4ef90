#include "server/net/admission.hpp"

#include "server/net/client_hello.hpp"
#include "server/net/notice_way.hpp"
#include "server/net/peer_address.hpp"
#include "server/net/stranger.hpp"
#include "server/net/tls_record.hpp"
#include "server/notices/notices.hpp"
#include "storage/guarded.hpp"

#include <sys/socket.h>
#include <algorithm>
#include <cassert>
#include <deque>
#include <list>
#include <map>
#include <numeric>
#include <utility>

namespace twinhub::net {
namespace {

using boost::asio::ip::address;
using Clock = std::chrono::steady_clock;

/// Strangers that were ended and whose owners have not closed them yet. Past this many newcomers wait for them.
constexpr std::size_t leaving_max = 64;

std::size_t index_of(DoorKind door) { return static_cast<std::size_t>(door); }

}  // namespace

std::size_t connections_within(std::size_t limit, std::size_t kept_back) {
  return std::max(limit > kept_back ? limit - kept_back : 0, limit / 4);
}

/// What a place remembers for life.
struct DoorEntry {
  Admission::Book* book;
  DoorKind kind;
};

/// The Admission's state under its lock. A list of strangers per door, oldest first, and one per address.
class Admission::Book {
 public:
  Book(const AdmissionOptions& options, notices::Notices& notices) : options_(options), notices_(notices) {}

  const AdmissionOptions& options() const { return options_; }

  const DoorEntry* entry_of(DoorKind door) const { return &entries_[index_of(door)]; }

  std::unique_ptr<Stranger> enter(DoorKind door, int descriptor, const address& peer) {
    const MutexLock lock(mutex_);
    const auto party = find_party(peer);
    if (!take_allowance(party->second)) return refuse(door, peer, Reason::address_rate);
    if (party->second.strangers.size() >= options_.strangers_per_address_max && !party->second.strangers.empty())
      end(*party->second.strangers.front(), Reason::address_limit);
    if (!make_room(door)) return refuse(door, peer, Reason::no_place);
    auto state = std::make_unique<Stranger>();
    state->door = door;
    state->descriptor = descriptor;
    state->peer = peer;
    state->number = next_number_++;
    state->party = party;
    state->in_door = strangers_of(door).insert(strangers_of(door).end(), state.get());
    state->in_party = party->second.strangers.insert(party->second.strangers.end(), state.get());
    ++open_[index_of(door)];
    count_stranger(*state);
    return state;
  }

  /// False when it has been ended already.
  bool prove(Stranger& state) {
    const MutexLock lock(mutex_);
    if (state.ended) return false;
    // It was no stranger after all.
    state.party->second.allowance =
        std::min(state.party->second.allowance + 1, static_cast<double>(options_.strangers_burst));
    no_stranger(state);
    give_turns();
    return true;
  }

  Turn begin_tls(Stranger& state) {
    const MutexLock lock(mutex_);
    if (state.ended) return Turn::ended;
    if (state.handshake == Handshake::none) {
      Party& party = state.party->second;
      state.in_handshakes = party.waiting.insert(party.waiting.end(), &state);
      state.handshake = Handshake::waiting;
      if (party.waiting.size() == 1) waiting_parties_.push_back(&party);
      give_turns(&state);
      if (state.handshake == Handshake::waiting) end_slow_handshakes();
    }
    if (state.handshake == Handshake::waiting) {
      // Under the lock: its turn may come from another thread.
      if (let_client_hello_wait(state.descriptor)) return Turn::wait;
      end(state, Reason::tls_failed);
      give_turns();
      return Turn::ended;
    }
    state.tls_bytes = options_.stranger_tls_bytes;
    count_stranger(state);
    return state.ended ? Turn::ended : Turn::begin;
  }

  void end_handshake(Stranger& state) {
    const MutexLock lock(mutex_);
    if (state.ended) return;
    no_handshake(state);
    give_turns();
  }

  void hold(Stranger& state, std::size_t bytes) {
    const MutexLock lock(mutex_);
    if (state.ended || state.held == bytes) return;
    if (state.held == 0) state.in_holders = holders_.insert(holders_.end(), &state);
    if (bytes == 0) holders_.erase(state.in_holders);
    count_held(state, bytes);
    count_stranger(state);
    while (unfinished_ > options_.unfinished_bytes_max) end(heaviest_holder(), Reason::unfinished_limit);
  }

  void keep(Stranger& state, std::size_t bytes) {
    const MutexLock lock(mutex_);
    if (std::exchange(state.kept, bytes) != bytes && !state.ended) count_stranger(state);
  }

  /// `state` null: a known one.
  void leave(DoorKind door, Stranger* state) {
    const MutexLock lock(mutex_);
    --open_[index_of(door)];
    if (state == nullptr) return;
    if (state->ended) {
      --leaving_[index_of(door)];
    } else {
      no_stranger(*state);
    }
    give_turns();
  }

  /// Whoever made room for another has its notice.
  [[nodiscard]] bool was_ended(const Stranger* state) const {
    const MutexLock lock(mutex_);
    return state != nullptr && state->ended;
  }

  [[nodiscard]] notices::Notices& notice_log() const { return notices_; }

  void out_of_descriptors(DoorKind door) {
    const MutexLock lock(mutex_);
    Stranger* const oldest = oldest_of_all();
    if (oldest == nullptr || leaving() >= leaving_max) return count(door, {}, Reason::no_descriptor);
    end(*oldest, Reason::no_descriptor);
  }

  void tick() {
    const MutexLock lock(mutex_);
    end_slow_handshakes();
  }

  Figures figures() const {
    const MutexLock lock(mutex_);
    Figures now;
    for (const std::size_t open : open_) now.connections += open;
    for (const auto& list : strangers_) now.strangers += list.size();
    now.stranger_bytes = bytes_;
    now.unfinished_bytes = unfinished_;
    return now;
  }

 private:
  using Handshake = Stranger::Handshake;
  using Parties = std::map<address, Party>;

  std::list<Stranger*>& strangers_of(DoorKind door) REQUIRES(mutex_) { return strangers_[index_of(door)]; }

  std::unique_ptr<Stranger> refuse(DoorKind door, const address& peer, Reason reason) REQUIRES(mutex_) {
    count(door, peer, reason);
    return nullptr;
  }

  void count(DoorKind door, const address& peer, Reason reason) REQUIRES(mutex_) {
    const bool in_handshake = reason == Reason::tls_failed || reason == Reason::no_connect;
    notices_.note({.stage = in_handshake ? notices::Stage::tls : notices::Stage::tcp, .reason = reason},
                  way_of(door, {peer, 0}));
  }

  /// A place at `door`, with the oldest stranger ended if need be; false when there is none all the same.
  bool make_room(DoorKind door) REQUIRES(mutex_) {
    if (door == DoorKind::operations)
      return make_room_in(strangers_of(door), staying(door), options_.operations_connections_max);
    if (door == DoorKind::rest && !make_room_in(strangers_of(door), staying(door), options_.rest_connections_max))
      return false;
    if (door == DoorKind::amqp && !make_room_in(strangers_of(door), staying(door), options_.amqp_connections_max))
      return false;
    return make_room_in(older_list(), staying(DoorKind::mqtt) + staying(DoorKind::rest) + staying(DoorKind::amqp),
                        options_.connections_max);
  }

  /// A stranger that was ended holds its descriptor until its owner closes it: leaving_max may be open past `max`.
  bool make_room_in(const std::list<Stranger*>& strangers, std::size_t staying, std::size_t max) REQUIRES(mutex_) {
    if (staying < max) return true;
    if (strangers.empty() || leaving() >= leaving_max) return false;
    end(*strangers.front(), Reason::no_place);
    return true;
  }

  [[nodiscard]] std::size_t staying(DoorKind door) const REQUIRES(mutex_) {
    return open_[index_of(door)] - leaving_[index_of(door)];
  }
  [[nodiscard]] std::size_t leaving() const REQUIRES(mutex_) {
    return std::accumulate(leaving_.begin(), leaving_.end(), std::size_t{0});
  }

  /// Of the doors that share their descriptors, the strangers whose front has been there longest.
  const std::list<Stranger*>& older_list() REQUIRES(mutex_) {
    const std::list<Stranger*>* oldest = &strangers_of(DoorKind::mqtt);
    for (const DoorKind door : {DoorKind::rest, DoorKind::amqp}) {
      const auto& strangers = strangers_of(door);
      if (strangers.empty()) continue;
      if (oldest->empty() || strangers.front()->number < oldest->front()->number) oldest = &strangers;
    }
    return *oldest;
  }

  Stranger* oldest_of_all() REQUIRES(mutex_) {
    Stranger* oldest = nullptr;
    for (const auto& list : strangers_) {
      if (!list.empty() && (oldest == nullptr || list.front()->number < oldest->number)) oldest = list.front();
    }
    return oldest;
  }

  void count_stranger(Stranger& state) REQUIRES(mutex_) {
    bytes_ -= state.bytes;
    state.bytes = options_.stranger_bytes + state.tls_bytes + state.held + state.kept;
    bytes_ += state.bytes;
    while (bytes_ > options_.stranger_bytes_max) {
      Stranger* const oldest = oldest_of_all();
      assert(oldest != nullptr && "bytes are counted for strangers only");
      if (oldest == nullptr) return;
      end(*oldest, Reason::memory_limit);
    }
  }

  void count_held(Stranger& state, std::size_t bytes) REQUIRES(mutex_) {
    std::size_t& of_party = state.party->second.held;
    of_party = of_party - state.held + bytes;
    unfinished_ = unfinished_ - state.held + bytes;
    state.held = bytes;
  }

  /// The oldest of the address that holds most: others do not pay for it.
  Stranger& heaviest_holder() REQUIRES(mutex_) {
    return **std::max_element(holders_.begin(), holders_.end(), [](const Stranger* a, const Stranger* b) {
      return a->party->second.held < b->party->second.held;
    });
  }

  void end(Stranger& state, Reason reason) REQUIRES(mutex_) {
    count(state.door, state.peer, reason);
    no_stranger(state);
    state.ended = true;
    ++leaving_[index_of(state.door)];
    ::shutdown(state.descriptor, SHUT_RDWR);
  }

  void no_stranger(Stranger& state) REQUIRES(mutex_) {
    bytes_ -= state.bytes;
    state.bytes = 0;
    no_handshake(state);
    if (state.held > 0) holders_.erase(state.in_holders);
    count_held(state, 0);
    strangers_of(state.door).erase(state.in_door);
    state.party->second.strangers.erase(state.in_party);
  }

  /// Those that wait have their turn as far as there is room: one of each address after the other, so that an address
  /// that sends many does not hold up another one. The descriptor of each but `asking` becomes readable.
  void give_turns(const Stranger* asking = nullptr) REQUIRES(mutex_) {
    std::size_t passed_over = 0;
    while (handshakes_.size() < options_.handshakes_max && passed_over < waiting_parties_.size()) {
      Party* const party = waiting_parties_.front();
      waiting_parties_.pop_front();
      if (party->handshakes >= std::max<std::size_t>(1, options_.handshakes_max / 2)) {
        waiting_parties_.push_back(party);
        ++passed_over;
        continue;
      }
      Stranger& next = *party->waiting.front();
      party->waiting.pop_front();
      if (!party->waiting.empty()) waiting_parties_.push_back(party);
      ++party->handshakes;
      next.handshake = Handshake::under_way;
      next.handshake_began = Clock::now();
      next.in_handshakes = handshakes_.insert(handshakes_.end(), &next);
      if (&next != asking) readable_with(next.descriptor, 1);
    }
  }

  /// It has no handshake any more, and waits for none.
  void no_handshake(Stranger& state) REQUIRES(mutex_) {
    Party& party = state.party->second;
    if (state.handshake == Handshake::under_way) {
      handshakes_.erase(state.in_handshakes);
      --party.handshakes;
    } else if (state.handshake == Handshake::waiting) {
      party.waiting.erase(state.in_handshakes);
      if (party.waiting.empty()) std::erase(waiting_parties_, &party);
    }
    state.handshake = Handshake::none;
  }

  /// Those that take too long end while others wait for just that turn: of the same address, or of any when no turn is
  /// left.
  void end_slow_handshakes() REQUIRES(mutex_) {
    while (Stranger* const slow = slow_handshake()) {
      end(*slow, Reason::no_connect);
      give_turns();
    }
  }

  Stranger* slow_handshake() REQUIRES(mutex_) {
    if (waiting_parties_.empty()) return nullptr;
    const bool full = handshakes_.size() >= options_.handshakes_max;
    for (Stranger* const state : handshakes_) {
      if (Clock::now() - state->handshake_began <= options_.handshake_time) return nullptr;
      if (full || !state->party->second.waiting.empty()) return state;
    }
    return nullptr;
  }

  Parties::iterator find_party(const address& peer) REQUIRES(mutex_) {
    if (parties_.size() >= options_.addresses_max) forget_parties();
    const auto [party, is_new] = parties_.try_emplace(party_of(peer));
    if (is_new) {
      party->second.allowance = static_cast<double>(options_.strangers_burst);
      party->second.seen = Clock::now();
    }
    return party;
  }

  /// Addresses without a stranger are forgotten with their rate: a table that an attacker fills is worth nothing.
  void forget_parties() REQUIRES(mutex_) {
    std::erase_if(parties_, [](const auto& party) { return party.second.strangers.empty(); });
  }

  bool take_allowance(Party& party) REQUIRES(mutex_) {
    if (options_.strangers_per_second == 0) return true;
    const auto now = Clock::now();
    const std::chrono::duration<double> since = now - std::exchange(party.seen, now);
    party.allowance = std::min(party.allowance + since.count() * static_cast<double>(options_.strangers_per_second),
                               static_cast<double>(options_.strangers_burst));
    if (party.allowance < 1) return false;
    --party.allowance;
    return true;
  }

  const AdmissionOptions options_;
  notices::Notices& notices_;
  const std::array<DoorEntry, door_kinds> entries_{
      // in the order of DoorKind
      {{this, DoorKind::mqtt}, {this, DoorKind::rest}, {this, DoorKind::amqp}, {this, DoorKind::operations}}};
  mutable Mutex mutex_;
  Parties parties_ GUARDED_BY(mutex_);
  std::array<std::list<Stranger*>, door_kinds> strangers_ GUARDED_BY(mutex_);
  std::array<std::size_t, door_kinds> open_ GUARDED_BY(mutex_){};     ///< those that were ended included
  std::array<std::size_t, door_kinds> leaving_ GUARDED_BY(mutex_){};  ///< ended, not closed yet
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::list<Stranger*> holders_ GUARDED_BY(mutex_);        ///< of unfinished requests, the oldest first
  std::size_t unfinished_ GUARDED_BY(mutex_) = 0;          ///< bytes of these
  std::list<Stranger*> handshakes_ GUARDED_BY(mutex_);     ///< under way, the oldest first
  std::deque<Party*> waiting_parties_ GUARDED_BY(mutex_);  ///< whose strangers wait for a handshake, next first
  std::uint64_t next_number_ GUARDED_BY(mutex_) = 0;
};

Place::Place() = default;
Place::Place(const DoorEntry* door, std::unique_ptr<Stranger> stranger) : door_(door), stranger_(std::move(stranger)) {}
Place::Place(Place&& other) noexcept
    : door_(std::exchange(other.door_, nullptr)), stranger_(std::move(other.stranger_)) {}
Place& Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  leave();
  door_ = std::exchange(other.door_, nullptr);
  stranger_ = std::move(other.stranger_);
  return *this;
}
Place::~Place() { leave(); }

void Place::prove() {
  if (stranger_ && door_->book->prove(*stranger_)) stranger_.reset();
}
std::size_t Place::client_hello_bytes_max() const {
  return door_ ? door_->book->options().client_hello_bytes_max : AdmissionOptions{}.client_hello_bytes_max;
}
Turn Place::begin_tls() { return stranger_ ? door_->book->begin_tls(*stranger_) : Turn::begin; }
void Place::end_handshake() {
  if (stranger_) door_->book->end_handshake(*stranger_);
}
void Place::hold(std::size_t bytes) {
  if (stranger_) door_->book->hold(*stranger_, bytes);
}
void Place::keep(std::size_t bytes) { return stranger_ ? door_->book->keep(*stranger_, bytes) : void(); }
void Place::note(const notices::Happening& what, const Carrier& carrier, int descriptor) const {
  if (!door_ || !door_->book->notice_log().takes(what.kind)) return;
  if (stranger_ && door_->book->was_ended(stranger_.get())) return;
  boost::asio::ip::tcp::endpoint peer = peer_end_of(descriptor);
  if (peer.port() == 0 && stranger_) peer.address(stranger_->peer);  // it is gone, or a test's
  door_->book->notice_log().note(what, way_of(door_->kind, peer, carrier));
}
void Place::leave() {
  if (door_ == nullptr) return;
  const DoorEntry& door = *std::exchange(door_, nullptr);
  door.book->leave(door.kind, stranger_.get());
  stranger_.reset();
}

Admission::Admission(const AdmissionOptions& options, notices::Notices& notices)
    : book_(std::make_unique<Book>(options, notices)) {}
Admission::~Admission() = default;

Place Admission::enter(DoorKind door, int descriptor, const address& peer) {
  auto stranger = book_->enter(door, descriptor, peer);
  if (!stranger) return {};
  return {book_->entry_of(door), std::move(stranger)};
}

void Admission::out_of_descriptors(DoorKind door) { book_->out_of_descriptors(door); }
void Admission::tick() { book_->tick(); }
Admission::Figures Admission::figures() const { return book_->figures(); }
const AdmissionOptions& Admission::options() const { return book_->options(); }

}  // namespace twinhub::net
