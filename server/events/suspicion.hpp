// Which event is it that the other side cannot take? One partition's answer, as a state machine without time.
//
//   a batch fails, the other side being there       three times with the same event at the front
//     -> one event at a time, each on a fresh connection
//   the front event, alone, fails twice             -> another event is tried: a witness
//   a witness passes (here or in another partition) -> the front event is tried once more
//   and fails                                       -> it is refused: stepped over
//
// Nothing is refused while no witness passes: a dead broker is not a poisonous event, and a broker that has come back
// takes the front event itself. A witness is of another device while there is one, so that a front event that passes
// after all still comes before what its device sent later; one of the same device is asked after more failures.
//
// One poisonous event seldom comes alone: the device goes on sending them. Of the events close behind a refused one each
// goes alone at once, and asks for its witness after its first failure: one that passes, still, for each that is refused.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace twinhub::events {

/// One thread.
class Suspicion {
 public:
  static constexpr unsigned losses_max = 3;     ///< of a batch, before its events go alone
  static constexpr unsigned kills_max = 2;      ///< of the front event alone, before a witness is asked
  static constexpr unsigned kills_patient = 5;  ///< ... before the witness may be of the same device
  static constexpr std::uint64_t careful = 64;  ///< events behind a refused one that go alone

  enum class Next : std::uint8_t { batch, alone, witness };
  /// What to send next, when `front` is the first event not yet taken.
  [[nodiscard]] Next next(std::uint64_t front) const {
    if (front >= until_) return Next::batch;
    return front == front_ && kills_ >= kills_needed() && !witnessed_ && !front_again_ ? Next::witness : Next::alone;
  }
  /// Whether a witness of the front event's own device may be asked.
  [[nodiscard]] bool is_patient() const { return kills_ < (is_close() ? kills_max + 1 : kills_patient); }

  /// A batch from `front` up to the event before `end` failed, and one of its events may be why.
  void batch_lost(std::uint64_t front, std::uint64_t end) {
    look_at(front);
    if (++losses_ >= losses_max) until_ = end;
  }
  /// `front` failed alone. True: it is refused, and the next one is the front.
  [[nodiscard]] bool lost_alone(std::uint64_t front) {
    look_at(front);
    ++kills_;
    front_again_ = false;
    if (witnessed_ && kills_ > kills_needed()) {
      close_until_ = front + 1 + careful;
      until_ = std::max(until_, close_until_);
      return true;
    }
    witnessed_ = false;
    return false;
  }
  /// Another event than the front passed.
  void witness_passed() { witnessed_ = kills_ >= kills_needed(); }
  /// The witness failed too: the front is tried again, and another witness after it.
  void witness_lost() {
    front_again_ = true;
    ++witnesses_lost_;
  }
  /// Which of `count` events behind the front to ask next. One of another device is asked for nearby, to keep the order; of
  /// the front's own device by turns from the far end and from the near one, as poisonous ones come in rows.
  [[nodiscard]] std::size_t witness_among(std::size_t count) const {
    const std::size_t turn = witnesses_lost_ % count;
    if (is_patient()) return turn;
    return turn % 2 == 0 ? count - 1 - turn / 2 : turn / 2;
  }

 private:
  [[nodiscard]] bool is_close() const { return front_ < close_until_; }
  [[nodiscard]] unsigned kills_needed() const { return is_close() ? 1 : kills_max; }

  void look_at(std::uint64_t front) {
    if (front == front_) return;
    front_ = front;
    losses_ = kills_ = 0;
    witnesses_lost_ = 0;
    witnessed_ = front_again_ = false;
  }

  std::uint64_t front_ = UINT64_MAX;
  std::uint64_t until_ = 0;        ///< events before this one go alone
  std::uint64_t close_until_ = 0;  ///< events before this one are close behind a refused one
  unsigned losses_ = 0;
  unsigned kills_ = 0;
  std::size_t witnesses_lost_ = 0;
  bool witnessed_ = false;
  bool front_again_ = false;
};

}  // namespace twinhub::events
