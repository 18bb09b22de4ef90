// What tests order of the hub, as the settings allow it.
#pragma once

#include "config/settings.hpp"
#include "server/app_state.hpp"
#include "server/control/site.hpp"
#include "server/stage.hpp"

#include <cstddef>
#include <string_view>
#include <variant>

namespace twinhub {

/// In its place where the settings allow nothing.
class NoControl final : public ops::Site {
 public:
  [[nodiscard]] bool has(std::string_view path) const override { return path.starts_with("/control/"); }
  [[nodiscard]] std::variant<std::size_t, ops::SiteAnswer> admit(const ops::SiteHead& head, std::string_view authority,
                                                                 const boost::asio::ip::address& peer) override;
  LetGo answer(ops::SiteRequest request, const boost::asio::ip::address& peer, Answered answered) override;
};

class Control {
 public:
  /// All outlive it. REQUIRES: whatever serves has waits.
  Control(const config::Settings& settings, Stage& stage, StateOrders& orders, const HubState& state);

  [[nodiscard]] ops::Site& site() { return site_; }

 private:
  control::Site site_;
};

}  // namespace twinhub
