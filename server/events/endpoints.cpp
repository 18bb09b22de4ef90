#include "server/events/endpoints.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace twinhub::events {
namespace {

using Workers = std::vector<std::shared_ptr<EndpointWorker>>;

std::shared_ptr<EndpointWorker> find_worker(const Workers& workers, const std::string& name) {
  const auto found =
      std::find_if(workers.begin(), workers.end(), [&name](const auto& worker) { return worker->name() == name; });
  return found == workers.end() ? nullptr : *found;
}

void stop_all(const Workers& workers) {
  for (const auto& worker : workers) worker->request_stop();
  for (const auto& worker : workers) worker->stop();
}

}  // namespace

Endpoints::Endpoints(storage::Store& store, const hub::Clock& clock, hub::Random& random, Router router)
    : store_(store), clock_(clock), random_(random), router_(std::make_shared<const Router>(std::move(router))) {}

Endpoints::~Endpoints() { stop(); }

Endpoints::Workers Endpoints::workers() const {
  const MutexLock lock(mutex_);
  return workers_;
}

std::shared_ptr<EndpointWorker> Endpoints::make_worker(Endpoint endpoint, const std::shared_ptr<const Router>& router) {
  return std::make_shared<EndpointWorker>(WorkerContext{store_, clock_, random_, router, [this] { hold_events(); }},
                                          std::move(endpoint.options), std::move(endpoint.sink));
}

void Endpoints::add(Endpoint endpoint) {
  endpoint.options.index = workers().size();
  auto worker = make_worker(std::move(endpoint), router_);
  const MutexLock lock(mutex_);
  workers_.push_back(std::move(worker));
}

Result<void> Endpoints::place() {
  // All are found before the first commit: retention works within commits.
  const Workers all = workers();
  for (const auto& worker : all) {
    if (auto found = worker->find(); !found) return found;
  }
  all_found_ = true;
  if (!all.empty()) hold_events();
  for (const auto& worker : all) {
    if (auto placed = worker->place(); !placed) return placed;
  }
  return {};
}

void Endpoints::start() {
  for (const auto& worker : workers()) worker->start();
}

void Endpoints::stop() { stop_all(workers()); }

Result<void> Endpoints::change(Router router, std::vector<Endpoint> wanted) {
  const auto next_router = std::make_shared<const Router>(std::move(router));
  const Workers before = workers();
  Workers after, fresh, gone;
  for (Endpoint& endpoint : wanted) {
    endpoint.options.index = after.size();
    auto present = find_worker(before, endpoint.options.name);
    if (!endpoint.sink) {
      assert(present);
      after.push_back(std::move(present));
      continue;
    }
    auto made = make_worker(std::move(endpoint), next_router);
    if (!present) {
      // Its place in the log is from before the first event that the new routes send it.
      if (auto found = made->find(); !found) return found;
      if (auto placed = made->place(); !placed) return placed;
    }
    fresh.push_back(made);
    after.push_back(std::move(made));
  }
  for (const auto& worker : before) {
    if (std::find(after.begin(), after.end(), worker) == after.end()) gone.push_back(worker);
  }
  stop_all(gone);
  for (const auto& worker : fresh) {
    if (const auto predecessor = find_worker(gone, worker->name())) worker->take_over(*predecessor);
  }
  for (std::size_t i = 0; i < after.size(); ++i) after[i]->reroute(next_router, i);
  router_ = next_router;
  {
    const MutexLock lock(mutex_);
    workers_ = after;
  }
  hold_events();
  for (const auto& worker : fresh) worker->start();
  return {};
}

void Endpoints::wake() {
  const MutexLock lock(mutex_);
  for (const auto& worker : workers_) worker->wake();
}

/// With no endpoint retention spares nothing.
void Endpoints::hold_events() {
  if (!all_found_) return;
  const MutexLock lock(holding_);  // an older minimum must not be written last
  const Workers all = workers();
  for (std::uint32_t i = 0; i < store_.event_ranges().size(); ++i) {
    std::uint64_t first = UINT64_MAX;
    for (const auto& worker : all) first = std::min(first, worker->saved(i));
    store_.hold_events(i, first);
  }
}

std::vector<Endpoints::Named> Endpoints::figures() const {
  std::vector<Named> all;
  for (const auto& worker : workers()) all.push_back({worker->name(), worker->figures()});
  return all;
}

}  // namespace twinhub::events
