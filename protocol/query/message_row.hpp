// A message as a row: properties, JSON body, and the sender's twin.
#pragma once

#include "protocol/json/document.hpp"
#include "protocol/query/routing_condition.hpp"
#include "protocol/query/row.hpp"

#include <optional>

namespace twinhub::query {

class MessageRow final : public Row {
 public:
  /// `message` outlives the row.
  explicit MessageRow(MessageView& message) : message_(message) {}

  [[nodiscard]] Value value_of(const Path& path, Scratch& scratch) override;
  [[nodiscard]] std::string document() override { return "{}"; }  // messages are not selected

 private:
  /// The body's canonical text; "" when it is not to be queried.
  std::string_view body();
  Row* twin();

  MessageView& message_;
  std::optional<std::string> body_;
  std::optional<Row*> twin_;
};

/// A JSON body in UTF-8, as content type and encoding say; nullopt when it cannot be queried.
[[nodiscard]] std::optional<std::string> body_in_utf8(std::string_view content_type, std::string_view content_encoding,
                                                      std::string_view body);

}  // namespace twinhub::query
