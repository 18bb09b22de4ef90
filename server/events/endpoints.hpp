// Events out: the router and a worker for each endpoint, as one thing to start, to change while it runs, and to stop.
#pragma once

#include "server/events/endpoint_worker.hpp"
#include "server/events/router.hpp"
#include "storage/guarded.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace twinhub::events {

/// Main thread; figures() and wake() from any. Everything it is given outlives it.
class Endpoints {
 public:
  struct Endpoint {
    WorkerOptions options;
    std::unique_ptr<Sink> sink;  ///< of change(): null for an endpoint that goes on as it is
  };

  Endpoints(storage::Store& store, const hub::Clock& clock, hub::Random& random, Router router);
  ~Endpoints();

  /// `options.index` is set here: the order of adding is the order of the bits.
  void add(Endpoint endpoint);
  /// From here on retention spares what an endpoint has not passed. Makes the cursors of new endpoints durable. Before devices are let in. Errors: the store's.
  [[nodiscard]] Result<void> place();
  void start();
  void stop();

  /// While they run: another router, and these endpoints in the place of all that there are, in the order of its bits. One that has the
  /// name of a present one, and a sink, takes its place, at its place in the log; one without a sink goes on undisturbed. Waits for
  /// what those that go have on its way. Errors: the store's; nothing was changed then.
  [[nodiscard]] Result<void> change(Router router, std::vector<Endpoint> wanted);

  /// From the store's watcher.
  void wake() EXCLUDES(mutex_);

  struct Named {
    std::string name;
    EndpointWorker::Figures figures;
  };
  [[nodiscard]] std::vector<Named> figures() const EXCLUDES(mutex_);

 private:
  using Workers = std::vector<std::shared_ptr<EndpointWorker>>;

  [[nodiscard]] Workers workers() const EXCLUDES(mutex_);
  [[nodiscard]] std::shared_ptr<EndpointWorker> make_worker(Endpoint endpoint,
                                                            const std::shared_ptr<const Router>& router);
  /// Tells the store which events are needed; from the workers' threads.
  void hold_events();

  storage::Store& store_;
  const hub::Clock& clock_;
  hub::Random& random_;
  std::shared_ptr<const Router> router_;  // main thread
  Mutex holding_;                         // before mutex_
  std::atomic<bool> all_found_{false};
  mutable Mutex mutex_;
  Workers workers_ GUARDED_BY(mutex_);
};

}  // namespace twinhub::events
