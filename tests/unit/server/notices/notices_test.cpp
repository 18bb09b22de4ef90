// What is kept of refusals and ends, how much, and what of it is written to the log.
#include "server/notices/notices.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <algorithm>
#include <chrono>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace twinhub::notices {
namespace {

using namespace std::chrono_literals;

/// The log's lines while it lives.
class LogLines {
 public:
  LogLines() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
    logger->set_level(spdlog::level::info);
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(logger);
  }
  ~LogLines() { spdlog::set_default_logger(before_); }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  [[nodiscard]] std::string text() const { return text_.str(); }
  [[nodiscard]] std::size_t count() const {
    const std::string lines = text();
    return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

Way from(const std::string& address, std::uint16_t port = 1000) {
  return {.protocol = "mqtt", .address = address, .port = port, .party = address, .tls = true};
}

Happening wrong_key(std::string_view id) {
  return {.stage = Stage::connect, .reason = Reason::signature_mismatch, .id = id, .code = "CONNACK 5"};
}

const Notices::Clock::time_point start = Notices::Clock::time_point() + 1h;

TEST(ConnectionLines, AllThatComeAndGoHaveTheirLines) {
  LogLines log;
  Notices notices({.lines = ConnectionLines::all, .lines_per_minute_max = 2});
  EXPECT_TRUE(notices.takes(Kind::connected));
  for (int i = 0; i < 5; ++i) {
    const std::string id = "d" + std::to_string(i);
    notices.note({.kind = Kind::connected, .id = id}, from("10.0.3.7", 51234), start);
    notices.note({.reason = Reason::disconnect, .kind = Kind::ended, .id = id}, from("10.0.3.7", 51234), start);
  }
  EXPECT_EQ(log.count(), 10U) << log.text();
  EXPECT_TRUE(log.text().starts_with("info connected: d0, 10.0.3.7:51234, mqtts\ninfo ended: d0, ")) << log.text();
  EXPECT_EQ(notices.find({}).notices.size(), 5U) << "a connection that begins is no notice";
  for (int i = 0; i < 5; ++i) notices.note(wrong_key("e" + std::to_string(i)), from("10.0.3.7"), start);
  EXPECT_EQ(log.count(), 12U) << "refusals have their bound";
}

TEST(ConnectionLines, NoneHaveOneAndAllAreKeptAndCounted) {
  LogLines log;
  Notices notices({.lines = ConnectionLines::none});
  EXPECT_FALSE(notices.takes(Kind::connected));
  notices.note({.kind = Kind::connected, .id = "d"}, from("10.0.3.7"), start);
  for (int i = 0; i < 3; ++i) notices.note(wrong_key("d"), from("10.0.3.7"), start);
  notices.tick(start + 2min);
  EXPECT_EQ(log.text(), "");
  EXPECT_EQ(notices.find({}).notices.size(), 1U);
  EXPECT_EQ(notices.figures().refused[static_cast<std::size_t>(Reason::signature_mismatch)], 3U);
}

class NoticesTest : public ::testing::Test {
 protected:
  LogLines log_;
  Notices notices_;
};

TEST_F(NoticesTest, ANoticeHoldsWhoFromWhereAndWhy) {
  Way way = from("10.0.3.7", 51234);
  way.sni = "hub.plant";
  notices_.note({.stage = Stage::connect,
                 .reason = Reason::token_expired,
                 .id = "pump-7",
                 .code = "CONNACK 5",
                 .detail = "3 h ago"},
                way, start);
  const auto found = notices_.find({});
  ASSERT_EQ(found.notices.size(), 1U);
  const Notice& notice = found.notices.front();
  EXPECT_EQ(notice.id, "pump-7");
  EXPECT_EQ(notice.address, "10.0.3.7:51234");
  EXPECT_EQ(notice.transport, "mqtts");
  EXPECT_EQ(notice.sni, "hub.plant");
  EXPECT_EQ(notice.code, "CONNACK 5");
  EXPECT_EQ(notice.detail, "3 h ago");
  EXPECT_EQ(notice.reason, Reason::token_expired);
  EXPECT_EQ(notice.kind, Kind::refused);
  EXPECT_EQ(notice.stage, Stage::connect);
  EXPECT_GT(notice.first.ticks, unix_epoch_ticks);
  EXPECT_EQ(log_.count(), 1U);
  EXPECT_TRUE(log_.text().starts_with("warning refused: pump-7, 10.0.3.7:51234, mqtts: token_expired (CONNACK 5): "))
      << log_.text();
}

TEST_F(NoticesTest, AnAddressOfIPv6HasItsPortBehindBrackets) {
  notices_.note(wrong_key("d"), from("fe80::1", 5), start);
  EXPECT_EQ(notices_.find({}).notices.front().address, "[fe80::1]:5");
}

TEST_F(NoticesTest, AlikeOnesOfAMinuteAreOneNoticeAndTwoLines) {
  for (int i = 0; i < 42; ++i)
    notices_.note(wrong_key("pump-7"), from("10.0.3.7", static_cast<std::uint16_t>(1000 + i)), start + i * 1s);
  ASSERT_EQ(notices_.find({}).notices.size(), 1U);
  EXPECT_EQ(notices_.find({}).notices.front().count, 42U);
  EXPECT_EQ(notices_.find({}).notices.front().address, "10.0.3.7:1041");
  EXPECT_EQ(log_.count(), 1U);
  notices_.tick(start + 59s);
  EXPECT_EQ(log_.count(), 1U) << "the minute is not over";
  notices_.tick(start + 60s);
  EXPECT_EQ(log_.count(), 2U);
  EXPECT_NE(log_.text().find("refused: pump-7: signature_mismatch: 41 more within a minute"), std::string::npos)
      << log_.text();
  notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start + 61s);
  EXPECT_EQ(notices_.find({}).notices.size(), 2U) << "of another minute";
}

TEST_F(NoticesTest, ARepetitionShowsWhatWasSaidLast) {
  Happening what = wrong_key("pump-7");
  for (const char* detail : {"first", "second, which is longer by far than the first one was", "last"}) {
    what.detail = detail;
    notices_.note(what, from("10.0.3.7"), start);
  }
  ASSERT_EQ(notices_.find({}).notices.size(), 1U);
  EXPECT_EQ(notices_.find({}).notices.front().detail, "last");
}

TEST_F(NoticesTest, PeersThatNameNobodyAreToldApartByTheNameThatTheyDialled) {
  for (const std::string_view name : {"hub.plant", "gateway.plant", "hub.plant"}) {
    Way way = from("10.0.3.7");
    way.sni = name;
    notices_.note({.stage = Stage::tls, .reason = Reason::certificate_rejected}, way, start);
  }
  EXPECT_EQ(notices_.find({}).notices.size(), 2U);
}

TEST_F(NoticesTest, OneIdFromTwoAddressesIsTwoNoticesAndOneLine) {
  notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start);
  notices_.note(wrong_key("pump-7"), from("10.0.3.9"), start);
  EXPECT_EQ(notices_.find({}).notices.size(), 2U);
  EXPECT_EQ(log_.count(), 1U);
}

