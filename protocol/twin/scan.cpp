#include "protocol/twin/scan.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace twinhub::twin {
namespace {

constexpr std::uint32_t number_bytes = 8;
constexpr std::uint32_t boolean_bytes = 4;

const char* end_of_literal(const char* at) {
  while (*at != ',' && *at != '}' && *at != ']' && *at != '\0') ++at;
  return at;
}

Extent measure_leaf(const char* begin) {
  if (*begin == '"') {
    const char* quote = end_of_string(begin + 1);
    return {quote + 1, 1, string_size({begin + 1, static_cast<std::size_t>(quote - begin - 1)})};
  }
  const char* end = end_of_literal(begin);
  if (*begin == 't' || *begin == 'f') return {end, 1, boolean_bytes};
  return {end, 1, *begin == 'n' ? 0 : number_bytes};
}

Extent measure_array(const char* begin) {
  Extent whole{begin + 1, 1, 0};
  while (*whole.end != ']') {
    if (*whole.end == ',') ++whole.end;
    const Extent element = measure(whole.end);
    whole.end = element.end;
    whole.size_bytes += element.size_bytes;
  }
  ++whole.end;
  return whole;
}

Extent measure_object(const char* begin) {
  Extent whole{begin + 1, 1, 0};
  while (*whole.end != '}') {
    if (*whole.end == ',') ++whole.end;
    const char* key = whole.end + 1;
    const char* quote = end_of_string(key);
    const Extent member = measure(quote + 2);
    whole.end = member.end;
    whole.stamps += member.stamps;
    whole.size_bytes += string_size({key, static_cast<std::size_t>(quote - key)}) + member.size_bytes;
  }
  ++whole.end;
  return whole;
}

constexpr std::size_t block_bytes = 64;

/// Which of 64 bytes are which: bit i stands for byte i.
struct BlockBits {
  std::uint64_t quotes = 0;
  std::uint64_t backslashes = 0;
  std::uint64_t colons = 0;
  std::uint64_t opening = 0;   ///< { and [
  std::uint64_t closing = 0;   ///< } and ]
  std::uint64_t brackets = 0;  ///< [ alone
};

#if defined(__SSE2__)
std::uint64_t bits_where(__m128i bytes, char wanted) {
  return static_cast<std::uint16_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted))));
}

BlockBits classify(const char* block) {
  BlockBits bits;
  for (unsigned shift = 0; shift < block_bytes; shift += 16) {
    __m128i bytes;
    std::memcpy(&bytes, block + shift, sizeof bytes);
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));  // '[' becomes '{', ']' becomes '}'
    bits.quotes |= bits_where(bytes, '"') << shift;
    bits.backslashes |= bits_where(bytes, '\\') << shift;
    bits.colons |= bits_where(bytes, ':') << shift;
    bits.opening |= bits_where(folded, '{') << shift;
    bits.closing |= bits_where(folded, '}') << shift;
    bits.brackets |= bits_where(bytes, '[') << shift;
  }
  return bits;
}
#else
BlockBits classify(const char* block) {
  BlockBits bits;
  for (unsigned i = 0; i < block_bytes; ++i) {
    const char c = block[i];
    const std::uint64_t bit = std::uint64_t{1} << i;
    if (c == '"') bits.quotes |= bit;
    if (c == '\\') bits.backslashes |= bit;
    if (c == ':') bits.colons |= bit;
    if (c == '{' || c == '[') bits.opening |= bit;
    if (c == '}' || c == ']') bits.closing |= bit;
    if (c == '[') bits.brackets |= bit;
  }
  return bits;
}
#endif

/// Bit i is set when an odd number of bits 0 to i are: between quotes, the opening one included.
std::uint64_t between(std::uint64_t quotes) {
  for (unsigned step = 1; step < block_bytes; step *= 2) quotes ^= quotes << step;
  return quotes;
}

/// Walks to the end of an object and counts the stamps on its way: one for itself and one for each member, those inside
/// arrays excepted.
class ObjectSkipper {
 public:
  /// `begin` behind the opening brace.
  ObjectSkipper(const char* begin, const char* limit) : at_(begin), limit_(limit) {}

