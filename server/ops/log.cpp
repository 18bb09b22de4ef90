#include "server/ops/log.hpp"

#include "protocol/utf8.hpp"
#include "server/base/log.hpp"
#include "server/notices/notice.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace twinhub::ops {
namespace {

constexpr std::size_t field_bytes_max = 512;

std::string shown(std::string_view message) {
  std::string line = visible_text(message.substr(0, log_message_bytes_max));
  if (message.size() > log_message_bytes_max) line += "...";
  return line;
}

std::string_view words_of(const spdlog::details::log_msg& message) {
  return {message.payload.data(), message.payload.size()};
}

/// As log.level names them.
std::string_view name_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    default:
      return "error";
  }
}

void append(spdlog::memory_buf_t& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

/// `text`: visible_text() of something.
void append_member(spdlog::memory_buf_t& out, std::string_view name, std::string_view text) {
  append(out, ",\"");
  append(out, name);
  append(out, "\":\"");
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

void append_field(spdlog::memory_buf_t& out, std::string_view name, std::string_view text,
                  notices::Says what = notices::Says::anything) {
  if (text.empty()) return;
  const std::string bare = notices::without_secrets(text.substr(0, log_message_bytes_max), what);
  append_member(out, name, notices::safe_text(bare, field_bytes_max));
}

void append_fields(spdlog::memory_buf_t& out, const log::About& about) {
  append_field(out, "event", about.event, notices::Says::id);
  append_field(out, "device", about.device, notices::Says::id);
  append_field(out, "address", about.address);
  append_field(out, "transport", about.transport);
  append_field(out, "reason", about.reason);
  append_field(out, "code", about.code);
  append_field(out, "endpoint", about.endpoint, notices::Says::id);
  append_field(out, "tracking_id", about.tracking_id);
  if (about.count > 0) append(out, ",\"count\":" + std::to_string(about.count));
}

/// Level and message as a line of text, whatever bytes peers have put into it.
class TextLine final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    append(out, name_of(message.level));
    out.push_back(' ');
    append(out, shown(words_of(message)));
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<TextLine>(); }
};

/// The members of a JSON object behind its first one.
class JsonMembers final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    append_member(out, "level", name_of(message.level));
    if (const log::About* const about = log::about()) append_fields(out, *about);
    append_member(out, "message", shown(words_of(message)));
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMembers>(); }
};

spdlog::level::level_enum level_of(const std::string& level) {
  return spdlog::level::from_str(level == "error" ? "err" : level);
}

}  // namespace

std::unique_ptr<spdlog::formatter> make_log_formatter(bool json) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<TextLine>('~').add_flag<JsonMembers>('*');
  formatter->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ"%*})" : "%Y-%m-%dT%H:%M:%S.%eZ %~");
  return formatter;
}

void set_up_log(const std::string& level, bool json) {
  auto logger = std::make_shared<spdlog::logger>("twinhub", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(make_log_formatter(json));
  logger->set_level(level_of(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void change_log(const std::string& level, bool json) {
  spdlog::default_logger()->set_formatter(make_log_formatter(json));
  spdlog::default_logger()->set_level(level_of(level));
}

std::string finer_level(const std::string& a, const std::string& b) { return level_of(a) < level_of(b) ? a : b; }

}  // namespace twinhub::ops
