// Every case of cases/*.cases. Twins are asked twice: part by part, as the hub does it, and as one JSON document; both
// must say the same.
#include "protocol/json/document.hpp"
#include "protocol/query/aggregate.hpp"
#include "protocol/query/evaluate.hpp"
#include "protocol/query/lexer.hpp"
#include "protocol/query/parse.hpp"
#include "protocol/query/project.hpp"
#include "protocol/query/routing_condition.hpp"
#include "protocol/query/twin_row.hpp"
#include "tests/unit/protocol/query/case_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <filesystem>
#include <functional>
#include <set>

namespace twinhub::query {
namespace {

using testing::Case;
using testing::Documents;
using testing::Message;
using testing::TwinDocument;

std::vector<Case> all_cases() {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(TWINHUB_QUERY_CASES)) {
    if (entry.path().extension() == ".cases") files.insert(entry.path());
  }
  std::vector<Case> all;
  for (const auto& file : files) {
    for (auto& one : testing::read_cases(file)) all.push_back(std::move(one));
  }
  return all;
}

std::string view_of(const TwinDocument& twin) { return twin::service_view(twin.twin, twin.identity, twin.activity); }

using Visit = std::function<void(Row& row, const std::string& id)>;

/// Rows of a collection; `as_documents`: twins as whole JSON texts.
void each_row(const Documents& documents, Collection from, bool as_documents, const Visit& visit) {
  if (from == Collection::jobs) {
    for (const std::string& job : documents.jobs) {
      DocumentRow row(job);
      visit(row, "");
    }
    return;
  }
  for (const auto& twin : documents.twins) {
    if (twin->identity.id.is_module() != (from == Collection::modules)) continue;
    const auto& id = twin->identity.id;
    const std::string name = id.is_module() ? id.device + "/" + id.module : id.device;
    if (as_documents) {
      const std::string text = view_of(*twin);
      DocumentRow row(text);
      visit(row, name);
    } else {
      MemoryParts parts(twin->identity, twin->twin, twin->activity);
      TwinRow row(parts);
      visit(row, name);
    }
  }
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text.empty() ? "-" : text;
}

std::vector<std::string> run(const Query& query, const Documents& documents, bool as_documents) {
  std::vector<std::string> rows;
  Groups groups(query);
  each_row(documents, query.from, as_documents, [&](Row& row, const std::string&) {
    Scratch scratch;
    if (query.top && rows.size() >= *query.top) return;
    if (!selects(query.where, row, scratch)) return;
    if (query.aggregates()) {
      EXPECT_TRUE(groups.add(row, scratch));
    } else {
      append_row(rows.emplace_back(), query, row, scratch);
    }
  });
  if (!query.aggregates()) return rows;
  for (auto& group : groups.rows()) {
    if (!query.top || rows.size() < *query.top) rows.push_back(std::move(group.json));
  }
  return rows;
}

std::string select_ids(const Condition& condition, const Documents& documents, bool as_documents) {
  std::vector<std::string> ids;
  each_row(documents, condition.from, as_documents, [&](Row& row, const std::string& id) {
    Scratch scratch;
    if (selects(condition.where, row, scratch)) ids.push_back(id);
  });
  return join(ids);
}

class TestMessage final : public MessageView {
 public:
  TestMessage(const Message& message, const Documents& documents) : message_(message) {
    for (const auto& twin : documents.twins) {
      if (twin->identity.id.device == message.twin && !twin->identity.id.is_module()) twin_ = twin.get();
    }
    if (twin_ == nullptr) return;
    parts_.emplace(twin_->identity, twin_->twin, twin_->activity);
    row_.emplace(*parts_);
  }
  std::optional<std::string_view> system_property(std::string_view name) override { return in(message_.system, name); }
  std::optional<std::string_view> application_property(std::string_view name) override {
    return in(message_.properties, name);
  }
  std::string_view body() override { return message_.body; }
  Row* twin() override { return row_ ? &*row_ : nullptr; }

 private:
  static std::optional<std::string_view> in(const std::map<std::string, std::string>& all, std::string_view name) {
    for (const auto& [key, value] : all) {
      if (equals_ignoring_case(key, name)) return value;
    }
    return std::nullopt;
  }
  const Message& message_;
  const TwinDocument* twin_ = nullptr;
  std::optional<MemoryParts> parts_;
  std::optional<TwinRow> row_;
};

std::string select_messages(const RoutingCondition& condition, const Documents& documents) {
  std::vector<std::string> names;
  for (const Message& message : documents.messages) {
    TestMessage view(message, documents);
    const auto outcome = condition.evaluate(view);
    if (outcome == RoutingCondition::Outcome::matched) names.push_back(message.name);
  }
  return join(names);
}

/// `= *id` is that document; other rows are JSON and are made canonical.
std::vector<std::string> expected_rows(const Case& one, Collection from) {
  std::vector<std::string> rows;
  for (const std::string& row : one.rows) {
    if (!row.starts_with('*')) {
      const auto document = json::parse(row);
      rows.push_back(document ? document->text() : "no JSON: " + row);
      continue;
    }
    each_row(*one.documents, from, false, [&](Row& candidate, const std::string& id) {
      const std::string text = candidate.document();
      if (id == row.substr(1) || (id.empty() && text.find('"' + row.substr(1) + '"') != std::string::npos))
        rows.push_back(text);
    });
  }
  return rows;
}

void expect_refused(const Case& one, const SyntaxError& error) {
  if (!one.refusal) {
    ADD_FAILURE() << "refused at " << error.position << ": " << error.what;
    return;
  }
  EXPECT_EQ(error.position, one.refusal->position) << error.what;
  EXPECT_THAT(error.what, ::testing::HasSubstr(one.refusal->words));
}

void check_query(const Case& one) {
  const auto query = parse_query(one.text, {one.strict});
  if (!query) return expect_refused(one, query.error());
  ASSERT_FALSE(one.refusal) << "was taken";
  const auto expected = expected_rows(one, query->from);
  EXPECT_THAT(run(*query, *one.documents, false), ::testing::ElementsAreArray(expected));
  EXPECT_THAT(run(*query, *one.documents, true), ::testing::ElementsAreArray(expected)) << "as one document";
}

void check_condition(const Case& one) {
  const auto condition =
      one.kind == 't' ? parse_target_condition(one.text, {one.strict}) : parse_job_condition(one.text, {one.strict});
  if (!condition) return expect_refused(one, condition.error());
  ASSERT_FALSE(one.refusal) << "was taken";
  ASSERT_EQ(one.rows.size(), 1U);
  EXPECT_EQ(select_ids(*condition, *one.documents, false), one.rows.front());
  EXPECT_EQ(select_ids(*condition, *one.documents, true), one.rows.front()) << "as one document";
}

void check_routing(const Case& one) {
  const auto condition = RoutingCondition::parse(one.text, {one.strict});
  if (!condition) return expect_refused(one, condition.error());
  ASSERT_FALSE(one.refusal) << "was taken";
  ASSERT_EQ(one.rows.size(), 1U);
  EXPECT_EQ(select_messages(*condition, *one.documents), one.rows.front());
}

TEST(QueryCases, EveryCaseAnswersAsItsFileSays) {
  const auto cases = all_cases();
  EXPECT_GE(cases.size(), 300U);
  for (const Case& one : cases) {
    SCOPED_TRACE(one.where + "  " + one.kind + " " + one.text);
    if (one.kind == '>') {
      check_query(one);
    } else if (one.kind == 'r') {
      check_routing(one);
    } else {
      check_condition(one);
    }
  }
}

}  // namespace
}  // namespace twinhub::query
