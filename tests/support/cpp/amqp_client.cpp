#include "tests/support/cpp/amqp_client.hpp"

#include "protocol/amqp/decode.hpp"
#include "protocol/amqp/encode.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace twinhub::test {
namespace {

using amqp::Value;

constexpr std::uint8_t open_code = 0x10, begin_code = 0x11, attach_code = 0x12, flow_code = 0x13, transfer_code = 0x14,
                       disposition_code = 0x15, mechanisms_code = 0x40, init_code = 0x41, outcome_code = 0x44;
constexpr std::uint32_t session_window = 100'000;  // frames that a test may be sent in all: it is not renewed

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8U | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

/// What holds for every frame of the hub's: all fields are written, and what is rejected says why. Throws.
void check_frame(const AmqpFrame& frame, std::size_t bytes) {
  constexpr std::array<std::size_t, 9> counts{10, 8, 14, 11, 11, 6, 3, 1, 1};  // from OPEN to CLOSE
  constexpr std::size_t brim = 400;  // frames that the engine fills to the brim are left as they are
  if (frame.type != 0 || (frame.code == transfer_code && bytes > brim)) return;
  if (frame.fields.size() != counts.at(frame.code - open_code))
    throw std::runtime_error("a frame " + std::to_string(frame.code) + " without all of its fields");
  if (frame.code != disposition_code || frame.fields[0] != Value::boolean(true)) return;
  const Value& state = frame.fields[4];
  if (state.type != amqp::Type::described || state.items[0] != Value::ulong(0x25)) return;
  const Value& error = state.items[1].items.at(0);
  if (condition_in(state).empty() || error.items[1].items.at(1).text.empty())
    throw std::runtime_error("a rejection without a condition or a description");
}

/// What is not settled when a link ends is settled so, by whichever end; and what a reader of events has left unsettled.
/// When such a frame comes is the sender's choice.
bool settles_without_outcome(const AmqpFrame& frame) {
  return frame.code == disposition_code && frame.fields[4].is_null();
}

}  // namespace

std::string amqp_frame(std::uint8_t code, const std::vector<Value>& fields, std::string_view payload,
                       std::uint16_t channel, std::uint8_t type) {
  std::string items, frame;
  for (const Value& field : fields) append_value(items, field);
  std::string body;
  amqp::append_descriptor(body, code);
  amqp::append_list(body, fields.size(), items);
  body += payload;
  amqp::append_big_endian(frame, body.size() + 8, 4);
  frame += '\x02';
  frame += static_cast<char>(type);
  amqp::append_big_endian(frame, channel, 2);
  return frame + body;
}

std::string open_frame(std::optional<std::uint32_t> frame_max) {
  return amqp_frame(
      open_code, {Value::string("a-test"), Value::string("hub.local"), frame_max ? Value::uint(*frame_max) : Value()});
}

std::string begin_frame(std::uint16_t channel) {
  return amqp_frame(begin_code, {{}, Value::uint(0), Value::uint(session_window), Value::uint(1000)}, "", channel);
}

std::string attach_frame(std::uint32_t handle, bool sends, std::string_view address, std::uint16_t channel,
                         bool settles_second) {
  const auto terminus = [&](std::uint64_t code, bool named) {
    return Value::described(Value::ulong(code), Value::list({named ? Value::string(std::string(address)) : Value()}));
  };
  return amqp_frame(attach_code,
                    {Value::string("link-" + std::to_string(handle)),
                     Value::uint(handle),
                     Value::boolean(!sends),
                     {},
                     settles_second ? Value::ubyte(1) : Value(),
                     terminus(0x28, !sends),
                     terminus(0x29, sends),
                     {},
                     {},
                     sends ? Value::uint(0) : Value()},
                    "", channel);
}

std::string flow_frame(std::uint32_t handle, std::uint32_t credit, std::uint16_t channel) {
  return amqp_frame(flow_code,
                    {Value::uint(0), Value::uint(session_window), Value::uint(0), Value::uint(1000),
                     Value::uint(handle), Value::uint(0), Value::uint(credit)},
                    "", channel);
}

