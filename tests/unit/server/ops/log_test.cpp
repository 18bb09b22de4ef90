// Any bytes in a message: one line, that no terminal obeys, in both forms.
#include "server/ops/log.hpp"

#include "protocol/json/document.hpp"
#include "protocol/utf8.hpp"
#include "server/base/log.hpp"

#include <gtest/gtest.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <algorithm>
#include <random>
#include <sstream>

namespace twinhub::ops {
namespace {

std::string line_of(const std::string& message, bool json) {
  spdlog::memory_buf_t line;
  const auto formatter = make_log_formatter(json);
  formatter->format(spdlog::details::log_msg("twinhub", spdlog::level::warn, message), line);
  return {line.data(), line.size()};
}

std::string text_of(const std::string& message) {
  const std::string line = line_of(message, false);
  constexpr std::string_view before = " warn ";
  const std::size_t at = line.find(before);
  return at == std::string::npos || line.back() != '\n'
             ? "no line"
             : line.substr(at + before.size(), line.size() - 1 - at - before.size());
}

std::string json_message_of(const std::string& message) {
  const std::string line = line_of(message, true);
  const auto document = json::parse(line);
  const auto member = document ? document->root().find("message") : std::nullopt;
  return member ? member->string().value_or("no text") : "no JSON: " + line;
}

TEST(Log, AMessageThatPeersHaveWrittenIsOneLine) {
  const std::string forged = "device 'a\nforged \x1B]0;x\x07\u009B\xFF'";
  EXPECT_EQ(text_of(forged), "device 'a\\u000aforged \\u001b]0;x\\u0007\\u009b\uFFFD'");
  EXPECT_EQ(json_message_of(forged), "device 'a\\u000aforged \\u001b]0;x\\u0007\\u009b\uFFFD'");
  EXPECT_EQ(text_of("plain, für 漢 \"\\\""), "plain, für 漢 \"\\\"");
  EXPECT_EQ(json_message_of("plain, für 漢 \"\\\""), "plain, für 漢 \"\\\"");
}

TEST(Log, AnyBytesAreOneLineInBothForms) {
  std::mt19937 random(5);
  for (int i = 0; i < 5'000; ++i) {
    std::string message;
    for (auto left = random() % 60; left > 0; --left) message += static_cast<char>(random());
    const std::string text = text_of(message);
    ASSERT_EQ(json_message_of(message), text);
    ASSERT_EQ(visible_text(text), text);
    ASSERT_EQ(text.find('\n'), std::string::npos);
  }
}

TEST(Log, AMessageIsCut) {
  EXPECT_EQ(text_of(std::string(log_message_bytes_max, 'x')), std::string(log_message_bytes_max, 'x'));
  EXPECT_EQ(text_of(std::string(1'000'000, 'x')), std::string(log_message_bytes_max, 'x') + "...");
  EXPECT_LE(line_of(std::string(1'000'000, '\x1B'), true).size(), 7 * log_message_bytes_max + 200);
}

/// What the log writes while it lives.
class LogText {
 public:
  explicit LogText(bool json) : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
    logger->set_formatter(make_log_formatter(json));
    spdlog::set_default_logger(logger);
  }
  ~LogText() { spdlog::set_default_logger(before_); }
  LogText(const LogText&) = delete;
  LogText& operator=(const LogText&) = delete;

  [[nodiscard]] std::string take() {
    std::string text = text_.str();
    text_.str("");
    return text;
  }
  /// "" when the line has no such member.
  [[nodiscard]] std::string take_member(const std::string& name) {
    const std::string line = take();
    const auto document = json::parse(line);
    EXPECT_TRUE(document) << line;
    const auto member = document ? document->root().find(name) : std::nullopt;
    return member ? member->string().value_or("") : "";
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST(Log, FieldsStandBesideTheWords) {
  LogText log(true);
  log::warn({.event = "connection_refused",
             .device = "pump-7",
             .address = "10.0.3.7:51234",
             .transport = "mqtts",
             .reason = "signature_mismatch",
             .code = "CONNACK 5",
             .tracking_id = "0123456789ABCDEF0123456789ABCDEF-G:0-TimeStamp:11/29/2026 07:54:06",
             .count = 41},
            "refused: {}", "pump-7");
  const std::string line = log.take();
  EXPECT_NE(line.find(R"(Z","level":"warn","event":"connection_refused","device":"pump-7","address":"10.0.3.7:51234",)"
                      R"("transport":"mqtts","reason":"signature_mismatch","code":"CONNACK 5",)"
                      R"("tracking_id":"0123456789ABCDEF0123456789ABCDEF-G:0-TimeStamp:11/29/2026 07:54:06",)"
                      R"("count":41,"message":"refused: pump-7"})"),
            std::string::npos)
      << line;
  log::info({.event = "stopped"}, "stopped");
  EXPECT_NE(log.take().find(R"("level":"info","event":"stopped","message":"stopped"})"), std::string::npos)
      << "fields that are empty are left out, and those of an earlier line are gone";
  spdlog::error("of a library");
  EXPECT_NE(log.take().find(R"("level":"error","message":"of a library"})"), std::string::npos);
}

TEST(Log, TextHasTheWordsAlone) {
  LogText log(false);
  log::warn({.event = "clock_set", .device = "d"}, "the clock");
  EXPECT_TRUE(log.take().ends_with("Z warn the clock\n"));
}

TEST(Log, AnyBytesInAFieldAreJson) {
  LogText log(true);
  std::mt19937 random(7);
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes;
    for (auto left = random() % 60; left > 0; --left) bytes += static_cast<char>(random());
    log::warn({.event = "e", .device = bytes, .address = bytes, .reason = bytes, .endpoint = bytes}, "{}", bytes);
    const std::string line = log.take();
    ASSERT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    const auto document = json::parse(line);
    ASSERT_TRUE(document) << line;
    ASSERT_EQ(document->root().find("device").has_value(), !bytes.empty()) << line;
  }
  log::warn({.event = "e", .device = std::string(1'000'000, '\x1B')}, "x");
  EXPECT_LE(log.take().size(), 800U);
}

TEST(Log, AFieldShowsNoSecret) {
  LogText log(true);
  const std::string token =
      "SharedAccessSignature sr=hub&sig=Jx5Ps7dFQvB3K1mGZ0rW9uYh2TnLcXeAa4Vb6iOqDk%3D&se=1900000000";
  for (const std::string& secret : {token, std::string("Jx5Ps7dFQvB3K1mGZ0rW9uYh2TnLcXeAa4Vb6iOqDk=")}) {
    log::warn({.event = "e", .device = secret}, "x");
    EXPECT_EQ(log.take_member("device").find("Jx5Ps7"), std::string::npos);
    log::warn({.event = "e", .reason = secret}, "x");
    EXPECT_EQ(log.take_member("reason").find("Jx5Ps7"), std::string::npos);
  }
}

}  // namespace
}  // namespace twinhub::ops
