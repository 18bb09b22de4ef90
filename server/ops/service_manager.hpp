// What the hub tells the service manager that started it, as systemd does a unit of Type=notify: ready, reloading,
// stopping, and one line of text for `systemctl status`. One datagram each, to the socket that NOTIFY_SOCKET names.
// Source: sd_notify(3), "Notes": the protocol is stable, and meant to be written without libsystemd, which would cost every
// start of the program half a millisecond and four more libraries.
#pragma once

#include <string>
#include <string_view>

namespace twinhub::ops {

/// One thread. Without a service manager, or one that has gone, it says nothing.
class ServiceManager {
 public:
  /// `socket`: NOTIFY_SOCKET, a path or, behind '@', an abstract name; empty: nobody is told.
  explicit ServiceManager(std::string_view socket);
  /// Of this process's environment.
  static ServiceManager of_environment();
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  /// What it does now, or why it cannot start: a line of `systemctl status`.
  void status(std::string_view line) const;
  void ready(std::string_view status) const;
  /// ready() follows.
  void reloading() const;
  void stopping(std::string_view status) const;

 private:
  void tell(std::string_view lines) const;

  std::string socket_;
  int descriptor_ = -1;
};

}  // namespace twinhub::ops
