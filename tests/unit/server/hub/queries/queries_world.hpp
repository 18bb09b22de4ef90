// What the tests of queries share: devices with ids in order, and queries run to their end or page by page.
#pragma once

#include "protocol/json/document.hpp"
#include "server/hub/queries/queries.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::hub {

using Ids = std::vector<std::string>;

inline std::string id_of(int number) {
  std::string digits = std::to_string(number);
  return "device-" + std::string(4 - digits.size(), '0') + digits;
}

inline void create(World& world, int count) {
  for (int i = 0; i < count; ++i) ASSERT_TRUE(world.put({id_of(i), ""}));
}

struct Told {
  Queries::Page page;
  int steps = 0;
};

inline Result<Told> run(Queries& queries, Queries::Request request) {
  auto run = queries.begin(std::move(request));
  if (!run) return run.error();
  Told told;
  while ((*run)->step()) ++told.steps;
  auto page = (*run)->take();
  if (!page) return page.error();
  told.page = std::move(*page);
  return told;
}

inline Result<Told> run(World& world, const std::string& text) { return run(world.hub.queries, {.text = text}); }

/// The rows of a page as canonical texts.
inline std::vector<std::string> rows_of(const std::string& json_text) {
  const auto document = json::parse(json_text);
  EXPECT_TRUE(document) << json_text;
  std::vector<std::string> rows;
  for (const json::Value row : document->root()) rows.emplace_back(row.text());
  return rows;
}

inline Ids ids_of(const std::string& json_text) {
  Ids ids;
  for (const std::string& row : rows_of(json_text))
    ids.push_back(json::parse(row)->root().find("deviceId")->string().value());
  return ids;
}

inline Ids ids(World& world, const std::string& text) {
  const auto told = run(world, text);
  EXPECT_TRUE(told) << told.error().detail;
  return told ? ids_of(told->page.json) : Ids{};
}

/// Pages until there is no token, `between` before each further one. Checks that no page is larger than asked for.
inline std::vector<Ids> pages(
    Queries& queries, const std::string& text, std::size_t page_rows, const std::function<void()>& between = [] {}) {
  std::vector<Ids> all;
  std::string token;
  do {
    if (!all.empty()) between();
    const auto told = run(queries, {.text = text, .page_rows = page_rows, .continuation = token});
    EXPECT_TRUE(told) << told.error().detail;
    if (!told) break;
    all.push_back(ids_of(told->page.json));
    EXPECT_LE(all.back().size(), page_rows);
    token = told->page.continuation;
  } while (!token.empty() && all.size() < 1000);
  return all;
}

inline Ids joined(const std::vector<Ids>& pages) {
  Ids all;
  for (const Ids& page : pages) all.insert(all.end(), page.begin(), page.end());
  return all;
}

inline const std::string everything = "SELECT deviceId FROM devices";

}  // namespace twinhub::hub
