#include "server/management/arm/arm_state.hpp"

#include "server/base/answer.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/arm_records.hpp"
#include "server/management/arm/wait_for.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace twinhub::management {
namespace {

constexpr auto kind = storage::RecordKind::management;
/// Of a hub that only the configuration names: one of those where the clients' distributed tracing can be tried.
constexpr std::string_view default_location = "westus2";

std::pair<std::string, std::string> place_of(std::string_view group, std::string_view name) {
  return {folded(group), folded(name)};
}

Result<void> write_durably(storage::Store& store, std::vector<storage::RecordWrite> writes) {
  return wait_for<void>([&](hub::Done<void> done) {
    const auto queued =
        store.write_records(std::move(writes), {}, [done](const Result<void>& durable, storage::Outbox& outbox) {
          done(durable ? Result<void>() : Result<void>(hub::unavailable()), outbox);
        });
    if (queued) return;
    storage::Outbox outbox;
    done(hub::unavailable(), outbox);
  });
}

}  // namespace

Result<bool> drop_erasing_mark(storage::Store& store) {
  const auto mark = store.read_record(kind, erasing_key);
  if (!mark) return mark.error();
  if (!*mark) return false;
  if (const auto written = write_durably(store, {{kind, std::string(erasing_key), std::nullopt}}); !written)
    return written.error();
  return true;
}

Result<void> ArmState::load() {
  Result<void> outcome;
  const auto scanned = store_.scan_records(kind, {}, {}, [&](std::string_view key, std::string_view record) {
    outcome = take(key, record);
    return outcome.has_value();
  });
  if (!scanned) return scanned.error();
  return outcome;
}

Result<void> ArmState::take(std::string_view key, std::string_view record) {
  const MutexLock lock(mutex_);
  bool good = false;
  if (key == hub_key) {
    good = decode(record, hub_);
    hub_deleted_ = good && !hub_;
    // A setting that was changed since names the same hub.
    if (hub_ && !configured_.name.empty()) hub_->name = configured_.name;
  } else if (key == erasing_key) {
    good = decode_mark(record, erasing_.emplace());
  } else if (key.starts_with(group_key_prefix)) {
    ResourceGroup group;
    good = decode(record, group);
    groups_[folded(group.name)] = group;
  } else if (key.starts_with(deployment_key_prefix)) {
    Deployment deployment;
    good = decode(record, deployment);
    deployments_[place_of(deployment.group, deployment.name)] = deployment;
  }
  if (good) return {};
  return fail(Errc::service_unavailable,
              "the management record '" + std::string(key) + "' is damaged or of a newer version");
}

Result<void> ArmState::write(Writes writes) const { return write_durably(store_, std::move(writes)); }

bool ArmState::shows_configured() const { return !hub_ && !hub_deleted_ && !configured_.name.empty(); }

std::vector<ResourceGroup> ArmState::groups() const {
  const MutexLock lock(mutex_);
  std::vector<ResourceGroup> all;
  for (const auto& [key, group] : groups_) all.push_back(group);
  if (shows_configured() && !groups_.contains(folded(configured_.group)))
    all.push_back({configured_.group, std::string(default_location), "{}", false});
  return all;
}

std::optional<ResourceGroup> ArmState::group(std::string_view name) const {
  for (ResourceGroup& group : groups()) {
    if (same_name(group.name, name)) return std::move(group);
  }
  return std::nullopt;
}

std::optional<HubLabels> ArmState::hub() const {
  const MutexLock lock(mutex_);
  if (!shows_configured()) return hub_;
  HubLabels labels;
  labels.name = configured_.name;
  labels.group = configured_.group;
  labels.location = default_location;
  return labels;
}

std::vector<Deployment> ArmState::deployments(std::string_view group) const {
  const MutexLock lock(mutex_);
  std::vector<Deployment> all;
  for (const auto& [place, deployment] : deployments_) {
    if (same_name(deployment.group, group)) all.push_back(deployment);
  }
  return all;
}

std::optional<Deployment> ArmState::deployment(std::string_view group, std::string_view name) const {
  const MutexLock lock(mutex_);
  const auto found = deployments_.find(place_of(group, name));
  if (found == deployments_.end()) return std::nullopt;
  return found->second;
}

