#include "server/hub/configurator.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <utility>

namespace twinhub::hub {
namespace {

using configuration::ModulePlan;
using configuration::Statuses;

constexpr std::string_view edge_agent = "$edgeAgent";
constexpr std::size_t looks_per_write = 8;  // about what a write costs, against a look that finds nothing to do

/// What this thread writes for configurations changes nothing that a target condition looks at.
thread_local bool own_write = false;

bool shows_edge(const configuration::ConfigurationSet& set, std::string_view configurations) {
  for (const auto& [id, applied] : configuration::statuses_of(configurations)) {
    const auto* known = set.find(id);
    if (known == nullptr || known->content.form == configuration::Form::modules) return true;
  }
  return false;
}

}  // namespace

Configurator::Configurator(storage::Store& store, const Clock& clock, Random& random, DeviceLinks& links,
                           Configurations& configurations, const ConfigurationOptions& options)
    : store_(store),
      clock_(clock),
      random_(random),
      links_(links),
      configurations_(configurations),
      options_(options),
      set_(configurations.set()) {
  store_.watch_entities(this);
}

void Configurator::entity_changed(const IdentityId& id) {
  if (!configurations_.active() || own_write) return;
  wait_again(id);
}

void Configurator::wait_again(const IdentityId& id) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= options_.waiting_max) {
    overflowed_ = true;
    return;
  }
  if (waiting_.insert(id).second) order_.push_back(id);
}

std::optional<IdentityId> Configurator::take() {
  const std::lock_guard lock(mutex_);
  if (order_.empty()) return std::nullopt;
  IdentityId id = std::move(order_.front());
  order_.pop_front();
  waiting_.erase(id);
  return id;
}

void Configurator::tick() {
  if (!configurations_.active()) return;
  const std::uint64_t generation = configurations_.generation();
  bool overflowed = false;
  {
    const std::lock_guard lock(mutex_);
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

void Configurator::begin_pass(std::uint64_t generation) {
  // The generation first: what is published later is of a later one.
  pass_generation_ = generation;
  pass_failures_ = failures_;
  set_ = configurations_.set();
  after_.reset();
  again_ = false;
  scanned_ = false;
  passing_ = true;
}

void Configurator::end_pass() {
  if (in_flight_ > 0) return;
  if (failures_ != pass_failures_ || again_) return begin_pass(configurations_.generation());
  passing_ = false;
  configurations_.carried_out(pass_generation_);
}

bool Configurator::has_room() const { return in_flight_ < options_.in_flight_max; }

/// False: the store takes no writes now.
bool Configurator::look_at_waiting(std::size_t limit) {
  while (spent_ < limit && has_room()) {
    const auto id = take();
    if (!id) return true;
    if (!look_at(*id)) return false;
  }
  return true;
}

/// Goes through the durable twins: a change that is not durable yet has been told to entity_changed().
void Configurator::scan(std::size_t limit) {
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
    spdlog::warn("configurations: {}", scanned.error().detail);
    return;  // asked again by the next tick
  }
  for (const IdentityId& id : found) {
    if (!look_at(id)) return;  // from `after_` on again
  }
  if (last) after_ = std::move(last);
  scanned_ = !cut;
}

/// Cheap, and right for all but edge devices and their modules, which are few.
bool Configurator::needs_a_look(const storage::StoredEntity& stored) const {
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

bool Configurator::look_at(const IdentityId& id) {
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
  return configure(id, plan == edge.modules.end() ? nullptr : &plan->second,
                   id.module == edge_agent ? edge.statuses : Statuses(), nullptr);
}

bool Configurator::look_at_device(const IdentityId& id, const storage::Entity& device) {
  configuration::EdgePlan edge;
  const bool is_edge = set_->has_edge && device.identity->iot_edge;
  if (is_edge) edge = configuration::plan_edge(*set_, id, twin::view_of(*device.twin));
  const bool had_edge = set_->has_edge && shows_edge(*set_, device.twin->configurations);
  if (!configure(id, nullptr, edge.statuses, nullptr)) return false;
  for (const auto& [module, plan] : edge.modules) {
    const bool is_agent = module == edge_agent;
    if (!configure({id.device, module}, &plan, is_agent ? edge.statuses : Statuses(), device.identity.get())) {
      wait_again(id);
      return false;
    }
  }
  if (edge.modules.empty() && (had_edge || !edge.statuses.empty()))
    return configure({id.device, std::string(edge_agent)}, nullptr, edge.statuses, nullptr);
  return true;
}

/// `device`: of a module that is to be created when it is not there.
bool Configurator::configure(const IdentityId& id, const ModulePlan* plan, const Statuses& more,
                             const iothub::Identity* device) {
  const Timestamp now = clock_.now();
  const std::uint64_t etag = device != nullptr ? draw_identity_etag(random_) : 0;
  const auto outcome = std::make_shared<ConfiguredTwin>();
  bool created = false;
  bool wrote = false;
  const auto decision = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
    created = false;
    if (current.twin) {
      auto change = decide(id, current, plan, more, now, *outcome);
      wrote = change && !change->empty();
      return change;
    }
    if (device == nullptr) return storage::EntityChange{};
    created = true;
    storage::Entity fresh{std::make_shared<const iothub::Identity>(edge_module_identity(id, etag, now)),
                          std::make_shared<const twin::Twin>(twin::make_twin(now))};
    auto change = decide(id, fresh, plan, more, now, *outcome);
    if (!change) return change;
    if (!change->twin) change->twin = fresh.twin;
    change->identity = fresh.identity;
    change->events.insert(change->events.begin(), storage::identity_created_event(id, now));
    return change;
  };
  const std::uint64_t failures_before = failures_;
  ++in_flight_;
  own_write = true;
  store_.update(id, decision, [this, id, outcome](const Result<void>& durable, storage::Outbox& outbox) {
    if (durable) {
      outcome->tell(id, links_, outbox);
    } else {
      ++failures_;
      wait_again(id);
    }
    --in_flight_;
  });
  own_write = false;
  spent_ += wrote || created ? looks_per_write : 1;
  if (created) erase_orphan(store_, id, device->generation_id, now);
  return failures_ == failures_before;
}

Result<storage::EntityChange> Configurator::decide(const IdentityId& id, const storage::Entity& current,
                                                   const ModulePlan* plan, const Statuses& more, Timestamp now,
                                                   ConfiguredTwin& outcome) {
  auto assignment = configuration::assign(*set_, id, twin::view_of(*current.twin), plan);
  assignment.statuses.insert(more.begin(), more.end());
  auto change = configure_twin(id, *current.twin, assignment.desired_patch, configuration::text_of(assignment.statuses),
                               now, outcome);
  if (change) {
    if (outcome.delta) ++changes_;
    return change;
  }
  // Too large together with what back ends have put there. It is tried again when one of them changes.
  for (auto& [configuration, applied] : assignment.statuses) applied = false;
  const std::string statuses = configuration::text_of(assignment.statuses);
  if (statuses != current.twin->configurations) {
    ++not_applied_;
    spdlog::warn("configurations: {}{}{} cannot take its settings: {}", id.device, id.is_module() ? "/" : "", id.module,
                 change.error().detail);
  }
  return configure_twin(id, *current.twin, {}, statuses, now, outcome);
}

Configurator::Figures Configurator::figures() const {
  const std::lock_guard lock(mutex_);
  const bool pass = passing_ || pass_generation_ != configurations_.generation();
  return {waiting_.size(), in_flight_, pass, changes_, not_applied_};
}

}  // namespace twinhub::hub
