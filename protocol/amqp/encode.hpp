// AMQP 1.0 values as bytes, in the shortest form that every client reads.
#pragma once

#include "protocol/amqp/value.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace twinhub::amqp {

void append_value(std::string& out, const Value& value);
void append_string(std::string& out, std::string_view text);
/// A symbol is ASCII, and clients fail on one that is not: each byte that is no printable ASCII becomes '?'.
void append_symbol(std::string& out, std::string_view text);
void append_binary(std::string& out, std::string_view bytes);
/// The list constructor, its size and count, around items that are encoded already.
void append_list(std::string& out, std::size_t count, std::string_view encoded_items);
/// The same for a map; `count`: of keys and values together.
void append_map(std::string& out, std::size_t count, std::string_view encoded_items);
/// `00 53 code`: what makes a list a performative or a section.
void append_descriptor(std::string& out, std::uint8_t code);
/// `bytes` of `bits`, the most significant first.
void append_big_endian(std::string& out, std::uint64_t bits, std::size_t bytes);

}  // namespace twinhub::amqp
