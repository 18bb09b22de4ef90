// The kinds of settings: how the text of a number, text, choice or list becomes a member of Settings, and text again.
#pragma once

#include "config/settings.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace twinhub::config {

template <auto Member>
using MemberType = std::remove_reference_t<decltype(std::declval<Settings&>().*Member)>;

template <auto Member, std::uint64_t Min = 0, std::uint64_t Max = std::numeric_limits<MemberType<Member>>::max()>
void assign_number(Settings& settings, std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < Min || value > Max) {
    throw SettingsError("'" + std::string(text) + "' is not a whole number from " + std::to_string(Min) + " to " +
                        std::to_string(Max));
  }
  settings.*Member = static_cast<MemberType<Member>>(value);
}

template <auto Member>
std::string show_number(const Settings& settings) {
  return std::to_string(settings.*Member);
}

template <auto Member>
void assign_port(Settings& settings, std::string_view text) {
  Port& port = settings.*Member;
  port = 0;
  port.is_auto = text == "auto";
  if (port.is_auto) return;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > std::numeric_limits<std::uint16_t>::max())
    throw SettingsError("'" + std::string(text) + "' is neither a port from 1 to 65535, nor 0 or auto");
  port.number = static_cast<std::uint16_t>(value);
}

template <auto Member>
std::string show_port(const Settings& settings) {
  const Port& port = settings.*Member;
  return port.is_auto ? "\"auto\"" : std::to_string(port.number);
}

template <auto Member>
void assign_text(Settings& settings, std::string_view text) {
  settings.*Member = text;
}

inline std::string show_text_of(const std::string& text) { return '"' + text + '"'; }

template <auto Member>
std::string show_text(const Settings& settings) {
  return show_text_of(settings.*Member);
}

/// As people write it in the environment, too.
template <auto Member>
void assign_flag(Settings& settings, std::string_view text) {
  constexpr std::string_view yes[] = {"true", "1", "yes", "on"}, no[] = {"false", "0", "no", "off"};
  settings.*Member = std::find(std::begin(yes), std::end(yes), text) != std::end(yes);
  if (!(settings.*Member) && std::find(std::begin(no), std::end(no), text) == std::end(no))
    throw SettingsError("'" + std::string(text) + "' is neither true nor false (1, 0, yes, no, on and off will do)");
}

template <auto Member>
std::string show_flag(const Settings& settings) {
  return settings.*Member ? "true" : "false";
}

inline void check_one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return;
  std::string all;
  for (const std::string_view choice : choices) all += (all.empty() ? "" : ", ") + std::string(choice);
  throw SettingsError("'" + std::string(text) + "' is not one of: " + all);
}

template <auto Member>
void assign_list(Settings& settings, std::string_view text) {
  auto& list = settings.*Member;
  list.clear();
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) list.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

template <auto Member>
std::string show_list(const Settings& settings) {
  std::string out = "[";
  for (const auto& element : settings.*Member) out += (out.size() > 1 ? ", \"" : "\"") + element + '"';
  return out + "]";
}

}  // namespace twinhub::config
