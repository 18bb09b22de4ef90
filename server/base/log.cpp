#include "server/base/log.hpp"

namespace twinhub::log {
namespace {

// Sinks work on the thread that writes the line, so the formatter finds here what spdlog has no place for.
thread_local const About* current = nullptr;

}  // namespace

const About* about() { return current; }

void write(Level level, const About& about, std::string_view words) {
  current = &about;
  spdlog::default_logger_raw()->log(level, spdlog::string_view_t(words.data(), words.size()));
  current = nullptr;
}

}  // namespace twinhub::log
