// What tests order of the hub, as the settings allow it.
#pragma once

#include "config/settings.hpp"
#include "server/control/site.hpp"
#include "server/stage.hpp"

namespace twinhub {

class Control {
 public:
  /// `stage` outlives it. REQUIRES: whatever serves has waits.
  Control(const config::Settings& settings, Stage& stage);

  [[nodiscard]] ops::Site& site() { return site_; }

 private:
  control::Site site_;
};

}  // namespace twinhub