  Extent run() {
    while (depth_ > 0) {
      const auto left = static_cast<std::size_t>(limit_ - at_);
      if (left >= block_bytes && take_block()) continue;
      for (const char* end = at_ + std::min(left, block_bytes); depth_ > 0 && at_ < end;) take_byte();
    }
    return {at_, stamps_, 0};
  }

 private:
  /// False: the block has an escape or an array, which is read byte by byte.
  bool take_block() {
    const BlockBits bits = classify(at_);
    if (bits.backslashes != 0) return false;
    const std::uint64_t strings = between(bits.quotes) ^ (in_string_ ? ~std::uint64_t{0} : 0);
    if ((bits.brackets & ~strings) != 0 || array_depth_ > 0) return false;
    const auto closing = static_cast<std::uint32_t>(std::popcount(bits.closing & ~strings));
    if (closing >= depth_ && ends_within(bits, strings)) return true;
    depth_ += static_cast<std::uint32_t>(std::popcount(bits.opening & ~strings)) - closing;
    stamps_ += static_cast<std::uint32_t>(std::popcount(bits.colons & ~strings));
    in_string_ = (strings >> (block_bytes - 1)) != 0;
    at_ += block_bytes;
    return true;
  }

  /// True: the object's end is in this block, and `at_` stands behind it.
  bool ends_within(const BlockBits& bits, std::uint64_t strings) {
    std::uint32_t depth = depth_;
    for (std::uint64_t braces = (bits.opening | bits.closing) & ~strings; braces != 0; braces &= braces - 1) {
      const std::uint64_t lowest = braces & (~braces + 1);
      depth += (bits.opening & lowest) != 0 ? 1U : ~0U;
      if (depth > 0) continue;
      depth_ = 0;
      stamps_ += static_cast<std::uint32_t>(std::popcount(bits.colons & ~strings & (lowest - 1)));
      at_ += std::countr_zero(lowest) + 1;
      return true;
    }
    return false;
  }

  /// One string to its end, or one character outside of strings.
  void take_byte() {
    if (in_string_) {
      at_ = end_of_string(at_) + 1;
      in_string_ = false;
      return;
    }
    const char c = *at_++;
    if (c == '"') {
      at_ = end_of_string(at_) + 1;
    } else if (c == '{' || c == '[') {
      ++depth_;
      if (c == '[' || array_depth_ > 0) ++array_depth_;
    } else if (c == '}' || c == ']') {
      --depth_;
      if (array_depth_ > 0) --array_depth_;
    } else if (c == ':' && array_depth_ == 0) {
      ++stamps_;
    }
  }

  const char* at_;
  const char* limit_;
  std::uint32_t depth_ = 1;        // open objects and arrays
  std::uint32_t array_depth_ = 0;  // of these, from the outermost array on
  std::uint32_t stamps_ = 1;
  bool in_string_ = false;
};

}  // namespace

Extent skip(const char* begin, const char* limit) {
  if (*begin == '{') return ObjectSkipper(begin + 1, limit).run();
  Extent whole = measure(begin);
  whole.size_bytes = 0;
  return whole;
}

Extent skip_rest(const char* begin, const char* limit) {
  Extent rest = ObjectSkipper(begin, limit).run();
  --rest.stamps;  // the object's own
  return rest;
}

Extent measure(const char* begin) {
  if (*begin == '{') return measure_object(begin);
  if (*begin == '[') return measure_array(begin);
  return measure_leaf(begin);
}

const char* end_of_string(const char* begin) {
  while (*begin != '"') begin += *begin == '\\' ? 2 : 1;
  return begin;
}

std::uint32_t string_size(std::string_view escaped) {
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const auto byte = static_cast<unsigned char>(escaped[i]);
    if (byte == '\\') {
      ++i;  // canonical escapes: \" and \\ stand for one byte, all others for control characters
      if (escaped[i] == '"' || escaped[i] == '\\') ++size;
      if (escaped[i] == 'u') i += 4;
    } else if (byte == 0xC2 && i + 1 < escaped.size() && static_cast<unsigned char>(escaped[i + 1]) < 0xA0) {
      ++i;  // C1
    } else {
      ++size;
    }
  }
  return size;
}

}  // namespace twinhub::twin
