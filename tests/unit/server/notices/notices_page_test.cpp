// GET /connections: its query, and its JSON.
#include "server/notices/notices_page.hpp"

#include "protocol/json/document.hpp"

#include <gtest/gtest.h>

namespace twinhub::notices {
namespace {

TEST(NoticesPage, TheQueryIsRead) {
  const auto query =
      parse_notice_query("?device=pump%2F7&reason=token_expired&since=2026-11-29T07%3A54%3A06Z&after=3&limit=10");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->device, "pump/7");
  EXPECT_EQ(query->reason, Reason::token_expired);
  EXPECT_EQ(to_iso8601(query->since), "2026-11-29T07:54:06Z");
  EXPECT_EQ(query->after, 3U);
  EXPECT_EQ(query->limit, 10U);
  const auto all = parse_notice_query("");
  ASSERT_TRUE(all);
  EXPECT_FALSE(all->device);
  EXPECT_EQ(parse_notice_query("?device=")->device, "");
}

TEST(NoticesPage, AWrongQueryIsSaidInWords) {
  for (const auto* text : {"?reason=nonsense", "?since=yesterday", "?limit=-1", "?limit=", "?after=x", "?divice=d"}) {
    const auto query = parse_notice_query(text);
    ASSERT_FALSE(query) << text;
    EXPECT_FALSE(query.error().detail.empty());
  }
}

TEST(NoticesPage, TheAnswerIsJsonWhateverThePeerSaid) {
  Notices notices;
  notices.note({.stage = Stage::connect,
                .reason = Reason::client_id_mismatch,
                .id = "\"quoted\"\\ \xff",
                .code = "CONNACK 5",
                .detail = "a\tb"},
               {.protocol = "mqtt", .address = "10.0.3.7", .port = 7, .party = "10.0.3.7", .web_socket = true});
  const auto page = json::parse(notices_json(notices.find({})));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->root().find("revision")->integer(), 1);
  const json::Value notice = *page->root().find("notices")->begin();
  const auto text = [&](std::string_view name) { return notice.find(name)->string(); };
  EXPECT_EQ(text("id"), "\"quoted\"\\ \xef\xbf\xbd");
  EXPECT_EQ(text("detail"), "a\\u0009b");
  EXPECT_EQ(text("kind"), "refused");
  EXPECT_EQ(text("stage"), "connect");
  EXPECT_EQ(text("transport"), "mqtt-ws");
  EXPECT_EQ(text("address"), "10.0.3.7:7");
  EXPECT_EQ(text("reason"), "client_id_mismatch");
  EXPECT_FALSE(text("sentence")->empty());
  EXPECT_FALSE(text("hint")->empty());
  EXPECT_EQ(notice.find("count")->integer(), 1);
  EXPECT_EQ(notices_json({}), "{\"revision\":0,\"notices\":[]}\n");
}

}  // namespace
}  // namespace twinhub::notices
