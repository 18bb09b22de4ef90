#include "server/management/arm/arm_names.hpp"

#include <algorithm>
#include <cstddef>

namespace twinhub::management {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool consists_of(std::string_view name, std::size_t least, std::size_t most, std::string_view others) {
  if (name.size() < least || name.size() > most) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter_or_digit(c) || others.find(c) != std::string_view::npos; });
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string folded(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool is_group_name(std::string_view name) { return consists_of(name, 1, 90, "_-.()") && name.back() != '.'; }
bool is_hub_name(std::string_view name) { return consists_of(name, 3, 50, "-") && name.back() != '-'; }
bool is_deployment_name(std::string_view name) { return consists_of(name, 1, 64, "-_.()"); }
bool is_policy_name(std::string_view name) { return consists_of(name, 1, 64, "-_."); }

std::string location_word(std::string_view location) {
  std::string word = folded(location);
  std::erase(word, ' ');
  return word;
}

std::string location_title(std::string_view location) {
  const std::string word = location_word(location);
  for (const Location& known : known_locations) {
    if (known.name == word) return std::string(known.title);
  }
  return std::string(location);
}

}  // namespace twinhub::management
