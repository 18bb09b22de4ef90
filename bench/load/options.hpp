// What a run is asked to do; --help shows it in words.
#pragma once

#include "bench/load/stream.hpp"

#include <sys/types.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace twinhub::load {

struct Options {
  std::string scenario;

  // The server
  std::string mqtt;     ///< ADDRESS:PORT
  std::string amqp;     ///< ADDRESS:PORT, of the amqp scenarios
  std::string http;     ///< ADDRESS:PORT of the service REST API
  std::string ca;       ///< both over TLS, whose certificate rests on this PEM file
  bool broker = false;  ///< a plain broker: no identities, no tokens, topics of its clients' own choice
  pid_t pid = 0;        ///< whose CPU and memory are measured; 0 = nobody's
  std::string policy = "iothubowner";
  std::string policy_key;

  // Devices
  std::size_t devices = 100;
  std::string device_prefix = "load-";
  std::size_t first = 0;        ///< number of the first one
  std::size_t stride = 1;       ///< their numbers are this far apart: 1,000 out of 1,000,000
  std::string device_key;       ///< base64; one for all
  bool create = false;          ///< register them first
  std::size_t connecting = 16;  ///< so many connect at a time

  // Load
  std::size_t in_flight = 1;  ///< closed loop: as many operations at a time
  double rate = 0;            ///< open loop: operations per second, whatever is still in flight
  double seconds = 3;
  std::uint64_t operations = 0;  ///< measure so many instead of a time
  double warm_up = 0.5;
  double patience = 10;  ///< seconds after which an answer is late; four times that, and it is lost
  std::size_t payload_bytes = 128;
  std::size_t twin_bytes = 1024;  ///< of reported properties before the run; 0 = as they are
  std::size_t depth = 1;          ///< objects within objects in a patch
  int qos = 1;                    ///< of the echo
  std::size_t back_ends = 32;     ///< REST connections
  double connect_rate = 0;        ///< further devices that connect and subscribe meanwhile, per second
  std::size_t slow_readers = 0;   ///< the first so many devices do not read
  bool shared_topics = false;     ///< on a broker: everybody subscribes to the same
  bool rehearse = false;          ///< idle: everybody was there once before
  std::string query = "SELECT deviceId FROM devices";
  std::size_t rows = 0;           ///< that the query has to give
  std::string event_hub;          ///< the Event Hubs-compatible name
  std::string queue;              ///< amqp-telemetry on a broker: the address of its queue
  std::uint32_t events = 20'000;  ///< amqp-events: of the log, read again and again
  std::string ledger;             ///< file for what was acknowledged; empty = none

  [[nodiscard]] std::string device_id(std::size_t index) const {
    return device_prefix + std::to_string(first + index * stride);
  }
  [[nodiscard]] std::chrono::nanoseconds patience_time() const {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(patience * 1e9));
  }
};

}  // namespace twinhub::load
