// Doors of no protocol, for tests of the device table and the entrance: a lane with a thread of its own that the test
// turns by hand, and connections that write down what the hub does to them.
#pragma once

#include "server/hub/connections/device_connection.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::hub {

/// The thread of a lane: tasks wait until run().
class FakeThread final : public storage::Lane {
 public:
  void post(std::vector<std::function<void()>> tasks) override {
    const std::lock_guard lock(mutex_);
    for (auto& task : tasks) tasks_.push_back(std::move(task));
  }
  void run() {
    for (auto& task : take()) task();
  }
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return tasks_.size();
  }

 private:
  std::vector<std::function<void()>> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(tasks_, {});
  }

  mutable std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
};

/// What both kinds of connection below share: everything the hub did, as words.
class FakeConnection : public DeviceConnection {
 public:
  explicit FakeConnection(DeviceLogin login) : login_(std::move(login)) {}

  [[nodiscard]] const DeviceLogin& login() const override { return login_; }
  void deliver_messages() override { note("messages"); }
  void forget_method(std::uint64_t number) override { note("forget " + std::to_string(number)); }
  void close(EndReason reason) override {
    note(reason == EndReason::taken_over         ? "taken over"
         : reason == EndReason::identity_changed ? "identity changed"
                                                 : "identity deleted");
  }

  std::vector<std::string> log;

 protected:
  void note(std::string text) { log.push_back(std::move(text)); }

 private:
  DeviceLogin login_;
};

/// A door that takes deltas and methods.
class FakeMqtt final : public FakeConnection {
 public:
  using FakeConnection::FakeConnection;
  void send_delta(std::uint64_t version, std::string_view delta) override {
    note("delta " + std::to_string(version) + " " + std::string(delta));
  }
  bool send_method(const MethodRequest& request) override {
    note("method " + request.name);
    return true;
  }
};

/// Another protocol, whose devices take no methods and are told of a delta by its version only.
class FakeAmqp final : public FakeConnection {
 public:
  using FakeConnection::FakeConnection;
  void send_delta(std::uint64_t version, std::string_view) override { note("version " + std::to_string(version)); }
  bool send_method(const MethodRequest&) override { return false; }
};

/// A door's lane whose connections are of one kind.
template <class Kind>
class FakeDoor final : public ConnectionLane {
 public:
  [[nodiscard]] storage::Lane& thread() override { return thread_; }
  [[nodiscard]] DeviceConnection* find_device(std::uint64_t connection) override {
    const auto found = connections_.find(connection);
    return found == connections_.end() ? nullptr : found->second.get();
  }

  ConnectionHandle open(DeviceLogin login) {
    connections_[++last_] = std::make_unique<Kind>(std::move(login));
    return {this, last_};
  }
  void drop(const ConnectionHandle& handle) { connections_.erase(handle.connection); }
  /// What the hub did to the connection, now that its thread has run.
  const std::vector<std::string>& log(const ConnectionHandle& handle) {
    thread_.run();
    return connections_.at(handle.connection)->log;
  }
  FakeThread& fake_thread() { return thread_; }

 private:
  FakeThread thread_;
  std::map<std::uint64_t, std::unique_ptr<FakeConnection>> connections_;
  std::uint64_t last_ = 0;
};

}  // namespace twinhub::hub
