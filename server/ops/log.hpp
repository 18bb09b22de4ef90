// The log: one line per event on standard error, as text or JSON. Tokens and keys never reach it.
//
// What peers sent (identities, names, topics, reasons) may stand in any message: the one formatter here shows every
// message as a single line that no terminal obeys (visible_text()), so that no caller has to think of it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace spdlog {
class formatter;
}

namespace twinhub::ops {

/// A longer message is cut, and ends with "...".
inline constexpr std::size_t log_message_bytes_max = 4096;

/// Of set_up_log()'s logger.
[[nodiscard]] std::unique_ptr<spdlog::formatter> make_log_formatter(bool json);

/// `level`: trace, debug, info, warn, error or off. Once, before threads start.
void set_up_log(const std::string& level, bool json);

/// The same for a log that is in use. Any thread.
void change_log(const std::string& level, bool json);
/// The level that lets through what either of the two does.
[[nodiscard]] std::string finer_level(const std::string& a, const std::string& b);

}  // namespace twinhub::ops
