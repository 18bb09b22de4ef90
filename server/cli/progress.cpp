#include "server/cli/progress.hpp"

#include <unistd.h>
#include <iostream>

namespace twinhub::cli {
namespace {

constexpr std::chrono::milliseconds between{200};
constexpr const char* erase_line = "\r\x1b[K";

}  // namespace

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void Progress::show(const std::string& text) {
  const auto now = clock::now();
  if (!terminal_ || now - last_ < between) return;
  last_ = now;
  shown_ = true;
  std::cerr << erase_line << text << std::flush;
}

void Progress::clear() {
  if (shown_) std::cerr << erase_line << std::flush;
  shown_ = false;
}

double Progress::seconds() const { return std::chrono::duration<double>(clock::now() - begin_).count(); }

}  // namespace twinhub::cli
