// A device or module on an AMQP connection, which may carry many: how the hub reaches it. It is connected while it has
// a link, or one that waits for the device's turn. What the hub has for it goes to the handlers of its links.
#pragma once

#include "server/amqp/link.hpp"
#include "server/hub/connections/device_connection.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace twinhub::amqp_door {

/// A handler of a kind with Needs::device. What it does not override is nothing to it.
class DeviceLinkHandler : public LinkHandler {
 public:
  virtual void send_delta(std::uint64_t /*version*/, std::string_view /*delta*/) {}
  /// As hub::DeviceConnection's; the first handler that takes it has it.
  [[nodiscard]] virtual bool send_method(const hub::MethodRequest& /*request*/) { return false; }
  virtual void forget_method(std::uint64_t /*number*/) {}
  virtual void deliver_messages() {}

 protected:
  [[nodiscard]] Device& device() const { return *link().device(); }
};

/// One thread: its connection's.
class Device final : public hub::DeviceConnection {
 public:
  Device(Connection& connection, std::uint64_t number) : connection_(connection), number_(number) {}

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] const std::vector<Link*>& links() const { return links_; }
  /// The handler of this class among the device's links, of which there is one at most: a newer link of a kind ends the
  /// older. nullptr when there is none.
  template <class Handler>
  [[nodiscard]] Handler* find_handler() const {
    for (Link* const link : links_) {
      if (auto* const handler = dynamic_cast<Handler*>(&link->handler())) return handler;
    }
    return nullptr;
  }

  // hub::DeviceConnection
  [[nodiscard]] const hub::DeviceLogin& login() const override { return login_; }
  void send_delta(std::uint64_t version, std::string_view delta) override;
  [[nodiscard]] bool send_method(const hub::MethodRequest& request) override;
  void forget_method(std::uint64_t number) override;
  void deliver_messages() override;
  void close(hub::EndReason reason) override;

 private:
  friend class Connection;
  /// A call may end links: a list of its own.
  [[nodiscard]] std::vector<DeviceLinkHandler*> handlers() const;

  Connection& connection_;
  const std::uint64_t number_;  ///< under which its lane knows it
  hub::DeviceLogin login_;
  std::vector<Link*> links_;
  std::vector<amqp::LinkNumber> waiting_;  ///< links whose ATTACH is answered once the device's entry has had its turn
  bool awaits_turn_ = false;               ///< traffic shaping of connections
  bool end_is_noted_ = false;              ///< with what the peer did wrong
};

}  // namespace twinhub::amqp_door
