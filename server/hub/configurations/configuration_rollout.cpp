#include "server/hub/configurations/configuration_rollout.hpp"

#include "server/base/log.hpp"
#include "server/hub/configurations/apply_configuration.hpp"
#include "server/hub/registry/edge_modules.hpp"
#include "server/hub/registry/identity_write.hpp"
#include "server/hub/registry/module_rules.hpp"
#include "storage/format/keys.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {
namespace {

using configuration::ModulePlan;
using configuration::Statuses;
using iothub::edge_agent;

constexpr std::size_t looks_per_write = 8;  // about what a write costs, against a look that finds nothing to do

bool shows_edge(const configuration::ConfigurationSet& set, std::string_view configurations) {
  for (const auto& [id, applied] : configuration::statuses_of(configurations)) {
    const auto* known = set.find(id);
    if (known == nullptr || known->content.form == configuration::Form::modules) return true;
  }
  return false;
}

}  // namespace

ConfigurationRollout::ConfigurationRollout(storage::Store& store, const Clock& clock, Random& random,
                                           DeviceLinks& links, ConfigurationStore& configurations,
                                           const ConfigurationOptions& options)
    : store_(store),
      clock_(clock),
      random_(random),
      links_(links),
      configurations_(configurations),
      options_(options),
      set_(configurations.set()) {
  store_.watch_entities(this);
}

void ConfigurationRollout::entity_changed(const IdentityId& id) {
  if (configurations_.active()) wait_again(id);
}

void ConfigurationRollout::wait_again(const IdentityId& id) {
  const MutexLock lock(mutex_);
  if (waiting_.size() >= options_.waiting_max) {
    overflowed_ = true;
    return;
  }
  if (waiting_.insert(id).second) order_.push_back(id);
}

std::optional<IdentityId> ConfigurationRollout::take() {
  const MutexLock lock(mutex_);
  if (order_.empty()) return std::nullopt;
  IdentityId id = std::move(order_.front());
  order_.pop_front();
  waiting_.erase(id);
  return id;
}

void ConfigurationRollout::tick() {
  if (!configurations_.active()) return;
  const std::uint64_t generation = configurations_.generation();
  bool overflowed = false;
  {
    const MutexLock lock(mutex_);
    overflowed = std::exchange(overflowed_, false);
  }
  again_ = again_ || overflowed;
  if (generation != pass_generation_ || (again_ && !passing_)) begin_pass(generation);
  // Before this tick writes anything: the writes of the last one are settled by now.
  if (passing_ && scanned_) end_pass();
  const std::size_t whole = options_.slice_twins * looks_per_write;
  spent_ = 0;
  // However many twins are written all the time, a pass comes to its end.
  if (!look_at_waiting(passing_ && !scanned_ ? whole / 2 : whole)) return;
  if (passing_ && !scanned_) scan(whole);
}

void ConfigurationRollout::begin_pass(std::uint64_t generation) {
  // The generation first: what is published later is of a later one.
  pass_generation_ = generation;
  pass_failures_ = failures_;
  set_ = configurations_.set();
  after_.reset();
  again_ = false;
  scanned_ = false;
  passing_ = true;
}

void ConfigurationRollout::end_pass() {
  if (in_flight_ > 0) return;
  if (failures_ != pass_failures_ || again_) return begin_pass(configurations_.generation());
  passing_ = false;
  configurations_.carried_out(pass_generation_);
}

bool ConfigurationRollout::has_room() const { return in_flight_ < options_.in_flight_max; }

/// False: the store takes no writes now.
bool ConfigurationRollout::look_at_waiting(std::size_t limit) {
  while (spent_ < limit && has_room()) {
    const auto id = take();
    if (!id) return true;
    if (!look_at(*id)) return false;
  }
  return true;
}

/// Goes through the durable twins: the id of one whose change is not durable yet came to entity_changed().
void ConfigurationRollout::scan(std::size_t limit) {
  if (spent_ >= limit || !has_room()) return;
  const std::size_t twins_max = (limit - spent_ + looks_per_write - 1) / looks_per_write;
  const auto snapshot = store_.snapshot();
  if (!snapshot) return;
  std::vector<IdentityId> found;
  std::size_t seen = 0;
  bool cut = false;
  std::optional<IdentityId> last;
  storage::ScanRequest request;
  request.identity = set_->has_edge;
  request.after = after_;
  const auto scanned = (*snapshot)->scan(request, [&](const storage::StoredEntity& stored) {
    last = stored.id();
    if (needs_a_look(stored)) found.push_back(*last);
    cut = ++seen >= options_.slice_scanned || found.size() >= twins_max;
    return !cut;
  });
  if (!scanned) {
    log::warn({.event = "configurations_failed"}, "configurations: {}", scanned.error().detail);
    return;  // asked again by the next tick
  }
  for (const IdentityId& id : found) {
    if (!look_at(id)) return;  // from `after_` on again
  }
  if (last) after_ = std::move(last);
  scanned_ = !cut;
}

/// Cheap, and right for all but edge devices and their modules, which are few.
bool ConfigurationRollout::needs_a_look(const storage::StoredEntity& stored) const {
  const auto twin = stored.twin();
  if (!twin) return false;
  if (set_->has_edge) {
    if (!stored.module().empty()) return true;
    const auto identity = stored.identity();
    if (identity && identity->iot_edge) return true;
  }
  const auto assignment = configuration::assign(*set_, stored.id(), *twin, nullptr);
  return !assignment.desired_patch.empty() || configuration::text_of(assignment.statuses) != twin->configurations;
}

