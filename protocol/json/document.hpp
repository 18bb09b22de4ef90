// Reading JSON from a peer: one parse gives a checked, canonical document. The only door to simdjson.
//
// Canonical text has no white space, the fewest escapes, and numbers as they were sent (1.0 stays 1.0); of two members
// with one key the last wins. Equal strings have equal canonical text, so keys compare byte for byte.
#pragma once

#include "protocol/error.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::json {

enum class Kind : std::uint8_t { object, array, string, integer, number, boolean, null };

/// The nesting that parse() follows; deeper text is refused.
inline constexpr std::size_t depth_max = 64;
/// The longest text that parse() reads; longer text is refused at once.
inline constexpr std::size_t text_bytes_max = 4U << 20;

class Document;

/// One value of a Document, which must outlive it. Cheap to copy.
class Value {
 public:
  [[nodiscard]] inline Kind kind() const;
  [[nodiscard]] bool is_object() const { return kind() == Kind::object; }
  [[nodiscard]] bool is_null() const { return kind() == Kind::null; }

  /// Canonical JSON text, e.g. `{"a":1.0}` or `"x"`.
  [[nodiscard]] inline std::string_view text() const;
  /// The member's key in canonical escaped form, without quotes. "" for array elements and the root.
  [[nodiscard]] inline std::string_view key_text() const;

  /// The characters of a string, unescaped; nullopt for any other kind.
  [[nodiscard]] std::optional<std::string> string() const;
  /// nullopt for any other kind, and beyond 64 bits.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] std::optional<bool> boolean() const;
  /// As Newtonsoft.Json converts to a boolean: the text "true" or "false" in any case counts, and so does an integer,
  /// where 0 is false. nullopt for anything else.
  [[nodiscard]] std::optional<bool> to_boolean() const;

  /// The member of an object with this key (plain text); nullopt when absent or not an object. Linear.
  [[nodiscard]] std::optional<Value> find(std::string_view key) const;

  /// Members of an object or elements of an array, in order.
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Value;
    Iterator() = default;
    Iterator(const Document* document, std::uint32_t index) : document_(document), index_(index) {}
    Value operator*() const { return {document_, index_}; }
    inline Iterator& operator++();
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return index_ == other.index_; }

   private:
    const Document* document_ = nullptr;
    std::uint32_t index_ = 0;
  };
  [[nodiscard]] Iterator begin() const { return {document_, index_ + 1}; }
  [[nodiscard]] inline Iterator end() const;
  [[nodiscard]] bool empty() const { return begin() == end(); }

 private:
  friend class Document;
  Value(const Document* document, std::uint32_t index) : document_(document), index_(index) {}
  const Document* document_;
  std::uint32_t index_;
};

/// A parsed text: its canonical form and the nodes of it in pre-order.
class Document {
 public:
  struct Node {
    Kind kind = Kind::null;
    std::uint32_t key_begin = 0;  ///< of the key's characters in `text`
    std::uint32_t key_bytes = 0;
    std::uint32_t text_begin = 0;  ///< of the value in `text`
    std::uint32_t text_bytes = 0;
    std::uint32_t next = 0;  ///< index of the node after this value and everything in it
  };

  [[nodiscard]] Value root() const { return {this, 0}; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }

 private:
  friend class Parser;
  std::string text_;
  std::vector<Node> nodes_;
};

inline Kind Value::kind() const { return document_->nodes()[index_].kind; }

inline std::string_view Value::text() const {
  const auto& node = document_->nodes()[index_];
  return std::string_view(document_->text()).substr(node.text_begin, node.text_bytes);
}

inline std::string_view Value::key_text() const {
  const auto& node = document_->nodes()[index_];
  return std::string_view(document_->text()).substr(node.key_begin, node.key_bytes);
}

inline Value::Iterator Value::end() const { return {document_, document_->nodes()[index_].next}; }

inline Value::Iterator& Value::Iterator::operator++() {
  index_ = document_->nodes()[index_].next;
  return *this;
}

/// Errors: iot_hub_format_error for anything that is not exactly one JSON text (RFC 8259) in UTF-8 without a byte order
/// mark, and for numbers beyond a double. Any thread.
[[nodiscard]] Result<Document> parse(std::string_view text);

}  // namespace twinhub::json
