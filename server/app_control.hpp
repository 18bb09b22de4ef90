// What tests order of the hub, as the settings allow it.
#pragma once

#include "config/settings.hpp"
#include "server/control/site.hpp"
#include "server/control/waits.hpp"
#include "server/hub/hub.hpp"
#include "server/net/threads.hpp"

#include <memory>

namespace twinhub {

class Control {
 public:
  /// All outlive it.
  Control(const config::Settings& settings, hub::Hub& hub, net::Threads& threads);

  [[nodiscard]] ops::Site& site() { return site_; }
  [[nodiscard]] control::Waits& waits() { return *waits_; }

 private:
  const std::shared_ptr<control::Waits> waits_;
  control::Site site_;
};

}  // namespace twinhub