Result<void> ArmState::put(const ResourceGroup& group) {
  if (const auto written = write({{kind, group_key(group.name), encode(group)}}); !written) return written;
  const MutexLock lock(mutex_);
  ResourceGroup& here = groups_[folded(group.name)];
  here = group;
  here.kept = true;
  return {};
}

ArmState::Writes ArmState::removal_of_group(std::string_view name) const {
  Writes writes{{kind, group_key(name), std::nullopt}};
  for (const Deployment& deployment : deployments(name))
    writes.push_back({kind, deployment_key(deployment.group, deployment.name), std::nullopt});
  return writes;
}

void ArmState::forget_group(std::string_view name) {
  groups_.erase(folded(name));
  std::erase_if(deployments_, [&](const auto& entry) { return same_name(entry.second.group, name); });
}

Result<void> ArmState::remove_group(std::string_view name) {
  if (const auto written = write(removal_of_group(name)); !written) return written;
  const MutexLock lock(mutex_);
  forget_group(name);
  return {};
}

Result<void> ArmState::put(const HubLabels& hub) {
  Writes writes{{kind, std::string(hub_key), encode(std::optional<HubLabels>(hub))}};
  // The configuration's group is shown for the configured hub alone: from here on it stands for itself.
  std::optional<ResourceGroup> shown;
  {
    const MutexLock lock(mutex_);
    if (!groups_.contains(folded(hub.group))) shown = {hub.group, std::string(default_location), "{}"};
  }
  if (shown) writes.push_back({kind, group_key(shown->name), encode(*shown)});
  if (const auto written = write(std::move(writes)); !written) return written;
  const MutexLock lock(mutex_);
  if (shown) groups_[folded(shown->name)] = *shown;
  hub_ = hub;
  hub_->adopted = true;
  hub_deleted_ = false;
  return {};
}

Result<void> ArmState::put(const Deployment& deployment) {
  Writes writes{{kind, deployment_key(deployment.group, deployment.name), encode(deployment)}};
  const auto place = place_of(deployment.group, deployment.name);
  auto oldest = place;
  {
    const MutexLock lock(mutex_);
    if (!deployments_.contains(place) && deployments_.size() >= deployments_max) {
      oldest = std::min_element(deployments_.begin(), deployments_.end(), [](const auto& a, const auto& b) {
                 return a.second.at < b.second.at;
               })->first;
    }
  }
  if (oldest != place) writes.push_back({kind, deployment_key(oldest.first, oldest.second), std::nullopt});
  if (const auto written = write(std::move(writes)); !written) return written;
  const MutexLock lock(mutex_);
  deployments_.erase(oldest);
  deployments_[place] = deployment;
  return {};
}

Result<void> ArmState::remove_deployment(std::string_view group, std::string_view name) {
  if (const auto written = write({{kind, deployment_key(group, name), std::nullopt}}); !written) return written;
  const MutexLock lock(mutex_);
  deployments_.erase(place_of(group, name));
  return {};
}

Result<void> ArmState::begin_erasing(const std::string& group) {
  if (const auto written = write({{kind, std::string(erasing_key), encode_mark(group)}}); !written) return written;
  const MutexLock lock(mutex_);
  erasing_ = group;
  return {};
}

Result<void> ArmState::drop_mark() {
  if (const auto written = write({{kind, std::string(erasing_key), std::nullopt}}); !written) return written;
  const MutexLock lock(mutex_);
  erasing_.reset();
  return {};
}

std::optional<std::string> ArmState::erasing() const {
  const MutexLock lock(mutex_);
  return erasing_;
}

Result<void> ArmState::end_erasing() {
  const auto group = erasing();
  assert(group);
  Writes writes{{kind, std::string(hub_key), encode(std::optional<HubLabels>())},
                {kind, std::string(erasing_key), std::nullopt}};
  if (!group->empty()) {
    for (auto& removal : removal_of_group(*group)) writes.push_back(std::move(removal));
  }
  if (const auto written = write(std::move(writes)); !written) return written;
  const MutexLock lock(mutex_);
  hub_.reset();
  hub_deleted_ = true;
  erasing_.reset();
  if (!group->empty()) forget_group(*group);
  return {};
}

}  // namespace twinhub::management
