#include "storage/rocksdb/reader_gate.hpp"

#include <cassert>

namespace twinhub::storage {
namespace {

thread_local std::size_t readings_of_this_thread = 0;

}  // namespace

void ReaderGate::enter() {
  MutexLock lock(mutex_);
  while (shut_ || (closing_ && readings_of_this_thread == 0)) lock.wait(changed_);
  ++readers_;
  ++readings_of_this_thread;
}

void ReaderGate::leave() {
  const MutexLock lock(mutex_);
  assert(readers_ > 0 && readings_of_this_thread > 0);
  --readings_of_this_thread;
  if (--readers_ == 0 && closing_) changed_.notify_all();
}

bool ReaderGate::shut(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  MutexLock lock(mutex_);
  closing_ = true;
  while (readers_ > 0 && lock.wait_until(changed_, until) == std::cv_status::no_timeout) {
  }
  shut_ = readers_ == 0;
  closing_ = false;
  if (!shut_) changed_.notify_all();
  return shut_;
}

void ReaderGate::open() {
  const MutexLock lock(mutex_);
  assert(shut_);
  shut_ = false;
  changed_.notify_all();
}

}  // namespace twinhub::storage
