// AMQP 1.0 values from bytes of a stranger: bounded in depth and number, so that a few bytes cannot become megabytes.
// Strings and symbols are UTF-8 (a symbol should be ASCII; some clients write what their users gave them).
// Source: OASIS AMQP 1.0 part 1, section 1.6 ("Primitive Type Definitions").
#pragma once

#include "protocol/amqp/value.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace twinhub::amqp {

struct DecodeLimits {
  std::size_t values_max = 2048;  ///< in all, those inside others included
  unsigned depth_max = 16;
};

/// Reads one value after the other. After nullopt it is of no further use.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes, DecodeLimits limits = {})
      : rest_(bytes), values_left_(limits.values_max), depth_max_(limits.depth_max) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  /// nullopt: the bytes are no value, or break a limit.
  [[nodiscard]] std::optional<Value> next();
  /// Reads the descriptor of a described value, if it is a ulong: next() then reads what it describes. nullopt: the next
  /// value is another, and the decoder of no further use.
  [[nodiscard]] std::optional<std::uint64_t> descriptor();
  /// Reads past one value, checked as next() does, and makes nothing of it.
  [[nodiscard]] bool skip();

 private:
  // Each reads into a null value, and false leaves half of one there.
  [[nodiscard]] bool read(Value& into, unsigned depth);
  [[nodiscard]] bool primitive(Value& into, unsigned code, unsigned depth);
  [[nodiscard]] bool compound(Value& into, unsigned code, unsigned depth);
  [[nodiscard]] bool array(Value& into, unsigned code, unsigned depth);
  template <class Read>
  [[nodiscard]] static bool items(Value& into, std::uint64_t count, Read read);
  [[nodiscard]] bool number(std::uint64_t& into, std::size_t bytes);
  [[nodiscard]] bool take(std::string_view& into, std::size_t bytes);
  [[nodiscard]] bool size_and_count(std::size_t width, std::uint64_t& count, std::string_view& behind);
  [[nodiscard]] bool count_value();

  std::string_view rest_;
  std::size_t values_left_;
  unsigned depth_max_;
  unsigned next_depth_ = 0;  ///< of what next() reads
};

}  // namespace twinhub::amqp
