#include "protocol/query/message_row.hpp"

#include "protocol/query/lexer.hpp"
#include "protocol/utf8.hpp"

namespace twinhub::query {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Units of `Bytes` bytes, little-endian unless a byte order mark says otherwise. nullopt: broken.
template <std::size_t Bytes>
std::optional<std::string> from_units(std::string_view body) {
  if (body.size() % Bytes != 0) return std::nullopt;
  bool big = false;
  const auto unit = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < Bytes; ++i) {
      const std::size_t byte = big ? i : Bytes - 1 - i;
      value = value << 8 | static_cast<unsigned char>(body[at + byte]);
    }
    return value;
  };
  std::size_t at = 0;
  if (!body.empty() && unit(0) == (Bytes == 2 ? 0xFFFEU : 0xFFFE0000U)) big = true;
  if (!body.empty() && unit(0) == 0xFEFF) at = Bytes;
  std::string out;
  for (; at < body.size(); at += Bytes) {
    std::uint32_t point = unit(at);
    if (Bytes == 2 && point >= 0xD800 && point < 0xDC00) {
      at += Bytes;
      if (at >= body.size() || unit(at) < 0xDC00 || unit(at) > 0xDFFF) return std::nullopt;
      point = 0x10000 + ((point - 0xD800) << 10) + (unit(at) - 0xDC00);
    } else if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
      return std::nullopt;
    }
    append_utf8(out, point);
  }
  return out;
}

}  // namespace

std::optional<std::string> body_in_utf8(std::string_view content_type, std::string_view content_encoding,
                                        std::string_view body) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  if (!equals_ignoring_case(type, "application/json")) return std::nullopt;
  const std::string_view encoding = trimmed(content_encoding);
  if (equals_ignoring_case(encoding, "utf-16")) return from_units<2>(body);
  if (equals_ignoring_case(encoding, "utf-32")) return from_units<4>(body);
  // "utf8" is what the C SDK's samples send.
  if (!equals_ignoring_case(encoding, "utf-8") && !equals_ignoring_case(encoding, "utf8")) return std::nullopt;
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  return std::string(body);
}

Value MessageRow::value_of(const Path& path, Scratch& scratch) {
  if (path.of_message_twin) {
    Row* const sender = twin();
    return sender == nullptr ? Value{} : sender->value_of(path, scratch);
  }
  std::optional<std::string_view> property;
  switch (path.root) {
    case Root::body:
      return body().empty() ? Value{} : follow(body(), path, 1, scratch);
    case Root::system_property:
      property = message_.system_property(path.name);
      if (!property) property = message_.application_property("$" + path.name);
      break;
    case Root::application_property:
      property = message_.application_property(path.name);
      break;
    default:
      break;
  }
  return property ? Value::of(*property) : Value{};
}

std::string_view MessageRow::body() {
  if (!body_) {
    body_.emplace();
    const auto text = body_in_utf8(message_.system_property("contentType").value_or(""),
                                   message_.system_property("contentEncoding").value_or(""), message_.body());
    if (auto document = text ? json::parse(*text) : Result<json::Document>(Error{})) body_ = document->text();
  }
  return *body_;
}

Row* MessageRow::twin() {
  if (!twin_) twin_ = message_.twin();
  return *twin_;
}

}  // namespace twinhub::query
