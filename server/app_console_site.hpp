// The web console's paths on the operations port, whichever part of the hub serves.
#pragma once

#include "server/ops/site.hpp"
#include "server/stage.hpp"

#include <string_view>
#include <variant>

namespace twinhub {

class ConsoleSite final : public ops::Site {
 public:
  /// `stage` outlives it. REQUIRES: whatever serves has a console.
  explicit ConsoleSite(Stage& stage) : stage_(stage) {}

  [[nodiscard]] bool has(std::string_view path) const override;
  [[nodiscard]] std::variant<std::size_t, ops::SiteAnswer> admit(const ops::SiteHead& head, std::string_view authority,
                                                                 const boost::asio::ip::address& peer) override;
  LetGo answer(ops::SiteRequest request, const boost::asio::ip::address& peer, Answered answered) override;

 private:
  Stage& stage_;
};

}  // namespace twinhub
