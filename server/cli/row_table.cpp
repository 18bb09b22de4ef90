#include "server/cli/row_table.hpp"

#include "protocol/json/text.hpp"

#include <algorithm>
#include <iostream>

namespace twinhub::cli {
namespace {

constexpr std::size_t cell_bytes_max = 60;

/// Columns for whole twins; `twin show` prints the rest of a twin.
const std::vector<std::string> twin_columns{"deviceId", "moduleId", "status", "connectionState", "tags"};

/// Columns for rows of devices.jobs, which a query can only select whole.
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

}  // namespace

void RowTable::finish() {
  if (!table_) std::cerr << "no rows\n";
}

void RowTable::add(const json::Value& rows) {
  if (rows.empty()) return;
  if (!table_) {
    columns_ = columns_of(rows);
    table_.emplace(columns_);
  }
  for (const json::Value row : rows) {
    std::vector<std::string> cells;
    for (const std::string& column : columns_) cells.push_back(cut(cell_of(row.is_object() ? row.find(column) : row)));
    table_->add(std::move(cells));
  }
  table_->flush();
}

}  // namespace twinhub::cli
