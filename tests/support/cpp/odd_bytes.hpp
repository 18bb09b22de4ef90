// Bytes that are often nearly text: what random bytes seldom are.
#pragma once

#include <iterator>
#include <random>
#include <string>

namespace twinhub::testing {

/// Up to `pieces_max` characters, halves of characters, or what brokers, topics, terminals and JSON have a meaning for.
inline std::string odd_bytes(std::mt19937& random, unsigned pieces_max = 40) {
  static const std::string pieces[] = {std::string(1, '\0'),
                                       "\x01",
                                       "\x1B",
                                       "\x7F",
                                       "\xC2\x80",
                                       "\xC2\x9F",
                                       "\xEF\xBF\xBF",
                                       "\xEF\xBF\xBE",
                                       "\xF4\x8F\xBF\xBF",
                                       "\xF0\x9F\xBF\xBE",
                                       "\xEF\xB7\x90",
                                       "\xED\xA0\x80",
                                       "\xC0\x80",
                                       "\xE0\x80",
                                       "\xF5\x80\x80\x80",
                                       "\xFF",
                                       "/",
                                       "$",
                                       "+",
                                       "#",
                                       "%",
                                       "a",
                                       "\xC3\xA9",
                                       "\xF0\x9F\x98\x80",
                                       "\r\n",
                                       "\xE2\x80\xAE",
                                       "\"",
                                       "\\"};
  std::string text;
  for (auto n = random() % pieces_max; n > 0; --n) {
    text += random() % 4 == 0 ? std::string(1, static_cast<char>(random())) : pieces[random() % std::size(pieces)];
  }
  return text;
}

}  // namespace twinhub::testing
