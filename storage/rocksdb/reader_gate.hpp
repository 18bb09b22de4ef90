// Lets RocksDB be closed and opened again under the feet of its readers.
#pragma once

#include "storage/guarded.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>

namespace twinhub::storage {

/// Lets readers in while the database is open, and one thread close it when nobody reads. Any thread.
///
/// A thread that already reads (a scan whose visitor reads a record) is let in even while the gate is closing: it would
/// wait for itself.
class ReaderGate {
 public:
  void enter();
  /// REQUIRES: this thread has entered.
  void leave();
  /// Keeps new readers waiting until those inside have left, for at most `patience`. False: somebody still reads, the
  /// gate is open again.
  [[nodiscard]] bool shut(std::chrono::milliseconds patience);
  /// REQUIRES: it was shut.
  void open();

 private:
  Mutex mutex_;
  std::condition_variable changed_;
  std::size_t readers_ GUARDED_BY(mutex_) = 0;
  bool closing_ GUARDED_BY(mutex_) = false;
  bool shut_ GUARDED_BY(mutex_) = false;
};

}  // namespace twinhub::storage
