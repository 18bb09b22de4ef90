// The part of the hub that serves at this moment, for threads that outlive it: those of the operations port.
#pragma once

#include "storage/guarded.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace twinhub {

class Serving;

/// What whoever asks meanwhile is told.
inline constexpr std::string_view being_set_back = "the hub is being set back; ask again";

/// Any thread, unless said otherwise. What it gives out stays whole while a visit lasts.
class Stage {
 public:
  class Visit {
   public:
    Visit(Visit&& other) noexcept
        : stage_(std::exchange(other.stage_, nullptr)), serving_(other.serving_), number_(other.number_) {}
    Visit& operator=(Visit&&) = delete;
    ~Visit() {
      if (stage_ != nullptr) stage_->leave();
    }

    /// False: nothing serves now.
    [[nodiscard]] explicit operator bool() const { return stage_ != nullptr; }
    [[nodiscard]] Serving& operator*() const { return *serving_; }
    [[nodiscard]] Serving* operator->() const { return serving_; }
    /// Of what serves: another one has another number.
    [[nodiscard]] std::uint64_t number() const { return number_; }

   private:
    friend class Stage;
    Visit(Stage* stage, Serving* serving, std::uint64_t number) : stage_(stage), serving_(serving), number_(number) {}
    Stage* stage_;
    Serving* serving_;
    std::uint64_t number_;
  };

  /// Short: close() waits for its end.
  [[nodiscard]] Visit visit();
  /// The same; empty, too, when another one serves by now.
  [[nodiscard]] Visit visit(std::uint64_t number);

  /// Main thread. `serving` lives until close() has returned.
  void open(Serving& serving);
  /// Main thread. Returns when no visit is left. Idempotent.
  void close();

 private:
  void leave();

  Mutex mutex_;
  std::condition_variable left_;
  Serving* serving_ GUARDED_BY(mutex_) = nullptr;
  std::uint64_t number_ GUARDED_BY(mutex_) = 0;
  std::size_t visitors_ GUARDED_BY(mutex_) = 0;
};

}  // namespace twinhub
