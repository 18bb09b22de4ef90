#include "server/hub/queries/queries.hpp"

#include "protocol/query/aggregate.hpp"
#include "protocol/query/evaluate.hpp"
#include "protocol/query/parse.hpp"
#include "protocol/query/plan.hpp"
#include "protocol/query/project.hpp"
#include "server/base/answer.hpp"
#include "server/hub/queries/query_token.hpp"
#include "server/hub/queries/stored_twin_parts.hpp"
#include "storage/format/keys.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace twinhub::hub {
namespace {

/// The JSON array of a page, and where the next one begins.
class PageWriter {
 public:
  PageWriter(const query::Query& query, std::size_t rows_max, std::size_t bytes_max, std::uint64_t told_before)
      : rows_max_(rows_max), bytes_max_(bytes_max), told_before_(told_before) {
    top_left_ = query.top ? *query.top - std::min(*query.top, told_before) : std::numeric_limits<std::uint64_t>::max();
  }

  /// No row more can be handed out by this query.
  [[nodiscard]] bool at_top() const { return rows_ >= top_left_; }
  /// No row more fits; the next one that is found only means that there is another page.
  [[nodiscard]] bool full() const { return rows_ >= rows_max_ || json_.size() >= bytes_max_; }

  /// Where to append the row; call row_done() behind it.
  std::string& row() {
    if (rows_ > 0) json_ += ',';
    return json_;
  }
  void row_done(std::string key) {
    ++rows_;
    last_key_ = std::move(key);
  }
  void set_more(bool more) { more_ = more; }

  Queries::Page take(std::string_view query_text, std::string_view item_type) {
    json_ += ']';
    return {std::move(json_), item_type,
            more_ ? write_query_token({last_key_, told_before_ + rows_}, query_text) : std::string()};
  }

 private:
  std::size_t rows_max_;
  std::size_t bytes_max_;
  std::uint64_t told_before_;
  std::uint64_t top_left_ = 0;
  std::size_t rows_ = 0;
  bool more_ = false;
  std::string last_key_;
  std::string json_ = "[";
};

}  // namespace

/// What all scans share: the request, the page, and that they count among the running ones.
class Queries::Scan : public Run {
 public:
  Scan(Queries& owner, query::Query query, Request request, QueryToken token)
      : owner_(owner),
        query_(std::move(query)),
        request_(std::move(request)),
        after_(token.last_key),
        page_(query_, std::min(request_.page_rows, page_rows_max), owner.options_.page_bytes, token.rows_told) {}
  ~Scan() override { --owner_.running_; }
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  bool step() override {
    if (page_.at_top()) return false;
    if (owner_.stopping_) {
      result_ = fail(Errc::service_unavailable, "The hub is stopping");
      return false;
    }
    return slice();
  }

  Result<Page> take() override {
    if (!result_) return result_.error();
    return page_.take(request_.text, query::item_type(query_));
  }

 protected:
  /// One bounded piece of work; false: done or failed.
  virtual bool slice() = 0;

  /// Takes one more selected row. False: enough.
  bool add(query::Row& row, std::string_view key) {
    if (page_.full()) {
      page_.set_more(true);
      return false;
    }
    query::append_row(page_.row(), query_, row, scratch_);
    page_.row_done(std::string(key));
    return !page_.at_top();
  }

  Queries& owner_;
  const query::Query query_;
  const Request request_;
  std::string after_;  ///< key of the last row that was looked at
  PageWriter page_;
  query::Scratch scratch_;
  Result<void> result_;
};

/// Rows of devices and devices.modules.
class Queries::TwinScan : public Scan {
 public:
  TwinScan(Queries& owner, query::Query query, Request request, const QueryToken& token,
           std::shared_ptr<const storage::Snapshot> snapshot)
      : Scan(owner, std::move(query), std::move(request), token), snapshot_(std::move(snapshot)) {
    // What the condition needs is read for every twin. What a row shows besides is fetched for the page's rows alone,
    // unless every twin is to be shown or added up.
    const bool few_rows = query_.where && !query_.aggregates();
    const query::Needs needs = few_rows ? query::needs_of_condition(query_) : query::needs_of(query_);
    scan_.identity = needs.identity;
    scan_.twin = needs.twin;
    scan_.devices = query_.from == query::Collection::devices;
    scan_.modules = query_.from == query::Collection::modules;
    scan_.ranges.clear();
    for (auto& range : query::device_ranges(query_.where))
      scan_.ranges.push_back({std::move(range.text), range.prefix});
    if (!after_.empty()) scan_.after = storage::parse_entity_key(after_);
  }

 protected:
  bool slice() override {
    std::size_t entities = 0;
    std::size_t bytes = 0;
    bool paused = false;
    const auto scanned = snapshot_->scan(scan_, [&](const storage::StoredEntity& stored) {
      if (!visit(stored)) return false;
      bytes += stored.bytes();
      if (++entities < owner_.options_.slice_entities && bytes < owner_.options_.slice_bytes) return true;
      scan_.after = stored.id();
      paused = true;
      return false;
    });
    if (!scanned) result_ = scanned.error();
    return result_ && paused;
  }

  /// A row that the condition selects. False: enough.
  virtual bool selected(query::Row& row, const storage::StoredEntity& stored) {
    return add(row, storage::entity_key(stored.id()));
  }