bool ConfigurationRollout::look_at(const IdentityId& id) {
  set_ = configurations_.set();
  ++spent_;
  const auto device = store_.read({id.device, ""});
  if (!device) {
    wait_again(id);
    return false;
  }
  if (!device->entity.twin) return true;
  if (!id.is_module()) return look_at_device(id, device->entity);
  if (!set_->has_edge || !device->entity.identity->iot_edge) return configure(id, nullptr, {}, nullptr);
  const auto edge = configuration::plan_edge(*set_, {id.device, ""}, twin::view_of(*device->entity.twin));
  const auto plan = edge.modules.find(id.module);
  const bool is_planned = plan != edge.modules.end();
  return configure(id, is_planned ? &plan->second : nullptr,
                   id.module == edge_agent ? edge.statuses
                   : is_planned            ? plan->second.statuses
                                           : Statuses(),
                   nullptr);
}

bool ConfigurationRollout::look_at_device(const IdentityId& id, const storage::Entity& device) {
  configuration::EdgePlan edge;
  const bool is_edge = set_->has_edge && device.identity->iot_edge;
  if (is_edge) edge = configuration::plan_edge(*set_, id, twin::view_of(*device.twin));
  const bool had_edge = set_->has_edge && shows_edge(*set_, device.twin->configurations);
  if (!configure(id, nullptr, edge.statuses, nullptr)) return false;
  for (const auto& [module, plan] : edge.modules) {
    const bool is_agent = module == edge_agent;
    if (!configure({id.device, module}, &plan, is_agent ? edge.statuses : plan.statuses, device.identity.get())) {
      wait_again(id);
      return false;
    }
  }
  if (!had_edge && edge.statuses.empty()) return true;
  if (edge.modules.empty() && !configure({id.device, std::string(edge_agent)}, nullptr, edge.statuses, nullptr))
    return false;
  return look_at_unplanned(id.device, edge);
}

/// Modules that a deployment has named before, and no deployment names now.
bool ConfigurationRollout::look_at_unplanned(const std::string& device, const configuration::EdgePlan& edge) {
  const auto modules = modules_of(store_, device);
  if (!modules) return false;
  for (const IdentityId& module : *modules) {
    if (module.module == edge_agent || edge.modules.contains(module.module)) continue;
    const auto read = store_.read(module);
    if (!read) return false;
    if (!read->entity.twin || !shows_edge(*set_, read->entity.twin->configurations)) continue;
    if (!configure(module, nullptr, {}, nullptr)) return false;
  }
  return true;
}

/// `device`: of a module that is to be created when it is not there.
bool ConfigurationRollout::configure(const IdentityId& id, const ModulePlan* plan, const Statuses& more,
                                     const iothub::Identity* device) {
  const TwinWrite write{id, TwinAuthor::configuration, clock_.now()};
  std::shared_ptr<const iothub::Identity> module;
  if (device != nullptr)
    module = std::make_shared<const iothub::Identity>(edge_module_identity(id, draw_etag(random_), write.at));
  const auto delta = std::make_shared<DesiredDelta>();
  bool created = false;
  bool wrote = false;
  const auto decide = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    *delta = {};
    storage::EntityChange change;
    change.writer = this;
    created = !current.twin && module;
    if (!current.twin && !module) return change;
    if (created) put_new_identity(change, module, write.at);
    const std::shared_ptr<const twin::Twin> before = created ? change.twin : current.twin;
    auto applied = apply(change, write, *before, plan, more);
    if (!applied) return applied.error();
    *delta = std::move(*applied);
    wrote = !change.empty();
    return change;
  };
  const std::uint64_t failures_before = failures_;
  ++in_flight_;
  store_.update(id, decide, [this, id, delta](const Result<void>& durable, storage::Outbox& outbox) {
    if (durable) {
      delta->send(id, links_, outbox);
    } else {
      ++failures_;
      wait_again(id);
    }
    --in_flight_;
  });
  spent_ += wrote ? looks_per_write : 1;
  if (created) erase_if_orphan(store_, *module, *device, write.at);
  return failures_ == failures_before;
}

Result<DesiredDelta> ConfigurationRollout::apply(storage::EntityChange& change, const TwinWrite& write,
                                                 const twin::Twin& before, const ModulePlan* plan,
                                                 const Statuses& more) {
  auto assignment = configuration::assign(*set_, write.id, twin::view_of(before), plan);
  assignment.statuses.insert(more.begin(), more.end());
  auto delta =
      apply_configuration(change, write, before, assignment.desired_patch, configuration::text_of(assignment.statuses));
  if (delta) {
    if (delta->text) ++changes_;
    return delta;
  }
  // Too large together with what back ends have put there. It is tried again when one of them changes.
  for (auto& [configuration, applied] : assignment.statuses) applied = false;
  const std::string statuses = configuration::text_of(assignment.statuses);
  if (statuses != before.configurations) {
    ++not_applied_;
    const std::string name = storage::name_of(write.id);
    log::warn({.event = "configuration_not_applied", .device = name}, "configurations: {} cannot take its settings: {}",
              name, delta.error().detail);
  }
  return apply_configuration(change, write, before, {}, statuses);
}

ConfigurationRollout::Figures ConfigurationRollout::figures() const {
  const MutexLock lock(mutex_);
  const bool pass = passing_ || pass_generation_ != configurations_.generation();
  return {waiting_.size(), in_flight_, pass, changes_, not_applied_};
}

}  // namespace twinhub::hub