std::string transfer_frame(std::uint32_t handle, std::uint32_t delivery, std::string_view message, bool more,
                           std::uint16_t channel) {
  return amqp_frame(transfer_code,
                    {Value::uint(handle), Value::uint(delivery), Value::binary(std::to_string(delivery)),
                     Value::uint(0), Value::boolean(false), Value::boolean(more)},
                    message, channel);
}

bool AmqpClient::fill() {
  const auto bytes = transport_.read_bytes();
  if (bytes) received_ += *bytes;
  return bytes.has_value();
}

std::string AmqpClient::expect_header() {
  while (received_.size() < 8) {
    if (!fill()) throw std::runtime_error("closed before a header came");
  }
  std::string header = received_.substr(0, 8);
  received_.erase(0, 8);
  if (!header.starts_with("AMQP")) throw std::runtime_error("no header");
  return header;
}

std::optional<AmqpFrame> AmqpClient::read() {
  while (true) {
    while (received_.size() < 8 || received_.size() < number_at(received_, 0)) {
      if (!fill()) return std::nullopt;
    }
    const std::size_t size = number_at(received_, 0);
    const std::string bytes = received_.substr(0, size);
    received_.erase(0, size);
    longest_frame_ = std::max(longest_frame_, size);
    if (size < 8) throw std::runtime_error("a frame without a header");
    if (size == 8) continue;
    AmqpFrame frame;
    frame.type = static_cast<std::uint8_t>(bytes[5]);
    frame.channel =
        static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[6]) << 8U | static_cast<unsigned char>(bytes[7]));
    amqp::Decoder decoder(std::string_view(bytes).substr(static_cast<std::size_t>(bytes[4]) * 4));
    auto value = decoder.next();
    if (!value || value->type != amqp::Type::described) throw std::runtime_error("a frame that cannot be read");
    frame.code = static_cast<std::uint8_t>(value->items[0].bits);
    frame.fields = std::move(value->items[1].items);
    frame.payload = decoder.rest();
    check_frame(frame, size);
    return frame;
  }
}

AmqpFrame AmqpClient::expect(std::uint8_t code) {
  while (true) {
    auto frame = read();
    if (!frame) throw std::runtime_error("closed before a frame " + std::to_string(code) + " came");
    const bool settles_the_rest = settles_without_outcome(*frame);
    if (frame->code == code && !settles_the_rest) return std::move(*frame);
    if (frame->code != flow_code && !settles_the_rest)
      throw std::runtime_error("a frame " + std::to_string(frame->code) + " came");
  }
}

AmqpFrame AmqpClient::expect_flow() {
  while (true) {
    auto frame = read();
    if (!frame) throw std::runtime_error("closed before a FLOW came");
    if (frame->code == flow_code) return std::move(*frame);
    if (!settles_without_outcome(*frame)) throw std::runtime_error("a frame " + std::to_string(frame->code) + " came");
  }
}

AmqpFrame AmqpClient::expect_disposition() {
  while (true) {
    auto frame = read();
    if (!frame) throw std::runtime_error("closed before a disposition came");
    if (frame->code == disposition_code) return std::move(*frame);
    if (frame->code != flow_code) throw std::runtime_error("a frame " + std::to_string(frame->code) + " came");
  }
}

void AmqpClient::open(std::optional<std::uint32_t> frame_max) {
  send(amqp_header + open_frame(frame_max) + begin_frame());
  if (expect_header() != amqp_header) throw std::runtime_error("another header");
  (void)expect(open_code);
  (void)expect(begin_code);
}

AmqpFrame AmqpClient::attach(std::uint32_t handle, bool sends, std::string_view address, bool settles_second) {
  send(attach_frame(handle, sends, address, 0, settles_second));
  return expect(attach_code);
}