 private:
  bool visit(const storage::StoredEntity& stored) {
    StoredTwinParts parts(stored, *snapshot_, owner_.activities_, request_.show_model_id, scan_.identity, scan_.twin);
    query::TwinRow row(parts);
    scratch_.clear();
    bool more = true;
    if (query::selects(query_.where, row, scratch_)) more = selected(row, stored);
    if (!parts.error()) result_ = parts.error();
    return more && result_;
  }

  std::shared_ptr<const storage::Snapshot> snapshot_;
  storage::ScanRequest scan_;
};

/// Aggregates: everything is read for each page; groups are handed out in the order of their digests, which a token can
/// hold whatever a group's values are, and shown in the order of their values.
class Queries::GroupScan final : public TwinScan {
 public:
  GroupScan(Queries& owner, query::Query query, Request request, QueryToken token,
            std::shared_ptr<const storage::Snapshot> snapshot)
      : TwinScan(owner, std::move(query), std::move(request), {"", token.rows_told}, std::move(snapshot)),
        last_digest_(std::move(token.last_key)),
        groups_(query_) {}

  Result<Page> take() override {
    if (result_ && !page_.at_top()) write_groups();
    return TwinScan::take();
  }

 protected:
  bool selected(query::Row& row, const storage::StoredEntity&) override {
    if (groups_.add(row, scratch_)) return true;
    result_ = fail(Errc::argument_invalid, "BadRequest: GROUP BY gives more than " + std::to_string(query::groups_max) +
                                               " groups, or they are too large; a condition makes them fewer");
    return false;
  }

 private:
  struct Digested {
    std::string digest;
    query::Groups::Group group;
  };

  void write_groups() {
    std::vector<Digested> all;
    for (auto& group : groups_.rows()) {
      std::string digest = token_digest(group.key);
      if (digest > last_digest_) all.push_back({std::move(digest), std::move(group)});
    }
    std::sort(all.begin(), all.end(), [](const Digested& a, const Digested& b) { return a.digest < b.digest; });
    std::size_t count = 0;
    std::size_t bytes = 0;
    // The same bounds as those of rows, found before the page is put in order.
    while (count < all.size() && count < request_.page_rows && bytes < owner_.options_.page_bytes)
      bytes += all[count++].group.json.size();
    page_.set_more(count < all.size());
    const std::string last = count > 0 ? all[count - 1].digest : std::string();
    all.resize(count);
    std::sort(all.begin(), all.end(), [](const Digested& a, const Digested& b) { return a.group.key < b.group.key; });
    for (const Digested& one : all) {
      if (page_.at_top()) break;
      page_.row() += one.group.json;
      page_.row_done(last);
    }
    if (page_.at_top()) page_.set_more(false);
  }

  std::string last_digest_;
  query::Groups groups_;
};

class Queries::JobScan final : public Scan {
 public:
  JobScan(Queries& owner, query::Query query, Request request, const QueryToken& token)
      : Scan(owner, std::move(query), std::move(request), token),
        job_(query::required_job(query_.where).value_or("")) {}

 protected:
  bool slice() override {
    std::size_t rows = 0;
    bool paused = false;
    const auto scanned = owner_.jobs_->scan(job_, after_, [&](std::string_view key, std::string_view json) {
      query::DocumentRow row(json);
      scratch_.clear();
      after_ = key;
      if (query::selects(query_.where, row, scratch_) && !add(row, key)) return false;
      paused = ++rows >= owner_.options_.slice_entities;
      return !paused;
    });
    if (!scanned) result_ = scanned.error();
    return result_ && paused;
  }

 private:
  const std::string job_;  ///< "" = all
};

Queries::Queries(const storage::Store& store, const Clock& clock, const Activities& activities,
                 const QueryOptions& options)
    : store_(store), activities_(activities), options_(options), snapshots_(store, clock, options.lag) {}

Result<std::unique_ptr<Queries::Run>> Queries::begin(Request request) {
  auto query = query::parse_query(request.text, {.strict = options_.strict});
  if (!query) return query::to_error(query.error(), request.text);
  QueryToken token;
  if (!request.continuation.empty()) {
    auto read = read_query_token(request.continuation, request.text);
    if (!read) return fail(Errc::argument_invalid, "BadRequest: the continuation token is not one of this query");
    token = std::move(*read);
  }
  auto snapshot = snapshots_.for_query();
  if (!snapshot) return unavailable();
  // From here on the Run counts itself out when it ends.
  if (running_.fetch_add(1) >= options_.running_max) {
    --running_;
    return fail(Errc::generic_too_many_requests, "Too many queries run at once; try again");
  }
  if (query->from == query::Collection::jobs)
    return std::unique_ptr<Run>(std::make_unique<JobScan>(*this, std::move(*query), std::move(request), token));
  if (query->aggregates()) {
    return std::unique_ptr<Run>(
        std::make_unique<GroupScan>(*this, std::move(*query), std::move(request), token, std::move(*snapshot)));
  }
  return std::unique_ptr<Run>(
      std::make_unique<TwinScan>(*this, std::move(*query), std::move(request), token, std::move(*snapshot)));
}

}  // namespace twinhub::hub
