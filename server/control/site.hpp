// /control/ on the operations port: what tests order of a hub. Only where the settings say so.
#pragma once

#include "server/control/state_order.hpp"
#include "server/control/waits.hpp"
#include "server/ops/site.hpp"

#include <functional>
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

/// Has `ended` called when the wait is over, unless it is let go of. Errors: those of Waits::begin().
using BeginWait = std::function<Result<ops::Site::LetGo>(WaitRequest request, Waits::Ended ended)>;

/// Has `done` called when the order was carried out. Errors: precondition_failed, another one is under way.
using GiveOrder = std::function<Result<void>(StateOrder order, OrderDone done)>;
/// The snapshots, in JSON.
using ListSnapshots = std::function<std::string()>;

struct SiteParts {
  BeginWait begin_wait;
  GiveOrder give_order;
  ListSnapshots list_snapshots;
};

class Site final : public ops::Site {
 public:
  Site(SiteParts parts, SiteOptions options) : parts_(std::move(parts)), options_(std::move(options)) {}

  [[nodiscard]] bool has(std::string_view path) const override;
  [[nodiscard]] std::variant<std::size_t, ops::SiteAnswer> admit(const ops::SiteHead& head, std::string_view authority,
                                                                 const boost::asio::ip::address& peer) override;
  LetGo answer(ops::SiteRequest request, const boost::asio::ip::address& peer, Answered answered) override;

 private:
  LetGo answer_wait(std::string_view query, Answered answered);

  const SiteParts parts_;
  const SiteOptions options_;
};

}  // namespace twinhub::control