TEST_F(NoticesTest, EachRefusalAndEachEndIsCountedByItsReason) {
  for (int i = 0; i < 3; ++i) notices_.note(wrong_key("d"), from("10.0.3.7"), start);
  notices_.note({.reason = Reason::peer_closed, .kind = Kind::ended, .id = "d"}, from("10.0.3.7"), start);
  const auto now = notices_.figures();
  EXPECT_EQ(now.refused[static_cast<std::size_t>(Reason::signature_mismatch)], 3U);
  EXPECT_EQ(now.refused[static_cast<std::size_t>(Reason::peer_closed)], 0U);
  EXPECT_EQ(now.ended[static_cast<std::size_t>(Reason::peer_closed)], 1U);
}

TEST_F(NoticesTest, OrdinaryEndsAreNoLinesAndPushNoRefusalOut) {
  notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start);
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = "device-" + std::to_string(i);
    notices_.note({.reason = Reason::disconnect, .kind = Kind::ended, .id = id}, from("10.0.4.1"), start + i * 10ms);
  }
  EXPECT_EQ(notices_.find({.device = "pump-7"}).notices.size(), 1U);
  EXPECT_EQ(notices_.find({.device = "device-19999"}).notices.size(), 1U);
  EXPECT_EQ(notices_.find({.device = "device-0"}).notices.size(), 0U) << "the oldest go";
  EXPECT_EQ(log_.text().find("device-"), std::string::npos);
}

