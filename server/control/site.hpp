// /control/ on the operations port: what tests order of a hub. Only where the settings say so.
#pragma once

#include "server/control/waits.hpp"
#include "server/ops/site.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace twinhub::control {

struct SiteOptions {
  std::vector<std::string>
      host_names;     ///< that requests may call the hub by, beside addresses and this machine's names
  std::string token;  ///< that peers on other machines bring; "": none may come
};

class Site final : public ops::Site {
 public:
  Site(std::shared_ptr<Waits> waits, SiteOptions options) : waits_(std::move(waits)), options_(std::move(options)) {}

  [[nodiscard]] bool has(std::string_view path) const override;
  [[nodiscard]] std::variant<std::size_t, ops::SiteAnswer> admit(const ops::SiteHead& head, std::string_view authority,
                                                                 const boost::asio::ip::address& peer) override;
  LetGo answer(ops::SiteRequest request, const boost::asio::ip::address& peer, Answered answered) override;

 private:
  const std::shared_ptr<Waits> waits_;
  const SiteOptions options_;
};

}  // namespace twinhub::control
