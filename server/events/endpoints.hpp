// Events out: the router and a worker for each endpoint, as one thing to start and stop.
#pragma once

#include "server/events/endpoint_worker.hpp"
#include "server/events/router.hpp"

#include <memory>
#include <vector>

namespace twinhub::events {

/// Main thread; figures() from any. Everything it is given outlives it.
class Endpoints {
 public:
  struct Endpoint {
    WorkerOptions options;
    std::unique_ptr<Sink> sink;
  };

  Endpoints(storage::Store& store, const hub::Clock& clock, hub::Random& random, Router router);
  ~Endpoints();

  /// `options.index` is set here: the order of adding is the order of the bits.
  void add(Endpoint endpoint);
  /// Makes the cursors of new endpoints durable. Before devices are let in. Errors: the store's.
  [[nodiscard]] Result<void> place();
  void start();
  void stop();

  /// From the store's watcher.
  void wake() {
    for (auto& worker : workers_) worker->wake();
  }

  struct Named {
    std::string name;
    EndpointWorker::Figures figures;
  };
  [[nodiscard]] std::vector<Named> figures() const;

 private:
  storage::Store& store_;
  const hub::Clock& clock_;
  hub::Random& random_;
  Router router_;
  std::vector<std::unique_ptr<EndpointWorker>> workers_;
};

}  // namespace twinhub::events
