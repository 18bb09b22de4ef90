#include "server/hub/configurations/configuration_store.hpp"

#include "server/base/answer.hpp"
#include "server/hub/configurations/configuration_record.hpp"

#include <utility>

namespace twinhub::hub {
namespace {

using configuration::Configuration;

Error not_found(const std::string& id) {
  return fail(Errc::configuration_not_found, "There is no configuration '" + id + "'.");
}

Result<void> check_etag(const Configuration& current, const IfMatch& if_match) {
  if (if_match.allows(identity_etag(current.etag))) return {};
  return fail(Errc::precondition_failed, "PreconditionFailed, ETag may be invalid.");  // as a twin's (inferred)
}

ConfigurationStore::Answer answer_of(const Configuration& configuration) {
  ConfigurationStore::Answer answer;
  configuration::append_configuration(answer.json, configuration, {}, {});
  answer.etag = identity_etag(configuration.etag);
  return answer;
}

}  // namespace

ConfigurationStore::ConfigurationStore(storage::Store& store, const Clock& clock, const ConfigurationOptions& options)
    : store_(store), clock_(clock), options_(options) {
  const MutexLock lock(mutex_);
  publish();
}

Result<void> ConfigurationStore::load() {
  const MutexLock lock(mutex_);
  Result<void> outcome;
  bool is_due = false;
  const auto scanned = store_.scan_records(
      storage::RecordKind::configurations, {}, {}, [&](std::string_view id, std::string_view record) REQUIRES(mutex_) {
        if (id == configurations_due_key) {
          is_due = true;
          return true;
        }
        auto configuration = decode_configuration(id, record);
        if (configuration) {
          durable_.emplace(id, std::make_shared<const Configuration>(std::move(*configuration)));
        } else {
          outcome = configuration.error();
        }
        return outcome.has_value();
      });
  if (!scanned) return scanned.error();
  publish();
  // Which twins were waiting when the last run ended is not known: all are looked at again.
  if (!durable_.empty() || is_due) {
    active_ = true;
    ++generation_;
  }
  return outcome;
}

void ConfigurationStore::put(const std::string& id, std::string_view body, const IfMatch& if_match, Done<Answer> done) {
  auto wanted = configuration::parse_configuration(id, body, options_.strict_queries);
  if (!wanted) return answer_now<Answer>(wanted.error(), done);
  const auto decide = [&](const Configuration* current) REQUIRES(mutex_) -> Result<Change> {
    if (current == nullptr && if_match.wants_existing()) return not_found(id);
    if (current != nullptr && !if_match.wants_existing())
      return fail(Errc::configuration_already_exists, "A configuration with ID '" + id + "' exists already.");
    Configuration now = std::move(*wanted);
    now.created = now.updated = clock_.now();
    if (current != nullptr) {
      if (const auto checked = check_etag(*current, if_match); !checked) return checked.error();
      now.created = current->created;
      now.etag = current->etag + 1;
      if (now.content.form != current->content.form) {
        auto target = configuration::parse_target(now.target_condition, current->content.form, options_.strict_queries);
        if (!target) return target.error();
        now.target = std::move(*target);
      }
      now.content = current->content;
    } else if (durable_.size() + writing_.size() >= options_.count_max) {
      return fail(Errc::configuration_count_limit_exceeded,
                  "The hub may have " + std::to_string(options_.count_max) + " configurations and has them");
    }
    return Change{std::make_shared<const Configuration>(std::move(now))};
  };
  write(id, decide, [done = std::move(done)](const Result<Change>& change, storage::Outbox& outbox) {
    done(change ? Result<Answer>(answer_of(*change->now)) : Result<Answer>(change.error()), outbox);
  });
}

void ConfigurationStore::remove(const std::string& id, const IfMatch& if_match, Done<void> done) {
  const auto decide = [&](const Configuration* current) -> Result<Change> {
    if (current == nullptr) return not_found(id);
    if (const auto checked = check_etag(*current, if_match); !checked) return checked.error();
    return Change{};
  };
  write(id, decide, [done = std::move(done)](const Result<Change>& change, storage::Outbox& outbox) {
    done(change ? Result<void>() : Result<void>(change.error()), outbox);
  });
}

Result<ConfigurationStore::Shared> ConfigurationStore::get(const std::string& id) const {
  const MutexLock lock(mutex_);
  const auto found = durable_.find(id);
  if (found == durable_.end()) return not_found(id);
  return found->second;
}

std::vector<ConfigurationStore::Shared> ConfigurationStore::all() const {
  const MutexLock lock(mutex_);
  std::vector<Shared> all;
  for (const auto& [id, configuration] : durable_) all.push_back(configuration);
  return all;
}

std::shared_ptr<const configuration::ConfigurationSet> ConfigurationStore::set() const {
  const MutexLock lock(mutex_);
  return set_;
}

/// Decides on the durable state, so that nothing rests on what a power cut may take back; a second write of the same
/// id is refused until the first one is settled.
void ConfigurationStore::write(const std::string& id, const Decide& decide, OnWritten on_written) {
  auto begun = begin(id, decide);
  if (!begun) {
    storage::Outbox outbox;
    return on_written(begun.error(), outbox);
  }
  constexpr auto kind = storage::RecordKind::configurations;
  std::vector<storage::RecordWrite> records{{kind, id, std::nullopt},
                                            {kind, std::string(configurations_due_key), std::string(1, '\1')}};
  if (begun->now) records.front().value = encode_configuration(*begun->now);
  const auto queued = store_.write_records(
      std::move(records), {},
      [this, id, change = *begun, on_written](const Result<void>& durable, storage::Outbox& outbox) {
        settle(id, durable, change);
        on_written(durable ? Result<Change>(change) : Result<Change>(unavailable()), outbox);
      });
  if (queued) return;
  settle(id, queued, {});
  storage::Outbox outbox;
  on_written(unavailable(), outbox);
}

Result<ConfigurationStore::Change> ConfigurationStore::begin(const std::string& id, const Decide& decide) {
  const MutexLock lock(mutex_);
  if (writing_.contains(id)) {
    return fail(Errc::precondition_failed, "Another change of the configuration '" + id + "' is on its way");
  }
  const auto current = durable_.find(id);
  auto decided = decide(current == durable_.end() ? nullptr : current->second.get());
  if (!decided) return decided;
  writing_.insert(id);
  // From here on: what changes a twin now may be queued behind this write, which knows nothing of it.
  active_ = true;
  return decided;
}

void ConfigurationStore::settle(const std::string& id, const Result<void>& durable, const Change& change) {
  const MutexLock lock(mutex_);
  writing_.erase(id);
  if (!durable) {
    if (durable_.empty() && writing_.empty() && generation_ == carried_out_) active_ = false;
    return;
  }
  if (change.now) {
    durable_.insert_or_assign(id, change.now);
  } else {
    durable_.erase(id);
  }
  publish();
  ++generation_;
}

void ConfigurationStore::publish() {
  std::vector<Shared> all;
  for (const auto& [id, configuration] : durable_) all.push_back(configuration);
  set_ = configuration::make_set(std::move(all));
}

void ConfigurationStore::carried_out(std::uint64_t generation) {
  const MutexLock lock(mutex_);
  if (generation != generation_ || !writing_.empty()) return;
  carried_out_ = generation;
  // A mark that stays costs a look at every twin after the next start.
  static_cast<void>(store_.write_records(
      {{storage::RecordKind::configurations, std::string(configurations_due_key), std::nullopt}}, {}, {}));
  if (durable_.empty()) active_ = false;
}

}  // namespace twinhub::hub
