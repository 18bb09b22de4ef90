#include "server/cli/query_pages.hpp"

#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/text_output.hpp"

#include <algorithm>
#include <iostream>
#include <optional>

namespace twinhub::cli {
namespace {

constexpr std::uint64_t page_rows_max = 100;
constexpr std::size_t cell_bytes_max = 60;

/// Columns for whole twins: the rest of one is `twin show`'s.
const std::vector<std::string> twin_columns{"deviceId", "moduleId", "status", "connectionState", "tags"};

/// ... and for what jobs did at devices, of which a query takes all or nothing.
const std::vector<std::string> job_columns{"deviceId",   "jobId",   "status", "startTimeUtc",
                                           "endTimeUtc", "outcome", "error"};

bool is_device_job(const json::Value& row) { return row.find("jobId") && row.find("jobType"); }
bool is_twin(const json::Value& row) { return row.find("properties") && row.find("etag"); }

std::vector<std::string> columns_of(const json::Value& rows) {
  std::vector<std::string> columns;
  const json::Value first = *rows.begin();
  if (first.is_object() && is_device_job(first)) return job_columns;
  if (first.is_object() && is_twin(first)) {
    columns = twin_columns;
    if (!first.find("moduleId")) columns.erase(columns.begin() + 1);
    return columns;
  }
  for (const json::Value row : rows) {
    if (!row.is_object()) return {"value"};
    for (const json::Value member : row) {
      std::string name = json::unescape(member.key_text());
      if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(std::move(name));
    }
  }
  return columns;
}

/// Cut for a table: not within a UTF-8 sequence.
std::string cut(std::string text) {
  if (text.size() <= cell_bytes_max) return text;
  std::size_t end = cell_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text + "...";
}

/// Prints rows whose shape the first page shows.
class RowTable {
 public:
  void add(const json::Value& rows) {
    if (rows.empty()) return;
    if (!table_) {
      columns_ = columns_of(rows);
      table_.emplace(columns_);
    }
    for (const json::Value row : rows) {
      std::vector<std::string> cells;
      for (const std::string& column : columns_)
        cells.push_back(cut(cell_of(row.is_object() ? row.find(column) : row)));
      table_->add(std::move(cells));
    }
    table_->flush();
  }

 private:
  std::vector<std::string> columns_;
  std::optional<Table> table_;
};

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
  if (options.json) array.finish();
  return exit_ok;
}

}  // namespace twinhub::cli