TEST_F(NoticesTest, AFloodOfOneIdWritesTwoLinesAMinuteAndIsOneNotice) {
  for (int i = 0; i < 20'000; ++i) notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start);
  notices_.tick(start + 60s);
  EXPECT_EQ(log_.count(), 2U);
  EXPECT_EQ(notices_.find({}).notices.front().count, 20'000U);
}

TEST_F(NoticesTest, AFloodOfInventedIdsFromOneAddressIsBoundedInLinesAndBytes) {
  const NoticesOptions bounds;
  notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start);
  const std::string long_text(2'000, 'x');
  for (int i = 0; i < 3'000; ++i) {
    Happening what = wrong_key("");
    const std::string id = std::to_string(i) + long_text;
    what.id = id;
    what.detail = long_text;
    notices_.note(what, from("10.0.6.6"), start);
  }
  notices_.tick(start + 60s);
  EXPECT_LE(log_.count(), bounds.lines_per_party_max + 2);
  const auto now = notices_.figures();
  EXPECT_LE(now.bytes, bounds.ring_bytes_max / 4);
  EXPECT_EQ(now.refused[static_cast<std::size_t>(Reason::signature_mismatch)], 3'001U);
  EXPECT_GT(now.left_out, 3'000U - bounds.alike_per_party_max);
  notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start + 61s);
  EXPECT_EQ(notices_.find({.device = "pump-7"}).notices.size(), 2U) << "others are heard, before and after";
}

TEST_F(NoticesTest, AFloodOfShortInventedIdsEachTwiceIsBoundedInNumberAndLines) {
  const NoticesOptions bounds{.ring_bytes_max = 16 << 20};  // what the address has room for is not the bound here
  Notices notices(bounds);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3'000; ++i) notices.note(wrong_key(std::to_string(i)), from("10.0.6.6"), start);
  }
  EXPECT_EQ(log_.count(), bounds.lines_per_party_max);
  notices.note(wrong_key("pump-7"), from("10.0.3.7"), start);
  EXPECT_EQ(log_.count(), bounds.lines_per_party_max + 1) << "others get their line";
  EXPECT_EQ(notices.find({.limit = 10'000}).notices.size(), bounds.alike_per_party_max + 1);
}

TEST_F(NoticesTest, AFleetThatLeavesDoesNotKeepAlikeRefusalsApart) {
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = "device-" + std::to_string(i);
    notices_.note({.reason = Reason::peer_closed, .kind = Kind::ended, .id = id}, from("10.0.4.1"), start);
  }
  for (int i = 0; i < 100; ++i) notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start);
  ASSERT_EQ(notices_.find({.device = "pump-7"}).notices.size(), 1U);
  EXPECT_EQ(notices_.find({.device = "pump-7"}).notices.front().count, 100U);
}

TEST_F(NoticesTest, AFloodFromManyAddressesIsBoundedInLinesAndBytes) {
  const NoticesOptions bounds;
  for (int i = 0; i < 10'000; ++i)
    notices_.note(wrong_key("d" + std::to_string(i)), from("a" + std::to_string(i)), start);
  const auto now = notices_.figures();
  EXPECT_LE(now.bytes, bounds.ring_bytes_max);
  EXPECT_LE(now.alike, bounds.alike_max);
  notices_.tick(start + 60s);
  EXPECT_LE(log_.count(), bounds.lines_per_minute_max + 1);
}

TEST_F(NoticesTest, ForeignBytesAreShownAndNotObeyed) {
  notices_.note(
      {.reason = Reason::bad_user_name, .id = "\x1b]0;owned\x07", .detail = "line\nfeed \xff \xe2\x80\xae turned"},
      from("10.0.3.7"), start);
  const Notice notice = notices_.find({}).notices.front();
  EXPECT_EQ(notice.id, "\\u001b]0;owned\\u0007");
  EXPECT_EQ(notice.detail, "line\\u000afeed \xef\xbf\xbd \\u202e turned");
  EXPECT_EQ(log_.count(), 1U);
}

TEST_F(NoticesTest, LongTextsAreCutBetweenCharacters) {
  const std::string text = safe_text("aaaa\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 10);
  EXPECT_EQ(text, "aaaa\xc3\xa4...");
}

TEST_F(NoticesTest, WhatLooksLikeASecretIsHidden) {
  const std::string key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
  for (const std::string& text : std::vector<std::string>{
           "HostName=h;DeviceId=d;SharedAccessKey=" + key, "SharedAccessSignature sr=h&sig=abc%3D&se=1", key,
           "h/d?sig=" + key, std::string("Authorization: Bearer abcdefg")}) {
    notices_.note({.reason = Reason::bad_user_name, .id = text, .detail = "It is '" + text + "'."}, from("10.0.3.7"),
                  start);
  }
  for (const Notice& notice : notices_.find({}).notices) {
    for (const std::string_view secret : {"MDEyMzQ1", "abc%3D", "abcdefg"}) {
      EXPECT_EQ(notice.id.find(secret), std::string::npos) << notice.id;
      EXPECT_EQ(notice.detail.find(secret), std::string::npos) << notice.detail;
    }
  }
  EXPECT_EQ(log_.text().find("MDEyMzQ1"), std::string::npos);
  for (const char* secret :
       {"MDEyMzQ1Njc4OWFiY2RlZg==", "MDEyMzQ1Njc4OWFiY2RlZg%3D%3D", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm"}) {
    EXPECT_EQ(without_secrets("It is '" + std::string(secret) + "'.").find("MDEyMzQ1"), std::string::npos) << secret;
    notices_.note({.reason = Reason::bad_user_name, .detail = std::string(470, ' ') + secret}, from("10.0.3.9"), start);
  }
  for (const Notice& notice : notices_.find({}).notices)
    EXPECT_EQ(notice.detail.find("MDEy"), std::string::npos) << "a key that is cut is one, too";
  for (const char* plain :
       {"devices/pump-7/messages/events/", "devices/dev2/messages/events/Prop=1&b=2",
        "$iothub/twin/PATCH/properties/reported/?$rid=1", "6f1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d"})
    EXPECT_EQ(without_secrets(plain), plain);
  const std::string serial = "Ab0123456789012345678901234567890123";
  EXPECT_EQ(without_secrets(serial, Says::id), serial) << "an id has to be found again";
}

TEST_F(NoticesTest, TheyAreFoundByDeviceReasonTimeAndRevision) {
  notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start);
  notices_.note(wrong_key("pump-7/m1"), from("10.0.3.7"), start);
  notices_.note(wrong_key("pump-70"), from("10.0.3.7"), start);
  notices_.note({.stage = Stage::tls, .reason = Reason::ca_not_trusted}, from("10.0.3.8"), start);
  EXPECT_EQ(notices_.find({.device = "pump-7"}).notices.size(), 2U) << "with its modules";
  EXPECT_EQ(notices_.find({.device = "pump-7/m1"}).notices.size(), 1U);
  ASSERT_EQ(notices_.find({.device = ""}).notices.size(), 1U) << "those that name nobody";
  EXPECT_EQ(notices_.find({.reason = Reason::ca_not_trusted}).notices.size(), 1U);
  EXPECT_EQ(notices_.find({.limit = 2}).notices.size(), 2U);
  EXPECT_EQ(notices_.find({.limit = 1}).notices.front().reason, Reason::ca_not_trusted) << "the newest";
  const std::uint64_t revision = notices_.find({}).revision;
  EXPECT_EQ(notices_.find({.after = revision}).notices.size(), 0U);
  notices_.note(wrong_key("pump-7"), from("10.0.3.7"), start);
  EXPECT_EQ(notices_.find({.after = revision}).notices.size(), 1U) << "a repetition is news";
  const Timestamp last = notices_.find({.device = "pump-7"}).notices.front().last;
  EXPECT_EQ(notices_.find({.since = {last.ticks + 1}}).notices.size(), 0U);
}

TEST(NoticeReasons, EachHasANameASentenceAndIsFoundByItsName) {
  for (std::size_t i = 0; i < reasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_FALSE(sentence_of(reason).empty());
    EXPECT_EQ(reason_named(name_of(reason)), reason);
  }
  EXPECT_FALSE(reason_named("nonsense"));
}

}  // namespace
}  // namespace twinhub::notices
