#include "bench/load/amqp_peer.hpp"

#include "protocol/amqp/encode.hpp"
#include "protocol/amqp/message.hpp"
#include "protocol/amqp/performative.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::load {
namespace {

using amqp::Value;
namespace performative = amqp::performative;

constexpr std::string_view header("AMQP\0\1\0\0", 8);
constexpr std::uint32_t request_handle = 0, reply_handle = 1, first_link_handle = 2;
constexpr std::size_t fields_max = 14;       // of a performative
constexpr std::uint32_t window = 1'000'000;  // of transfers: renewed with each FLOW

void append_frame(std::string& out, std::uint8_t code, const std::vector<Value>& fields,
                  std::string_view payload = {}) {
  std::string items, body;
  for (const Value& field : fields) amqp::append_value(items, field);
  amqp::append_descriptor(body, code);
  amqp::append_list(body, fields.size(), items);
  amqp::append_big_endian(out, body.size() + payload.size() + header.size(), 4);
  out.append("\x02\0\0\0", 4);
  out.append(body).append(payload);
}

std::string link_name(std::uint32_t handle) { return "link-" + std::to_string(handle); }

void append_attach(std::string& out, std::uint32_t handle, bool sends, const std::string& address,
                   const std::string& filter = {}) {
  const auto terminus = [&](std::uint64_t code, bool here) {
    Value fields = Value::list({here ? Value::string(address) : Value()});
    if (here && !filter.empty()) {
      fields.items.resize(8);  // the filter is a source's eighth field
      const Value name = Value::symbol("apache.org:selector-filter:string");
      fields.items[7] = Value::map({name, Value::described(Value::ulong(0x468C00000004), Value::string(filter))});
    }
    return Value::described(Value::ulong(code), std::move(fields));
  };
  append_frame(out, performative::attach,
               {Value::string(link_name(handle)),
                Value::uint(handle),
                Value::boolean(!sends),
                {},
                {},
                terminus(0x28, !sends),
                terminus(0x29, sends),
                {},
                {},
                sends ? Value::uint(0) : Value()});
}

std::uint32_t number(const Value& value) { return static_cast<std::uint32_t>(value.bits); }

}  // namespace

void AmqpPeer::connect(const Address& address) {
  partial_.clear();
  header_came_ = ready_ = false;
  has_token_ = login_.token.empty();
  deliveries_ = sent_ = credit_end_ = received_ = received_in_all_ = 0;
  handle_ = first_link_handle;
  stream_.connect(address);
}

void AmqpPeer::on_open() {
  std::string& out = stream_.out();
  out += header;
  append_frame(out, performative::open, {Value::string("load-" + std::to_string(index_)), Value::string("localhost")});
  append_frame(out, performative::begin, {{}, Value::uint(0), Value::uint(window), Value::uint(window)});
  if (has_token_) return attach();
  append_attach(out, request_handle, true, "$cbs");
  append_attach(out, reply_handle, false, "$cbs");
  append_frame(out, performative::flow,
               {Value::uint(0), Value::uint(window), Value::uint(0), Value::uint(window), Value::uint(reply_handle),
                Value::uint(0), Value::uint(10)});
  put_token();
  stream_.send();
}

void AmqpPeer::put_token() {
  amqp::Message request;
  request.properties.message_id = Value::ulong(1);
  Value& properties = request.application_properties;
  properties.add(Value::string("operation"), Value::string("put-token"));
  properties.add(Value::string("type"), Value::string("servicebus.windows.net:sastoken"));
  properties.add(Value::string("name"), Value::string(login_.audience));
  request.value = Value::string(login_.token);
  transfer(request_handle, encode_message(request));
}

void AmqpPeer::transfer(std::uint32_t handle, std::string_view message) {
  std::string tag;
  amqp::append_big_endian(tag, deliveries_, 4);
  append_frame(stream_.out(), performative::transfer,
               {Value::uint(handle), Value::uint(deliveries_), Value::binary(std::move(tag)), Value::uint(0),
                Value::boolean(false)},
               message);
  ++deliveries_;
}

std::uint32_t AmqpPeer::send_message(std::string_view message) {
  ++sent_;
  transfer(handle_, message);
  stream_.send();
  return deliveries_ - 1;
}

void AmqpPeer::on_closed(const std::string& why) {
  errors_.add(Wrong::closed, login_.address + ": " + why);
  ready_ = false;
  owner_.on_gone(*this);
}

bool AmqpPeer::refuse(Wrong kind, const std::string& what) {
  errors_.add(kind, login_.address + ": " + what);
  stream_.close();
  ready_ = false;
  owner_.on_gone(*this);
  return false;
}

void AmqpPeer::on_bytes(std::string_view bytes) {
  std::string joined;
  if (!partial_.empty()) {
    joined = std::exchange(partial_, {});
    joined += bytes;
    bytes = joined;
  }
  while (bytes.size() >= header.size()) {
    if (!header_came_) {
      if (!bytes.starts_with(header)) return void(refuse(Wrong::malformed, "another protocol header"));
      header_came_ = true;
      bytes.remove_prefix(header.size());
      continue;
    }
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8U | static_cast<unsigned char>(bytes[i]);
    if (size < header.size()) return void(refuse(Wrong::malformed, "a frame without a header"));
    if (size > bytes.size()) break;
    if (!handle(bytes.substr(0, size))) return;
    bytes.remove_prefix(size);
  }
  partial_ = bytes;
}

