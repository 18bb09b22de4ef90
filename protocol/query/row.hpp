// A row: one twin, job or message that a query is evaluated on, asked for single values.
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/value.hpp"

#include <string>
#include <string_view>

namespace twinhub::query {

/// One row; reads only the values that it is asked for. One thread.
class Row {
 public:
  virtual ~Row() = default;
  /// The value at `path`, undefined when there is none. Views stay valid until `scratch` is cleared or the row changes.
  [[nodiscard]] virtual Value value_of(const Path& path, Scratch& scratch) = 0;
  /// The whole row as JSON text: the result of SELECT *.
  [[nodiscard]] virtual std::string document() = 0;
};

/// A row that is one canonical JSON object, e.g. a device job.
class DocumentRow final : public Row {
 public:
  /// `document` outlives the row.
  explicit DocumentRow(std::string_view document) : document_(document) {}

  [[nodiscard]] Value value_of(const Path& path, Scratch& scratch) override;
  [[nodiscard]] std::string document() override { return std::string(document_); }

 private:
  std::string_view document_;
};

/// Follows `path`'s steps from number `first_step` on into canonical JSON text.
[[nodiscard]] Value follow(std::string_view text, const Path& path, std::size_t first_step, Scratch& scratch);

}  // namespace twinhub::query
