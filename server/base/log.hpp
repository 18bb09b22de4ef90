// The log's lines as data: what a line is about stands in fields of its own, and in words for people beside them. Whoever
// has to write a line does it by the functions here; how it looks is the formatter's matter (server/ops/log.hpp).
#pragma once

#include <spdlog/spdlog.h>
#include <cstdint>
#include <string_view>
#include <utility>

namespace twinhub::log {

using Level = spdlog::level::level_enum;

/// Fields of a line, of which those that are empty are left out. All may be foreign: they are made safe where they are
/// written. Never a key, a token or a password.
struct About {
  std::string_view event;             ///< the kind of line: "connection_refused"; readers match it, so it stays
  std::string_view device = {};       ///< "pump-7"; of a module "pump-7/camera"
  std::string_view address = {};      ///< the peer's, with its port where it is known
  std::string_view transport = {};    ///< "mqtts", "amqp-wss" ...
  std::string_view reason = {};       ///< a name out of a list, not words
  std::string_view code = {};         ///< what the peer was told: "CONNACK 5", "401"
  std::string_view endpoint = {};     ///< its name in the settings
  std::string_view tracking_id = {};  ///< that the peer was given
  std::uint64_t count = 0;            ///< of what the line is about; 0 = not told
};

/// What the line is about that this thread writes just now; for formatters. nullptr: that is not known.
[[nodiscard]] const About* about();

void write(Level level, const About& about, std::string_view words);

template <class... Args>
void write_format(Level level, const About& about, fmt::format_string<Args...> format, Args&&... args) {
  if (spdlog::should_log(level)) write(level, about, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void debug(const About& about, fmt::format_string<Args...> format, Args&&... args) {
  write_format(Level::debug, about, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(const About& about, fmt::format_string<Args...> format, Args&&... args) {
  write_format(Level::info, about, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(const About& about, fmt::format_string<Args...> format, Args&&... args) {
  write_format(Level::warn, about, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(const About& about, fmt::format_string<Args...> format, Args&&... args) {
  write_format(Level::err, about, format, std::forward<Args>(args)...);
}

}  // namespace twinhub::log