bool AmqpPeer::handle(std::string_view frame) {
  const std::size_t offset = std::size_t{static_cast<unsigned char>(frame[4])} * 4;
  if (offset > frame.size()) return refuse(Wrong::malformed, "a frame's offset");
  const std::string_view body = frame.substr(offset);
  if (body.empty()) return true;
  auto read = amqp::read_performative(body);
  if (!read) return refuse(Wrong::malformed, "a frame that cannot be read");
  std::vector<Value>& fields = read->fields;
  fields.resize(std::max(fields.size(), fields_max));  // brokers leave the last ones out
  switch (read->code) {
    case performative::begin:
      received_in_all_ = number(fields[1]);
      return true;
    case performative::attach:
      return handle_attach(fields);
    case performative::flow:
      handle_flow(fields);
      return stream_.is_open();
    case performative::transfer:
      return handle_transfer(fields, amqp::payload_behind(body));
    case performative::disposition: {
      if (fields[0] != Value::boolean(true)) return true;
      const bool accepted = fields[4].type == amqp::Type::described && fields[4].items[0] == Value::ulong(0x24);
      const std::uint32_t first = number(fields[1]), last = fields[2].is_null() ? first : number(fields[2]);
      if (!accepted) return refuse(Wrong::refused, "a message is rejected");
      const std::uint32_t first_message = login_.token.empty() ? 0 : 1;  // behind the token's request
      if (last >= first_message) owner_.on_settled(*this, std::max(first, first_message), last, accepted);
      return stream_.is_open();
    }
    case performative::detach:
      // Of the link before begin_again(): the answer to the newer one's ATTACH may come first.
      if (login_.receives && fields[2].is_null() && (!ready_ || number(fields[0]) != hub_handle_)) return true;
      return refuse(Wrong::refused, "a link is detached");
    case performative::end:
    case performative::close:
      return refuse(Wrong::refused, "performative " + std::to_string(read->code));
    default:
      return true;
  }
}

bool AmqpPeer::handle_reply(std::string_view message) {
  const auto reply = amqp::decode_message(message);
  const Value* const status = reply ? reply->application_properties.find("status-code") : nullptr;
  if (status == nullptr || status->integer() != 200) return refuse(Wrong::refused, "the token is refused");
  if (std::exchange(has_token_, true)) return refuse(Wrong::unexpected, "a second reply of $cbs");
  attach();
  return true;
}

void AmqpPeer::attach() {
  append_attach(stream_.out(), handle_, !login_.receives, login_.address, login_.filter);
  stream_.send();
}

bool AmqpPeer::handle_attach(const std::vector<Value>& fields) {
  if (fields[0].text != link_name(handle_)) return true;
  hub_handle_ = number(fields[1]);
  if (!login_.receives) return true;
  ready_ = true;
  owner_.on_ready(*this);
  return stream_.is_open();
}

bool AmqpPeer::handle_transfer(const std::vector<Value>& fields, std::string_view payload) {
  ++received_in_all_;
  if (!has_token_) return handle_reply(payload);
  if (!login_.receives || !ready_) return refuse(Wrong::unexpected, "a message");
  if (fields.size() > 5 && fields[5] == Value::boolean(true))
    return refuse(Wrong::malformed, "a message in two frames");
  if (received_++ == credit_end_) return refuse(Wrong::unexpected, "a message beyond the credit");
  owner_.on_message(*this, number(fields[1]), payload);
  return stream_.is_open();
}

void AmqpPeer::give_credit(std::uint32_t more) {
  credit_end_ += more;
  append_frame(stream_.out(), performative::flow,
               {Value::uint(received_in_all_), Value::uint(window), Value::uint(deliveries_), Value::uint(window),
                Value::uint(handle_), Value::uint(received_), Value::uint(credit_end_ - received_)});
  stream_.send();
}

void AmqpPeer::accept(std::uint32_t first, std::uint32_t last) {
  append_frame(stream_.out(), performative::disposition,
               {Value::boolean(true), Value::uint(first), Value::uint(last), Value::boolean(true),
                Value::described(Value::ulong(0x24), Value::list({}))});
  stream_.send();
}

void AmqpPeer::begin_again(std::string filter) {
  append_frame(stream_.out(), performative::detach, {Value::uint(handle_), Value::boolean(true)});
  ready_ = false;
  ++handle_;
  credit_end_ = received_ = 0;
  login_.filter = std::move(filter);
  attach();
}

void AmqpPeer::handle_flow(const std::vector<Value>& fields) {
  const bool of_link = fields.size() > 6 && !fields[4].is_null() && has_token_ && number(fields[4]) == hub_handle_;
  if (!of_link || login_.receives) return;
  credit_end_ = number(fields[5]) + number(fields[6]);
  if (!std::exchange(ready_, true)) owner_.on_ready(*this);
}

}  // namespace twinhub::load
