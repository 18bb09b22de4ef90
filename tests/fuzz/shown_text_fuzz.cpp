// Any bytes on their way to a log, a terminal and the places of HTTP: one line stays one line, no terminal obeys it, no
// header begins another; and where the bytes were cut on their way to the terminal makes no difference.
#include "server/base/log.hpp"
#include "server/cli/terminal.hpp"
#include "server/net/http_text.hpp"
#include "server/ops/log.hpp"

#include "protocol/json/document.hpp"
#include "protocol/utf8.hpp"
#include "tests/support/cpp/strict_text.hpp"

#include "check.hpp"
#include "pieces.hpp"

#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>

namespace {

using namespace twinhub;
using twinhub::testing::a_terminal_only_shows;

std::string log_line(std::string_view message, bool json) {
  static const auto text_form = ops::make_log_formatter(false), json_form = ops::make_log_formatter(true);
  spdlog::memory_buf_t line;
  (json ? json_form : text_form)
      ->format(spdlog::details::log_msg("twinhub", spdlog::level::err, {message.data(), message.size()}), line);
  FUZZ_CHECK(line.size() > 0 && line[line.size() - 1] == '\n');
  return {line.data(), line.size() - 1};
}

/// A line in which every field has these bytes.
std::string line_with_fields(std::string_view bytes) {
  static std::ostringstream lines;
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("fields", std::make_shared<spdlog::sinks::ostream_sink_st>(lines));
    made->set_formatter(ops::make_log_formatter(true));
    spdlog::set_default_logger(made);
    return made;
  }();
  lines.str("");
  log::write(logger->level(),
             {.event = bytes,
              .device = bytes,
              .address = bytes,
              .transport = bytes,
              .reason = bytes,
              .code = bytes,
              .endpoint = bytes,
              .tracking_id = bytes},
             bytes);
  return lines.str();
}

void check_log(std::string_view bytes) {
  std::string with_fields = line_with_fields(bytes);
  FUZZ_CHECK(!with_fields.empty() && with_fields.back() == '\n');
  with_fields.pop_back();
  FUZZ_CHECK(a_terminal_only_shows(with_fields) && json::parse(with_fields));
  const std::string text = log_line(bytes, false), json = log_line(bytes, true);
  FUZZ_CHECK(a_terminal_only_shows(text) && a_terminal_only_shows(json));
  const auto parsed = json::parse(json);
  FUZZ_CHECK(parsed && text.ends_with(parsed->root().find("message")->string().value()));
}

std::string on_terminal(std::string_view bytes, std::string_view pieces) {
  std::ostringstream screen;
  {
    const cli::TerminalGuard guard(screen);
    for (std::size_t i = 0; !bytes.empty(); ++i) {
      const std::size_t piece =
          pieces.empty() ? bytes.size() : static_cast<std::uint8_t>(pieces[i % pieces.size()]) + std::size_t{1};
      screen << bytes.substr(0, piece);
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
  }
  return screen.str();
}

void check_terminal(std::string_view bytes, std::string_view pieces) {
  std::string shown = on_terminal(bytes, pieces);
  FUZZ_CHECK(shown == on_terminal(bytes, {}) && shown == cli::terminal_text(bytes));
  for (const char c : {'\n', '\t'}) {
    FUZZ_CHECK(std::count(shown.begin(), shown.end(), c) == std::count(bytes.begin(), bytes.end(), c));
    std::replace(shown.begin(), shown.end(), c, ' ');
  }
  FUZZ_CHECK(a_terminal_only_shows(shown));
  const std::string line = visible_text(bytes);
  FUZZ_CHECK(a_terminal_only_shows(line) && visible_text(line) == line);
}

void check_http(std::string_view bytes) {
  const std::string value = net::header_value(bytes), name = net::header_name(bytes),
                    target = net::request_target(bytes);
  FUZZ_CHECK(std::none_of(value.begin(), value.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }));
  FUZZ_CHECK(value.empty() || (value.front() != ' ' && value.back() != ' '));
  FUZZ_CHECK(net::header_value(value) == value);
  constexpr std::string_view no_token = "\"(),/:;<=>?@[\\]{}";
  FUZZ_CHECK(std::all_of(name.begin(), name.end(), [no_token](char c) {
    return c > 0x20 && c < 0x7F && no_token.find(c) == std::string_view::npos;
  }));
  FUZZ_CHECK(std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7F; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Pieces input(data, size);
  const std::string_view pieces = input.text(), bytes = input.rest();
  check_log(bytes);
  check_terminal(bytes, pieces);
  check_http(bytes);
  return 0;
}
