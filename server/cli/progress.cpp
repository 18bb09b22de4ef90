#include "server/cli/progress.hpp"

#include <unistd.h>
#include <cstdio>

namespace twinhub::cli {
namespace {

constexpr std::chrono::milliseconds between{200};
constexpr const char* erase_line = "\r\x1b[K";

/// Beside std::cerr, whose guard lets no escape pass.
void write(const std::string& text) { (void)std::fputs(text.c_str(), stderr); }

}  // namespace

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void Progress::show(const std::string& text) {
  const auto now = clock::now();
  if (!terminal_ || now - last_ < between) return;
  last_ = now;
  shown_ = true;
  write(std::string(erase_line) + text);
}

void Progress::clear() {
  if (shown_) write(erase_line);
  shown_ = false;
}

double Progress::seconds() const { return std::chrono::duration<double>(clock::now() - begin_).count(); }

}  // namespace twinhub::cli
