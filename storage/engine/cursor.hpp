// A walk through one family in key order.
#pragma once

#include "protocol/error.hpp"

#include <cassert>
#include <string_view>

namespace twinhub::storage {

/// Shows one moment, whatever is committed meanwhile. One thread. Stands nowhere until the first seek.
///
/// An engine that cannot be read makes the walk end early: look at status() behind every loop.
class Cursor {
 public:
  Cursor() = default;
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  virtual ~Cursor() = default;

  /// To the first key that is not smaller than `key`.
  virtual void seek(std::string_view key) = 0;
  /// To the last key that is not larger than `key`.
  virtual void seek_at_or_before(std::string_view key) = 0;
  /// REQUIRES: valid().
  virtual void next() = 0;

  /// False: behind the last key (before the first one), or an Error; see status().
  [[nodiscard]] bool valid() const { return valid_; }
  /// Good until the cursor moves. REQUIRES: valid().
  [[nodiscard]] std::string_view key() const {
    assert(valid_);
    return key_;
  }
  /// As key().
  [[nodiscard]] std::string_view value() const {
    assert(valid_);
    return value_;
  }

  /// Errors: service_unavailable.
  [[nodiscard]] virtual Result<void> status() const = 0;

 protected:
  // The engine says where the cursor stands: asking for it then costs no virtual call.
  void stand_at(std::string_view key, std::string_view value) {
    valid_ = true;
    key_ = key;
    value_ = value;
  }
  void stand_nowhere() { valid_ = false; }

 private:
  bool valid_ = false;
  std::string_view key_, value_;
};

}  // namespace twinhub::storage
