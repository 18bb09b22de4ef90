// Queries from the command line, page by page.
#pragma once

#include "protocol/error.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/hub_call.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace twinhub::cli {

struct QueryPages {
  std::string text;
  std::uint64_t limit = 0;  ///< rows at most; 0 = all
};

/// Hands each page's rows (a JSON array) to `visit`. Ends early when standard output was closed. Errors: the hub's.
[[nodiscard]] Result<void> query_pages(HubConnection& hub, const QueryPages& query,
                                       const std::function<void(const json::Value& rows)>& visit);

/// `twinhub query`: a table for people, a JSON array for programs.
struct QueryOptions {
  std::string text;
  std::uint64_t limit = 0;
  bool json = false;
};
[[nodiscard]] int run_query(const config::Settings& settings, const QueryOptions& options);

}  // namespace twinhub::cli
