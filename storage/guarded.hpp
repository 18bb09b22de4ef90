// Mutexes that Clang can check: which mutex guards which member, and which function needs it held (-Wthread-safety, an error in the presets
// asan and tsan, which Clang builds). Other compilers see a std::mutex and nothing else.
//
//   Mutex mutex_;
//   int waiting_ GUARDED_BY(mutex_) = 0;
//   void drop() REQUIRES(mutex_);
//
// tests/checks/check_thread_safety_test.sh shows that a line which breaks such a promise does not compile.
// Source: clang.llvm.org/docs/ThreadSafetyAnalysis.html.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#if defined(__clang__)
#define TWINHUB_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define TWINHUB_THREAD_ANNOTATION(x)
#endif

#define GUARDED_BY(mutex) TWINHUB_THREAD_ANNOTATION(guarded_by(mutex))
#define PT_GUARDED_BY(mutex) TWINHUB_THREAD_ANNOTATION(pt_guarded_by(mutex))
#define REQUIRES(...) TWINHUB_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) TWINHUB_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) TWINHUB_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) TWINHUB_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS TWINHUB_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace twinhub {

class TWINHUB_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a Mutex while it lives; may let go of it in between, and wait on a condition.
class TWINHUB_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() RELEASE() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() ACQUIRE() { lock_.lock(); }
  void unlock() RELEASE() { lock_.unlock(); }

  // Waits look again by themselves: write `while (!condition) lock.wait(changed);`, for the analysis cannot look into a
  // predicate.
  void wait(std::condition_variable& changed) { changed.wait(lock_); }
  template <class Clock, class Duration>
  std::cv_status wait_until(std::condition_variable& changed,
                            const std::chrono::time_point<Clock, Duration>& deadline) {
    return changed.wait_until(lock_, deadline);
  }
  /// Also returns when a stop is asked for.
  template <class Clock, class Duration>
  void wait_until(std::condition_variable_any& changed, const std::chrono::time_point<Clock, Duration>& deadline,
                  const std::stop_token& stop) {
    // The standard has this wait with a predicate only: this one is false once, then the caller looks.
    changed.wait_until(lock_, stop, deadline, [woken = false]() mutable { return std::exchange(woken, true); });
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace twinhub
