// Cloud-to-device messages and feedback as bytes: every field comes back, broken bytes are refused.
#include "storage/format/message_record.hpp"

#include <gtest/gtest.h>

namespace twinhub::storage {
namespace {

const MessageHeader header{.enqueued = {1},
                           .expires = {2},
                           .acknowledgement = iothub::Acknowledgement::negative,
                           .delivery_count = 9,
                           .delivered = true,
                           .generation_id = "637",
                           .message_id = "m"};
const FeedbackRecord feedback{
    .at = {3}, .outcome = MessageOutcome::rejected, .device = "d", .generation_id = "637", .message_id = "m"};

iothub::CloudToDeviceMessage content() {
  iothub::CloudToDeviceMessage message;
  message.message_id = "m";
  message.correlation_id = "c";
  message.user_id = "u";
  message.content_type = "ct";
  message.content_encoding = "ce";
  message.to = "t";
  message.acknowledgement = iothub::Acknowledgement::full;
  message.expiry = Timestamp{7};
  message.properties = {{"a", "1"}, {"b", std::nullopt}};
  message.body = std::string("\0\xFF", 2);
  return message;
}

template <class Record>
std::string bytes_of(const Record& record) {
  std::string bytes;
  encode(bytes, record);
  return bytes;
}

TEST(MessageRecord, EveryFieldComesBack) {
  EXPECT_EQ(*decode_message_header(bytes_of(header)), header);
  EXPECT_EQ(*decode_feedback(bytes_of(feedback)), feedback);
  EXPECT_EQ(*decode_next_sequence_number(encode_next_sequence_number(42)), 42U);
  const auto read = decode_message_content(bytes_of(content()));
  ASSERT_TRUE(read);
  EXPECT_EQ(bytes_of(*read), bytes_of(content()));
  EXPECT_EQ(read->body, std::string("\0\xFF", 2));
  EXPECT_EQ(read->expiry, Timestamp{7});
  EXPECT_EQ(read->properties[1].value, std::nullopt);
}

TEST(MessageRecord, BrokenBytesAreRefused) {
  for (const auto& [bytes, refuses] : std::vector<std::pair<std::string, bool (*)(std::string_view)>>{
           {bytes_of(header), [](std::string_view b) { return !decode_message_header(b); }},
           {bytes_of(content()), [](std::string_view b) { return !decode_message_content(b); }},
           {bytes_of(feedback), [](std::string_view b) { return !decode_feedback(b); }},
           {encode_next_sequence_number(1), [](std::string_view b) { return !decode_next_sequence_number(b); }}}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_TRUE(refuses(bytes.substr(0, size))) << size;
    EXPECT_TRUE(refuses(bytes + "x"));
    EXPECT_TRUE(refuses('\x7F' + bytes.substr(1))) << "another version";
    EXPECT_FALSE(refuses(bytes));
  }
}

TEST(MessageRecord, KeysNameTheirRecordAndStandInOrder) {
  const auto key = parse_message_key(message_key("dev", MessagePart::content, 258));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->device, "dev");
  EXPECT_EQ(key->part, MessagePart::content);
  EXPECT_EQ(key->sequence_number, 258U);
  EXPECT_EQ(parse_message_key(message_key("dev", MessagePart::next_sequence_number))->part,
            MessagePart::next_sequence_number);
  EXPECT_LT(message_key("dev", MessagePart::header, 255), message_key("dev", MessagePart::header, 256));
  EXPECT_LT(message_key("dev", MessagePart::header, ~0ULL), message_key("dev", MessagePart::content, 0));
  EXPECT_LT(message_key("dev", MessagePart::content, ~0ULL), message_keys_end("dev"));
  EXPECT_LT(message_keys_end("dev"), message_key("dev1", MessagePart::next_sequence_number));
  EXPECT_TRUE(message_key("dev", MessagePart::header, 1).starts_with(message_header_prefix("dev")));
  for (const std::string& bad :
       {std::string(), std::string("dev"), std::string("dev\0\0", 5), std::string("dev\0\0\3", 6),
        std::string("dev\0m\0\1", 7), message_key("dev", MessagePart::header, 1) + "x"}) {
    EXPECT_EQ(parse_message_key(bad), std::nullopt);
  }
}

}  // namespace
}  // namespace twinhub::storage
