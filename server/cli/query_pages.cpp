#include "server/cli/query_pages.hpp"

#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/row_table.hpp"
#include "server/cli/text_output.hpp"

#include <algorithm>
#include <iostream>
#include <optional>

namespace twinhub::cli {
namespace {

constexpr std::uint64_t page_rows_max = 100;
}  // namespace

Result<void> query_pages(HubConnection& hub, const QueryPages& query,
                         const std::function<void(const json::Value& rows)>& visit) {
  std::string body = R"({"query":)";
  json::append_string(body, query.text);
  body += '}';
  std::uint64_t left = query.limit;
  std::string continuation;
  do {
    RestRequest request{.method = "POST", .path = "/devices/query", .body = body};
    const std::uint64_t rows = query.limit == 0 ? page_rows_max : std::min(left, page_rows_max);
    request.headers.emplace_back("x-ms-max-item-count", std::to_string(rows));
    if (!continuation.empty()) request.headers.emplace_back("x-ms-continuation", continuation);
    const auto answer = hub.call(std::move(request));
    if (!answer) return answer.error();
    const auto document = json::parse(answer->body);
    if (!document) return document.error();
    visit(document->root());
    continuation = answer->continuation;
    for (auto row = document->root().begin(); left > 0 && row != document->root().end(); ++row) --left;
  } while (!continuation.empty() && (query.limit == 0 || left > 0) && output_is_open());
  return {};
}

int run_query(const config::Settings& settings, const QueryOptions& options) {
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  RowTable table;
  JsonArray array;
  const auto done = query_pages(*hub, {options.text, options.limit}, [&](const json::Value& rows) {
    if (!options.json) return table.add(rows);
    for (const json::Value row : rows) array.add(row.text());
  });
  if (!done) return report(done.error());
  if (options.json) {
    array.finish();
  } else {
    table.finish();
  }
  return exit_ok;
}

}  // namespace twinhub::cli
