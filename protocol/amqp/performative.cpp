#include "protocol/amqp/performative.hpp"

#include "protocol/amqp/decode.hpp"
#include "protocol/amqp/encode.hpp"

#include <array>

namespace twinhub::amqp {
namespace {

// Values of one performative: those of 64 KiB, unless they are of no use. No client's ATTACH has a hundred.
constexpr DecodeLimits limits{.values_max = 16'384, .depth_max = 12};
constexpr std::size_t handle_max_field = 4;  // of BEGIN

constexpr std::array<std::size_t, 9> field_counts{10, 8, 14, 11, 11, 6, 3, 1, 1};  // from open to close

bool is_performative(std::uint64_t code) { return code >= performative::open && code <= performative::close; }

/// A list as its parts, its items not decoded.
struct RawList {
  std::size_t count = 0;
  std::string_view items;
  std::string_view behind;
};

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < size; ++i) bits = bits << 8U | static_cast<unsigned char>(bytes[at + i]);
  return bits;
}

/// `bytes` start at the list's constructor.
std::optional<RawList> read_list(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto code = static_cast<unsigned char>(bytes[0]);
  if (code == 0x45) return RawList{0, {}, bytes.substr(1)};
  if (code != 0xC0 && code != 0xD0) return std::nullopt;
  const std::size_t width = code == 0xC0 ? 1 : 4;
  if (bytes.size() < 1 + 2 * width) return std::nullopt;
  const std::uint64_t size = number_at(bytes, 1, width);
  if (size < width || size > bytes.size() - 1 - width) return std::nullopt;
  return RawList{static_cast<std::size_t>(number_at(bytes, 1 + width, width)),
                 bytes.substr(1 + 2 * width, static_cast<std::size_t>(size) - width),
                 bytes.substr(1 + width + static_cast<std::size_t>(size))};
}

void append_nulls(std::string& out, std::size_t count) { out.append(count, '\x40'); }

/// `00 53 1d list`: condition, description, info. Written whole; anything else as it is.
void append_whole_error(std::string& out, std::string_view value) {
  constexpr std::string_view error_descriptor("\0\x53\x1d", 3);
  constexpr std::size_t error_fields = 3;
  const auto list = value.substr(0, error_descriptor.size()) == error_descriptor
                        ? read_list(value.substr(error_descriptor.size()))
                        : std::nullopt;
  if (!list || list->count >= error_fields || !list->behind.empty()) {
    out += value;
    return;
  }
  std::string items(list->items);
  append_nulls(items, error_fields - list->count);
  out += error_descriptor;
  append_list(out, error_fields, items);
}

const Value empty_map = Value::map();

const Value& map_or_empty(const std::vector<Value>& fields, std::size_t index) {
  return index < fields.size() && fields[index].type == Type::map ? fields[index] : empty_map;
}

/// `encoded`: the value's bytes, its constructor first.
void read_transfer_field(Transfer& transfer, std::size_t index, const Value& value, std::string_view encoded) {
  constexpr std::size_t handle = 0, delivery_id = 1, tag = 2, format = 3, settled = 4, more = 5, aborted = 9;
  const auto has_type = [&](Type type) {
    if (!value.is_null() && value.type != type) transfer.well_typed = false;
    return value.type == type;
  };
  switch (index) {
    case handle:
      if (has_type(Type::uint_)) transfer.handle = static_cast<std::uint32_t>(value.bits);
      if (value.is_null()) transfer.well_typed = false;
      return;
    case delivery_id:
      if (has_type(Type::uint_)) transfer.delivery_id = static_cast<std::uint32_t>(value.bits);
      return;
    case tag:
      if (has_type(Type::binary)) transfer.tag = encoded.substr(encoded.size() - value.text.size());
      return;
    case format:
      transfer.format = static_cast<std::uint32_t>(value.integer().value_or(0));
      return;
    case settled:
      transfer.settled = has_type(Type::boolean) && value.bits != 0;
      return;
    case more:
      transfer.more = has_type(Type::boolean) && value.bits != 0;
      return;
    case aborted:
      transfer.aborted = has_type(Type::boolean) && value.bits != 0;
      return;
    default:
      return;
  }
}

/// The error is the last field of detach, end and close.
bool has_error_last(std::uint8_t code) {
  return code == performative::detach || code == performative::end || code == performative::close;
}

}  // namespace

