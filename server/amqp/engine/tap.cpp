#include "server/amqp/engine/tap.hpp"

#include "protocol/amqp/encode.hpp"

#include <algorithm>

namespace twinhub::amqp {
namespace {

constexpr std::size_t header_bytes = 8;  // of a frame, and of the protocol header
constexpr std::string_view amqp_header("AMQP\x00\x01\x00\x00", header_bytes);
constexpr std::string_view sasl_header("AMQP\x03\x01\x00\x00", header_bytes);
constexpr std::size_t sasl_frame_bytes_max = 16 * 1024;  // a token in PLAIN has some hundred bytes
constexpr std::uint8_t amqp_frame = 0, sasl_frame = 1;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

std::size_t size_of_frame(std::string_view bytes) {
  return std::size_t{byte_at(bytes, 0)} << 24U | std::size_t{byte_at(bytes, 1)} << 16U |
         std::size_t{byte_at(bytes, 2)} << 8U | byte_at(bytes, 3);
}

std::size_t data_offset(std::string_view frame) { return std::size_t{byte_at(frame, 4)} * 4; }

std::uint16_t channel_of(std::string_view frame) {
  return static_cast<std::uint16_t>(byte_at(frame, 6) << 8U | byte_at(frame, 7));
}

bool is_protocol_header(std::string_view bytes) { return bytes.substr(0, 4) == "AMQP"; }

}  // namespace

std::optional<TapFault> InboundTap::pass_frame(std::string_view frame, bool& dropped, Inbound& inbound) {
  inbound = {frame};
  dropped = false;
  const std::uint8_t type = byte_at(frame, 5);
  if (type == sasl_frame) {
    return in_sasl_ && frame.size() <= sasl_frame_bytes_max ? std::nullopt : std::optional(TapFault::framing);
  }
  if (type != amqp_frame || data_offset(frame) < header_bytes || data_offset(frame) > frame.size())
    return TapFault::framing;
  const std::string_view body = frame.substr(data_offset(frame));
  if (body.empty()) return std::nullopt;  // a sign of life
  const auto code = performative_code(body);
  if (code == performative::transfer) {
    inbound.transfer = read_transfer(body);
  } else {
    inbound.performative = read_performative(body);
  }
  if (!inbound.performative && !inbound.transfer) return TapFault::malformed;
  const bool is_open = code == performative::open;
  if (is_open == opened_) return TapFault::framing;  // first of all, and once
  opened_ = true;
  inbound.channel = channel_of(frame);
  if (inbound.transfer) return sessions_.note(inbound.channel, *inbound.transfer, inbound.place, dropped);
  return sessions_.note(inbound.channel, *inbound.performative, dropped);
}

std::optional<TapFault> InboundTap::receive(std::string_view bytes, const std::function<bool(const Inbound&)>& pass) {
  std::string held;
  if (!kept_.empty()) {
    held = std::move(kept_);
    held += bytes;
    bytes = held;
    kept_.clear();
  }
  while (bytes.size() >= header_bytes) {
    std::size_t size = header_bytes;
    Inbound inbound{bytes.substr(0, header_bytes)};
    if (is_protocol_header(bytes)) {
      const bool is_sasl = inbound.bytes == sasl_header;
      if (!is_sasl && inbound.bytes != amqp_header) return TapFault::wrong_header;
      if (begun_ && (is_sasl || !in_sasl_)) return TapFault::framing;
      begun_ = true;
      in_sasl_ = is_sasl;
      if (!pass(inbound)) return std::nullopt;
    } else {
      if (!begun_) return TapFault::wrong_header;
      size = size_of_frame(bytes);
      if (size < header_bytes || size > frame_bytes_max_) return TapFault::framing;
      if (size > bytes.size()) break;
      bool dropped = false;
      if (const auto fault = pass_frame(bytes.substr(0, size), dropped, inbound)) return fault;
      if (!dropped && !pass(inbound)) return std::nullopt;
    }
    bytes.remove_prefix(size);
  }
  // An early answer to what can be no header: the peer may wait for it.
  if (!begun_ && !bytes.empty() && !amqp_header.starts_with(bytes) && !sasl_header.starts_with(bytes))
    return TapFault::wrong_header;
  if (bytes.empty()) {
    std::string().swap(kept_);
  } else {
    kept_ = bytes;
  }
  return std::nullopt;
}

void OutboundTap::note(std::uint16_t channel, std::string_view body) {
  constexpr std::size_t code_at = 2, handle_field = 1;  // of a performative's short descriptor; of ATTACH
  if (body.size() <= code_at) return;
  const std::uint8_t code = byte_at(body, code_at);
  if (code == performative::transfer) {
    if (channel < transfers_.size()) ++transfers_[channel];
  } else if (code == performative::begin) {
    if (transfers_.size() <= channel) transfers_.resize(std::size_t{channel} + 1);
    transfers_[channel] = 0;
    begun_ = channel;
  } else if (code == performative::attach) {
    const auto attach = read_performative(body);
    attached_ = attach ? static_cast<std::uint32_t>(attach->integer(handle_field, 0)) : 0;
  }
}

/// The engine knows nothing of the peer's TRANSFERs: what a FLOW says of them is the hub's to fill in. False: another frame.
bool OutboundTap::append_flow(std::uint16_t channel, std::string_view body, std::string& out) {
  if (performative_code(body) != performative::flow) return false;
  auto flow = read_performative(body);
  const auto peer_channel = sessions_.channel_of(channel);
  if (!flow || !peer_channel) return false;
  const auto counts = *sessions_.renew_window(*peer_channel);
  constexpr std::size_t fields = 11;
  flow->fields.resize(fields);
  flow->fields[0] = Value::uint(counts.next_incoming_id);
  flow->fields[1] = Value::uint(incoming_window_frames);
  out += frame_of(performative::flow, flow->fields, channel);
  return true;
}

void OutboundTap::send(std::string_view bytes, std::size_t peer_frame_max, std::string& out) {
  std::string held;
  if (!partial_.empty()) {
    held = std::move(partial_);
    held += bytes;
    bytes = held;
    partial_.clear();
  }
  while (bytes.size() >= header_bytes) {
    const std::size_t size = is_protocol_header(bytes) ? header_bytes : std::max(size_of_frame(bytes), header_bytes);
    if (size > bytes.size()) break;
    const std::string_view frame = bytes.substr(0, size);
    bytes.remove_prefix(size);
    const std::size_t start = out.size();
    const bool has_performative = !is_protocol_header(frame) && byte_at(frame, 5) == amqp_frame &&
                                  data_offset(frame) >= header_bytes && data_offset(frame) < frame.size();
    if (!has_performative) {
      out += frame;
      continue;
    }
    const std::string_view body = frame.substr(data_offset(frame));
    note(channel_of(frame), body);
    if (append_flow(channel_of(frame), body, out)) continue;
    out.append(4, '\0');
    out += frame.substr(4, data_offset(frame) - 4);
    if (!append_padded(out, body, peer_frame_max - data_offset(frame))) {
      out.resize(start);
      out += frame;
      continue;
    }
    std::string written;
    append_big_endian(written, out.size() - start, 4);
    out.replace(start, 4, written);
  }
  partial_ = bytes;
}

}  // namespace twinhub::amqp
