// What a run shares: the loop, the errors, the server's figures, and the account of operations that are under way.
#pragma once

#include "bench/load/back_end.hpp"
#include "bench/load/clock.hpp"
#include "bench/load/device.hpp"
#include "bench/load/errors.hpp"
#include "bench/load/event_loop.hpp"
#include "bench/load/latencies.hpp"
#include "bench/load/options.hpp"
#include "bench/load/process.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::load {

/// What was seen between begin() and end() of the measured part.
struct Measured {
  std::uint64_t operations = 0;
  double seconds = 0;
  std::chrono::nanoseconds cpu{};
  Latencies latencies;
};

class World {
 public:
  /// Throws std::runtime_error when the server cannot be used.
  explicit World(const Options& options);

  const Options& options;
  EventLoop loop;
  Errors errors;
  Process server;

  [[nodiscard]] SSL_CTX* tls() const { return tls_.get(); }
  [[nodiscard]] const Address& mqtt() const { return mqtt_; }
  /// Throws std::runtime_error without --amqp.
  [[nodiscard]] Address amqp() const { return parse_address(options.amqp); }
  /// What an AMQP peer has to show: the device's token, or with an empty id the back ends' policy's.
  [[nodiscard]] std::string token_for(const std::string& id) const;
  /// Made at its first use.
  [[nodiscard]] BackEnds& back_ends();
  /// What the device of this number has to say in CONNECT.
  [[nodiscard]] ConnectFields connect_fields(const std::string& id) const;

  /// Runs the loop until `done`. Throws when that takes two minutes, or an error is counted on the way.
  void run_until(std::string_view what, const std::function<bool()>& done);

  // Operations
  /// From now on answers may be late.
  void be_impatient() { impatient_ = true; }
  void started() { ++in_flight_; }
  /// `intended`: when it was to start; with an open loop that may be before it did.
  void ended(Clock::time_point intended, Clock::time_point now);
  /// No answer will come any more.
  void gave_up(std::uint64_t operations) { in_flight_ -= operations; }
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }

  void begin_measuring();
  void end_measuring();
  [[nodiscard]] const Measured& measured() const { return measured_; }

  // Figures beside the operations
  struct Figure {
    std::string name;
    double value = 0;
  };
  std::vector<Figure> figures;

 private:
  Address mqtt_;
  std::shared_ptr<SSL_CTX> tls_;
  std::unique_ptr<BackEnds> back_ends_;
  std::uint64_t in_flight_ = 0;
  bool impatient_ = false;
  bool measuring_ = false;
  Clock::time_point began_;
  Measured measured_;
};

}  // namespace twinhub::load
