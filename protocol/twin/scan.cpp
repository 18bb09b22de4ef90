#include "protocol/twin/scan.hpp"

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

}  // namespace

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