std::uint64_t AmqpClient::sasl(std::string_view mechanism, std::string_view response) {
  send(sasl_header);
  if (expect_header() != sasl_header) throw std::runtime_error("another header");
  (void)expect(mechanisms_code);
  send(amqp_frame(init_code, {Value::symbol(std::string(mechanism)), Value::binary(std::string(response))}, "", 0, 1));
  return expect(outcome_code).fields.at(0).bits;
}

AmqpReceived AmqpClient::expect_message() {
  AmqpFrame frame = expect(transfer_code);
  AmqpReceived received{static_cast<std::uint32_t>(frame.fields.at(1).bits),
                        frame.fields.at(2).text,
                        frame.fields.at(4) == Value::boolean(true),
                        {}};
  std::string bytes = std::move(frame.payload);
  while (frame.fields.at(5) == Value::boolean(true)) {
    frame = expect(transfer_code);
    bytes += frame.payload;
  }
  auto message = amqp::decode_message(bytes);
  if (!message) throw std::runtime_error("the hub's message cannot be read");
  received.message = std::move(*message);
  return received;
}

void AmqpClient::settle(std::uint32_t delivery, const Value& outcome, bool settled) {
  send(amqp_frame(disposition_code, {Value::boolean(true), Value::uint(delivery), Value::uint(delivery),
                                     Value::boolean(settled), outcome}));
}

void AmqpClient::settle_range(std::uint32_t first, std::uint32_t last) {
  send(amqp_frame(disposition_code, {Value::boolean(true), Value::uint(first), Value::uint(last), Value::boolean(true),
                                     accepted_outcome()}));
}

std::int64_t AmqpClient::put_token(std::string_view audience, std::string_view token) {
  if (!has_cbs_) {
    has_cbs_ = true;
    (void)attach(0, true, "$cbs");
    (void)attach(1, false, "$cbs");
    send(flow_frame(1, 1000));
  }
  amqp::Message request;
  request.properties.message_id = Value::ulong(42);
  request.application_properties.add(Value::string("operation"), Value::string("put-token"));
  request.application_properties.add(Value::string("type"), Value::string("servicebus.windows.net:sastoken"));
  request.application_properties.add(Value::string("name"), Value::string(std::string(audience)));
  request.value = Value::string(std::string(token));
  const Value state = outcome_of(0, request);
  if (state.items.empty() || state.items[0] != Value::ulong(0x24))
    throw std::runtime_error("the request is not accepted");
  const auto reply = amqp::decode_message(expect(transfer_code).payload);
  if (!reply || reply->properties.correlation_id != Value::ulong(42)) throw std::runtime_error("no reply of mine");
  return reply->application_properties.find("status-code")->integer().value();
}

Value AmqpClient::outcome_of(std::uint32_t handle, const amqp::Message& message) {
  const std::string bytes = encode_message(message);
  const std::uint32_t delivery = next_delivery_++;
  constexpr std::size_t piece = 60'000;  // within the hub's frames
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    send(transfer_frame(handle, delivery, std::string_view(bytes).substr(at, piece), at + piece < bytes.size()));
  }
  AmqpFrame settled = expect(disposition_code);
  if (settled.fields.size() != 6) throw std::runtime_error("a disposition that is not whole");
  return settled.fields[4];
}

Value accepted_outcome() { return Value::described(Value::ulong(0x24), Value::list({})); }
Value rejected_outcome() { return Value::described(Value::ulong(0x25), Value::list({})); }
Value released_outcome() { return Value::described(Value::ulong(0x26), Value::list({})); }
Value modified_outcome(bool undeliverable_here) {
  return Value::described(Value::ulong(0x27), Value::list({Value::boolean(true), Value::boolean(undeliverable_here)}));
}

std::string condition_in(const Value& of) {
  if (of.type != amqp::Type::described) return "";
  const Value& list = of.items[1];
  if (of.items[0] == Value::ulong(0x25)) return list.items.empty() ? "" : condition_in(list.items[0]);
  return of.items[0] == Value::ulong(0x1D) && !list.items.empty() ? list.items[0].text : "";
}

}  // namespace twinhub::test
