#include "protocol/amqp/decode.hpp"
#include "protocol/amqp/encode.hpp"

#include <gtest/gtest.h>

namespace twinhub::amqp {
namespace {

std::string encoded(const Value& value) {
  std::string out;
  append_value(out, value);
  return out;
}

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

TEST(AmqpCodec, EveryTypeComesBackAsItWas) {
  const Value values[] = {
      {},
      Value::boolean(true),
      Value::boolean(false),
      Value::ubyte(255),
      {Type::byte_, static_cast<std::uint64_t>(-1)},
      {Type::ushort_, 65535},
      {Type::short_, static_cast<std::uint64_t>(-2)},
      Value::uint(0),
      Value::uint(255),
      Value::uint(256),
      Value::ulong(0),
      Value::ulong(7),
      Value::ulong(~0ULL),
      Value::int32(-5),
      Value::int64(-6),
      {Type::float_, 0x3FC00000},
      {Type::double_, 0x3FF8000000000000},
      {Type::char_, 0x1F600},
      Value::timestamp(-1),
      Value::uuid("0123456789abcdef"),
      {Type::decimal, 0, "1234"},
      {Type::decimal, 0, "12345678"},
      Value::binary(std::string(300, '\0')),
      Value::string("grüße"),
      Value::symbol("amqp:accepted:list"),
      Value::list({}),
      Value::list({Value::string("a"), {}, Value::list({Value::uint(1)})}),
      Value::map({Value::symbol("k"), Value::string(std::string(300, 'v'))}),
      Value::array({Value::string("0"), Value::string("1")}),
      Value::described(Value::symbol("x:y"), Value::string("z")),
  };
  for (const Value& value : values) {
    const auto again = Decoder(encoded(value)).next();
    ASSERT_TRUE(again) << static_cast<int>(value.type);
    EXPECT_EQ(*again, value) << static_cast<int>(value.type);
    // Every prefix is refused, and read within its bounds.
    const std::string whole = encoded(value);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(Decoder(std::string_view(whole).substr(0, size)).next());
    }
  }
}

TEST(AmqpCodec, ASymbolIsAsciiWhateverItIsMadeOf) {
  const auto sent = [](const std::string& text) { return Decoder(encoded(Value::symbol(text))).next()->text; };
  EXPECT_EQ(sent("application/json; charset=utf-8"), "application/json; charset=utf-8");
  EXPECT_EQ(sent("text/gr\xC3\xBC\xC3\x9F"
                 "e"),
            "text/gr????e");
  EXPECT_EQ(sent(std::string("a\0b\x1F\x7F\xFF", 6)), "a?b???");
}

TEST(AmqpCodec, WideAndNarrowFormsMeanTheSame) {
  EXPECT_EQ(*Decoder(bytes({0x70, 0, 0, 0, 7})).next(), Value::uint(7));
  EXPECT_EQ(*Decoder(bytes({0x54, 0xFF})).next(), Value::int32(-1));
  EXPECT_EQ(*Decoder(bytes({0x55, 0x80})).next(), Value::int64(-128));
  EXPECT_EQ(*Decoder(bytes({0x56, 1})).next(), Value::boolean(true));
  EXPECT_EQ(*Decoder(bytes({0xD0, 0, 0, 0, 5, 0, 0, 0, 1, 0x40})).next(), Value::list({Value{}}));
  EXPECT_EQ(*Decoder(bytes({0xE0, 4, 2, 0x50, 1, 2})).next(), Value::array({Value::ubyte(1), Value::ubyte(2)}));
}

TEST(AmqpCodec, BytesThatAreNoValueAreRefused) {
  for (const std::string& wrong : {
           bytes({}),
           bytes({0x39}),
           bytes({0x56, 2}),
           bytes({0xC0, 0}),
           bytes({0xC0, 3, 1, 0x40}),
           bytes({0xC0, 2, 2, 0x40}),        // fewer items than counted
           bytes({0xC0, 3, 1, 0x40, 0x40}),  // more
           bytes({0xC1, 2, 1, 0x40}),        // a map of half a pair
           bytes({0xD0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}),
           bytes({0xE0, 3, 1, 0x00, 0x40}),  // an array of described values
           bytes({0x00, 0x53}),
       }) {
    EXPECT_FALSE(Decoder(wrong).next());
  }
}

TEST(AmqpCodec, DepthAndNumberAreBounded) {
  std::string nested = bytes({0x45});
  for (int i = 0; i < 1000; ++i) {
    std::string outer;
    append_list(outer, 1, nested);
    nested = outer;
  }
  EXPECT_FALSE(Decoder(nested).next());
  EXPECT_FALSE(Decoder(std::string(1000, '\0')).next());  // descriptors of descriptors
  std::string many;
  append_list(many, 10'000, std::string(10'000, '\x40'));
  EXPECT_FALSE(Decoder(many).next());
  EXPECT_TRUE(Decoder(many, {.values_max = 20'000}).next());
  // An array of nothing's size may not announce millions of items.
  EXPECT_FALSE(Decoder(bytes({0xF0, 0, 0, 0, 5, 0x7F, 0xFF, 0xFF, 0xFF, 0x40})).next());
}

TEST(AmqpValue, IsShownAsText) {
  EXPECT_EQ(to_text(Value::int64(-7)), "-7");
  EXPECT_EQ(to_text(Value::ulong(~0ULL)), "18446744073709551615");
  EXPECT_EQ(to_text(Value::boolean(true)), "true");
  EXPECT_EQ(to_text(Value{}), "");
  EXPECT_EQ(to_text({Type::double_, 0x3FF8000000000000}), "1.5");
  EXPECT_EQ(to_text(Value::timestamp(1'700'000'000'000)), "1700000000000");
  EXPECT_EQ(to_text({Type::char_, 'x'}), "x");
  EXPECT_EQ(to_text({Type::char_, 0x1F600}), "\U0001F600");
  EXPECT_EQ(to_text({Type::char_, 0xD800}), std::nullopt);
  EXPECT_EQ(to_text({Type::char_, 0x110000}), std::nullopt);
  EXPECT_EQ(to_text(Value::binary("x")), std::nullopt);
  EXPECT_EQ(to_text(Value::list({})), std::nullopt);
  const std::string text = "123e4567-e89b-12d3-a456-426614174000";
  EXPECT_EQ(to_text(Value::uuid(*uuid_bytes(text))), text);
  EXPECT_EQ(uuid_bytes("123e4567-e89b-12d3-a456-42661417400g"), std::nullopt);
  EXPECT_EQ(uuid_bytes(""), std::nullopt);
}

}  // namespace
}  // namespace twinhub::amqp