bool append_padded(std::string& out, std::string_view body, std::size_t bytes_max) {
  constexpr std::size_t descriptor_bytes = 3;
  if (body.size() < descriptor_bytes + 1 || body[0] != '\0' || body[1] != '\x53') return false;
  const auto code = static_cast<std::uint8_t>(body[2]);
  if (!is_performative(code)) return false;
  const auto list = read_list(body.substr(descriptor_bytes));
  const std::size_t wanted = field_counts[code - performative::open];
  if (!list || list->count > wanted) return false;

  std::string items;
  if (has_error_last(code) && list->count == wanted) {
    Decoder fields(list->items, limits);
    for (std::size_t i = 0; i + 1 < wanted; ++i) {
      if (!fields.skip()) return false;
    }
    items = list->items.substr(0, list->items.size() - fields.rest().size());
    append_whole_error(items, fields.rest());
  } else {
    items = list->items;
  }
  for (std::size_t field = list->count; field < wanted; ++field) {
    if (code == performative::begin && field == handle_max_field) {
      append_value(items, Value::uint(handle_max));
    } else {
      append_nulls(items, 1);
    }
  }
  constexpr std::size_t list_head_max = 9;
  if (descriptor_bytes + list_head_max + items.size() + list->behind.size() > bytes_max) return false;
  append_descriptor(out, code);
  append_list(out, wanted, items);
  out += list->behind;
  return true;
}

void append_frame(std::string& out, std::string_view body, std::uint16_t channel) {
  constexpr std::size_t header_bytes = 8;
  append_big_endian(out, body.size() + header_bytes, 4);
  out.append("\x02\0", 2);
  append_big_endian(out, channel, 2);
  out += body;
}

std::string frame_of(std::uint8_t code, const std::vector<Value>& fields, std::uint16_t channel) {
  std::string items, body, frame;
  for (const Value& field : fields) append_value(items, field);
  append_descriptor(body, code);
  append_list(body, fields.size(), items);
  append_frame(frame, body, channel);
  return frame;
}

std::int64_t Performative::integer(std::size_t index, std::int64_t absent) const {
  return index < fields.size() ? fields[index].integer().value_or(absent) : absent;
}

std::optional<Performative> read_performative(std::string_view body) {
  Decoder decoder(body, limits);
  const auto code = decoder.descriptor();
  if (!code || !is_performative(*code)) return std::nullopt;
  auto list = decoder.next();
  if (!list || list->type != Type::list) return std::nullopt;
  Performative read{static_cast<std::uint8_t>(*code), std::move(list->items)};
  if (read.code != performative::transfer && !decoder.at_end()) return std::nullopt;
  if (read.fields.size() > field_counts[read.code - performative::open]) return std::nullopt;
  return read;
}

std::optional<std::uint8_t> performative_code(std::string_view body) {
  if (body.size() > 2 && body[0] == '\0' && body[1] == '\x53' && is_performative(static_cast<std::uint8_t>(body[2])))
    return static_cast<std::uint8_t>(body[2]);
  const auto code = Decoder(body, limits).descriptor();
  return code && is_performative(*code) ? std::optional(static_cast<std::uint8_t>(*code)) : std::nullopt;
}

std::optional<Transfer> read_transfer(std::string_view body) {
  Decoder head(body, limits);
  if (head.descriptor() != performative::transfer) return std::nullopt;
  const auto list = read_list(head.rest());
  if (!list || list->count > field_counts[performative::transfer - performative::open]) return std::nullopt;
  Transfer read;
  read.payload = list->behind;
  Decoder fields(list->items, limits);
  for (std::size_t index = 0; index < list->count; ++index) {
    const std::string_view encoded = fields.rest();
    const auto value = fields.next();
    if (!value) return std::nullopt;
    read_transfer_field(read, index, *value, encoded.substr(0, encoded.size() - fields.rest().size()));
  }
  if (list->count == 0) read.well_typed = false;  // no handle
  return fields.at_end() ? std::optional(read) : std::nullopt;
}

std::string_view payload_behind(std::string_view body) {
  Decoder decoder(body, limits);
  return decoder.skip() ? decoder.rest() : std::string_view();
}

const Value& attach_properties(const Performative& attach) {
  constexpr std::size_t properties_field = 13;
  return map_or_empty(attach.fields, properties_field);
}

const Value& source_filter(const Performative& attach) {
  constexpr std::size_t source_field = 5, filter_field = 7;
  if (attach.fields.size() <= source_field || attach.fields[source_field].type != Type::described) return empty_map;
  return map_or_empty(attach.fields[source_field].items[1].items, filter_field);
}

std::vector<std::string> desired_capabilities(const Performative& attach) {
  constexpr std::size_t desired_field = 12;
  std::vector<std::string> capabilities;
  if (attach.fields.size() <= desired_field) return capabilities;
  const Value& desired = attach.fields[desired_field];
  if (desired.is_text()) capabilities.push_back(desired.text);
  for (const Value& item : desired.items) {
    if (item.is_text()) capabilities.push_back(item.text);
  }
  return capabilities;
}

}  // namespace twinhub::amqp
