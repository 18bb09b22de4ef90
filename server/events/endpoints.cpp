#include "server/events/endpoints.hpp"

#include <utility>

namespace twinhub::events {

Endpoints::Endpoints(storage::Store& store, const hub::Clock& clock, hub::Random& random, Router router)
    : store_(store), clock_(clock), random_(random), router_(std::move(router)) {}

Endpoints::~Endpoints() { stop(); }

void Endpoints::add(Endpoint endpoint) {
  endpoint.options.index = workers_.size();
  workers_.push_back(std::make_unique<EndpointWorker>(WorkerContext{store_, clock_, random_, router_},
                                                      std::move(endpoint.options), std::move(endpoint.sink)));
}

Result<void> Endpoints::place() {
  for (auto& worker : workers_) {
    if (auto placed = worker->place(); !placed) return placed;
  }
  return {};
}

void Endpoints::start() {
  for (auto& worker : workers_) worker->start();
}

void Endpoints::stop() {
  for (auto& worker : workers_) worker->request_stop();
  for (auto& worker : workers_) worker->stop();
}

std::vector<Endpoints::Named> Endpoints::figures() const {
  std::vector<Named> all;
  for (const auto& worker : workers_) all.push_back({worker->name(), worker->figures()});
  return all;
}

}  // namespace twinhub::events
