// The way to the terminal: nothing that a device wrote moves a cursor, sets a title or forges a line.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace twinhub::cli {

/// Lines for a terminal: line ends and tabs stay, other control characters become \u00xx (see visible_text()).
/// What must be one line goes through visible_text() itself.
[[nodiscard]] std::string terminal_text(std::string_view text);

/// While it lives, all that is written to `out` goes through terminal_text(), whoever writes. One thread.
class TerminalGuard {
 public:
  explicit TerminalGuard(std::ostream& out);
  ~TerminalGuard();
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;

 private:
  class Buffer;
  std::ostream& out_;
  std::unique_ptr<Buffer> buffer_;
};

}  // namespace twinhub::cli
