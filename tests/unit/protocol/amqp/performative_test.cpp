#include "protocol/amqp/performative.hpp"

#include "protocol/amqp/decode.hpp"
#include "protocol/amqp/encode.hpp"
#include "protocol/amqp/message.hpp"

#include <gtest/gtest.h>

namespace twinhub::amqp {
namespace {

std::string frame_body(std::uint8_t code, const std::vector<Value>& fields, std::string_view payload = "") {
  std::string items, body;
  for (const Value& field : fields) append_value(items, field);
  append_descriptor(body, code);
  append_list(body, fields.size(), items);
  return body.append(payload);
}

std::vector<Value> fields_of(std::string_view body) { return Decoder(body).next()->items[1].items; }

TEST(Performative, EveryListIsFilledUp) {
  const std::pair<std::uint8_t, std::size_t> counts[] = {{0x10, 10}, {0x11, 8}, {0x12, 14}, {0x13, 11}, {0x14, 11},
                                                         {0x15, 6},  {0x16, 3}, {0x17, 1},  {0x18, 1}};
  for (const auto& [code, count] : counts) {
    std::string padded;
    ASSERT_TRUE(append_padded(padded, frame_body(code, {}), 65'536));
    EXPECT_EQ(fields_of(padded).size(), count);
    EXPECT_EQ(Decoder(padded).next()->items[0], Value::ulong(code));
    std::string again;
    ASSERT_TRUE(append_padded(again, padded, 65'536));
    EXPECT_EQ(again, padded);
  }
}

TEST(Performative, BeginGetsItsHandleMax) {
  std::string padded;
  ASSERT_TRUE(append_padded(padded, frame_body(0x11, {Value::uint(0), Value::uint(1), Value::uint(5), Value::uint(6)}),
                            65'536));
  EXPECT_EQ(fields_of(padded)[4], Value::uint(handle_max));
  EXPECT_EQ(fields_of(padded)[3], Value::uint(6));
}

TEST(Performative, APayloadStaysBehindItsTransfer) {
  std::string padded;
  const std::string payload(300, 'p');
  ASSERT_TRUE(append_padded(padded, frame_body(0x14, {Value::uint(1), Value::uint(2)}, payload), 65'536));
  EXPECT_TRUE(padded.ends_with(payload));
  EXPECT_EQ(fields_of(padded).size(), 11U);
  std::string same;
  EXPECT_FALSE(append_padded(same, frame_body(0x14, {Value::uint(1)}, payload), 310));  // the peer takes no more
  EXPECT_TRUE(same.empty());
}

TEST(Performative, AnErrorIsWrittenWhole) {
  const Value error = Value::described(Value::ulong(0x1D), Value::list({Value::symbol("amqp:not-found")}));
  std::string padded;
  ASSERT_TRUE(append_padded(padded, frame_body(0x16, {Value::uint(0), Value::boolean(true), error}), 65'536));
  const auto fields = fields_of(padded);
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[2].items[1].items.size(), 3U);
  EXPECT_EQ(fields[2].items[1].items[0], Value::symbol("amqp:not-found"));
}

TEST(Performative, WhatIsNoneIsRefused) {
  EXPECT_FALSE(read_performative(""));
  EXPECT_FALSE(read_performative("abc"));
  EXPECT_FALSE(read_performative(frame_body(0x19, {})));
  EXPECT_FALSE(read_performative(frame_body(0x10, {}, "behind")));
  EXPECT_FALSE(read_performative(frame_body(0x18, {{}, {}})));  // more fields than there are
  EXPECT_TRUE(read_performative(frame_body(0x14, {Value::uint(0)}, "payload")));
}

TEST(Performative, ATransferIsReadByItself) {
  std::string body;  // what is read points into it
  const auto read = [&body](const std::vector<Value>& fields) {
    body = frame_body(0x14, fields, "payload");
    return read_transfer(body);
  };
  const auto whole = read({Value::uint(3),
                           Value::uint(70'000),
                           Value::binary("tag"),
                           Value::uint(batch_format),
                           Value::boolean(true),
                           Value::boolean(true),
                           {},
                           Value::described(Value::ulong(0x24), Value::list({})),
                           {},
                           Value::boolean(true)});
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->well_typed);
  EXPECT_EQ(whole->handle, 3U);
  EXPECT_EQ(whole->delivery_id, 70'000U);
  EXPECT_EQ(whole->tag, "tag");
  EXPECT_EQ(whole->format, batch_format);
  EXPECT_TRUE(whole->settled && whole->more && whole->aborted);
  EXPECT_EQ(whole->payload, "payload");
  const auto bare = read({Value::uint(0)});
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->delivery_id || bare->tag || bare->settled || bare->more || bare->aborted);
  for (const std::vector<Value>& wrong : {std::vector<Value>{},
                                          {Value()},
                                          {Value::ulong(0)},
                                          {Value::uint(0), Value::string("0")},
                                          {Value::uint(0), {}, Value::string("t")},
                                          {Value::uint(0), {}, {}, {}, Value::uint(1)}}) {
    const auto transfer = read(wrong);
    ASSERT_TRUE(transfer);
    EXPECT_FALSE(transfer->well_typed);
  }
  EXPECT_FALSE(read(std::vector<Value>(12)));
  EXPECT_FALSE(read_transfer(frame_body(0x13, {Value::uint(0)})));
  EXPECT_FALSE(read_transfer(std::string("\0\x53\x14\xC0\x03\x02\x43", 7))) << "fewer fields than it says";
}

TEST(Performative, AttachShowsItsCapabilities) {
  std::vector<Value> fields(14);
  fields[1] = Value::uint(7);
  fields[12] = Value::array({Value::symbol("a"), Value::symbol("b")});
  const auto many = read_performative(frame_body(0x12, fields));
  ASSERT_TRUE(many);
  EXPECT_EQ(many->integer(1, 0), 7);
  EXPECT_EQ(desired_capabilities(*many), (std::vector<std::string>{"a", "b"}));
  fields[12] = Value::symbol("one");
  EXPECT_EQ(desired_capabilities(*read_performative(frame_body(0x12, fields))), std::vector<std::string>{"one"});
}

}  // namespace
}  // namespace twinhub::amqp
