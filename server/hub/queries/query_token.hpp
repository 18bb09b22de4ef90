// The continuation token of a query: where the next page begins, for that query alone. It holds no state of the hub's,
// so that it survives restarts and whatever is written between two pages.
#pragma once

#include "protocol/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::hub {

struct QueryToken {
  std::string last_key;         ///< of the last row that was handed out; rows behind it follow
  std::uint64_t rows_told = 0;  ///< on all pages so far, for TOP

  bool operator==(const QueryToken&) const = default;
};

/// URL-safe base64 without padding: fit for a header.
[[nodiscard]] std::string write_query_token(const QueryToken& token, std::string_view query);
/// nullopt: not what write_query_token() made for this very query text.
[[nodiscard]] std::optional<QueryToken> read_query_token(std::string_view text, std::string_view query);

/// 16 bytes that stand for `bytes` in a token.
[[nodiscard]] std::string token_digest(std::string_view bytes);

}  // namespace twinhub::hub
