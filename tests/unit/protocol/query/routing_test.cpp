// Routing conditions beyond the table: outcomes, what is asked for, encodings, enrichment paths.
#include "protocol/query/routing_condition.hpp"

#include "protocol/query/message_row.hpp"
#include "protocol/query/twin_row.hpp"
#include "tests/unit/protocol/query/case_file.hpp"

#include <gtest/gtest.h>

namespace twinhub::query {
namespace {

using Outcome = RoutingCondition::Outcome;

/// Counts what it is asked for.
class CountingMessage final : public MessageView {
 public:
  std::optional<std::string_view> system_property(std::string_view) override { return std::nullopt; }
  std::optional<std::string_view> application_property(std::string_view name) override {
    if (name == "level") return "high";
    return std::nullopt;
  }
  std::string_view body() override {
    ++bodies;
    return "{}";
  }
  Row* twin() override {
    ++twins;
    return nullptr;
  }
  int bodies = 0;
  int twins = 0;
};

Outcome evaluate(std::string_view text, MessageView& message) {
  const auto condition = RoutingCondition::parse(text);
  EXPECT_TRUE(condition) << text;
  return condition->evaluate(message);
}

TEST(RoutingConditions, UndefinedIsToldApartFromNoMatch) {
  CountingMessage message;
  EXPECT_EQ(evaluate("level = 'high'", message), Outcome::matched);
  EXPECT_EQ(evaluate("level = 'low'", message), Outcome::not_matched);
  EXPECT_EQ(evaluate("missing = 'low'", message), Outcome::undefined);
  EXPECT_EQ(evaluate("null", message), Outcome::undefined);
  EXPECT_EQ(evaluate("level", message), Outcome::not_matched);
}

TEST(RoutingConditions, OnlyWhatIsNamedIsFetched) {
  CountingMessage message;
  EXPECT_EQ(evaluate("level = 'high' OR $twin.tags.x = 1 OR $body.x = 1", message), Outcome::matched);
  EXPECT_EQ(message.twins + message.bodies, 0);
  EXPECT_EQ(evaluate("$twin.tags.x = 1 OR $twin.tags.y = 1 OR $twin.tags.z = 2", message), Outcome::undefined);
  EXPECT_EQ(message.twins, 1);
  const auto reads = RoutingCondition::parse("$body.x = 1 AND NOT is_defined($twin.tags)");
  ASSERT_TRUE(reads);
  EXPECT_TRUE(reads->reads_body() && reads->reads_twin());
  const auto plain = RoutingCondition::parse("body = 1 AND twin.x = 2");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->reads_body() || plain->reads_twin());
}

std::string in_units(std::u32string_view text, std::size_t bytes, bool big) {
  std::string out;
  for (const char32_t c : text) {
    for (std::size_t i = 0; i < bytes; ++i)
      out += static_cast<char>(static_cast<std::uint32_t>(c) >> 8 * (big ? bytes - 1 - i : i) & 0xFF);
  }
  return out;
}

TEST(RoutingConditions, BodiesComeInThreeEncodings) {
  const std::string plain = "{\"é\":1}";
  const auto utf8 = [](std::string_view encoding, std::string_view body) {
    return body_in_utf8("Application/JSON", encoding, body);
  };
  EXPECT_EQ(utf8("UTF-8", plain), plain);
  EXPECT_EQ(utf8("utf8", "\xEF\xBB\xBF" + plain), plain);
  EXPECT_EQ(utf8("utf-16", in_units(U"{\"é\":1}", 2, false)), plain);
  EXPECT_EQ(utf8("UTF-16", in_units(U"\uFEFF{\"é\":1}", 2, true)), plain);
  EXPECT_EQ(utf8("utf-16", in_units(U"\uFEFF{\"é\":1}", 2, false)), plain);
  EXPECT_EQ(utf8("utf-32", in_units(U"{\"é\":1}", 4, false)), plain);
  EXPECT_EQ(utf8("Utf-32", in_units(U"\uFEFF{\"é\":1}", 4, true)), plain);
  EXPECT_EQ(utf8("utf-16", std::string("=\xD8\0\xDE", 4)), "😀");
  EXPECT_EQ(utf8("utf-32", in_units(U"😀", 4, false)), "😀");
}

TEST(RoutingConditions, WhatIsNoJsonBodyIsNone) {
  EXPECT_EQ(body_in_utf8("text/plain", "utf-8", "{}"), std::nullopt);
  EXPECT_EQ(body_in_utf8("", "utf-8", "{}"), std::nullopt);
  EXPECT_EQ(body_in_utf8("application/json", "", "{}"), std::nullopt);
  EXPECT_EQ(body_in_utf8("application/json", "latin1", "{}"), std::nullopt);
  EXPECT_EQ(body_in_utf8("application/json", "utf-16", "{}x"), std::nullopt);
  EXPECT_EQ(body_in_utf8("application/json", "utf-16", std::string_view("\0\xDC", 2)), std::nullopt);
  EXPECT_EQ(body_in_utf8("application/json", "utf-16", std::string_view("\0\xD8", 2)), std::nullopt);
  EXPECT_EQ(body_in_utf8("application/json", "utf-32", std::string_view("\0\0\x11\0", 4)), std::nullopt);
}

TEST(RoutingConditions, AnEnrichmentReadsTheTwin) {
  const auto document = testing::make_twin_document(
      R"({"deviceId":"d","tags":{"room":"attic","size":{"m2":12}},"properties":{"reported":{"t":21.50}}})");
  MemoryParts parts(document.identity, document.twin);
  TwinRow twin(parts);
  EXPECT_EQ(twin_value("$twin.tags.room", twin), "attic");
  EXPECT_EQ(twin_value("$twin.tags.size", twin), R"({"m2":12})");
  EXPECT_EQ(twin_value("$twin.properties.reported.t", twin), "21.50");
  EXPECT_EQ(twin_value("$twin.tags.missing", twin), std::nullopt);
  EXPECT_EQ(twin_value("$twin.tags.room = 1", twin), std::nullopt);
  EXPECT_EQ(twin_value("room", twin), std::nullopt);
  EXPECT_EQ(twin_value("$body.x", twin), std::nullopt);
  EXPECT_EQ(twin_value("", twin), std::nullopt);
}

}  // namespace
}  // namespace twinhub::query
