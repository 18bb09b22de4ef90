#include "server/app_control.hpp"

#include "server/serving.hpp"

#include <memory>
#include <utility>

namespace twinhub {
namespace {

Result<ops::Site::LetGo> begin_wait(Stage& stage, control::WaitRequest request, control::Waits::Ended ended) {
  const auto visit = stage.visit();
  if (!visit) return fail(Errc::service_unavailable, std::string(being_set_back));
  const std::shared_ptr<control::Waits> waits = visit->waits().shared_from_this();
  const auto begun = waits->begin(std::move(request), std::move(ended));
  if (!begun) return begun.error();
  return ops::Site::LetGo([waits, number = *begun] { waits->forget(number); });
}

}  // namespace

std::variant<std::size_t, ops::SiteAnswer> NoControl::admit(const ops::SiteHead& /*head*/,
                                                            std::string_view /*authority*/,
                                                            const boost::asio::ip::address& /*peer*/) {
  constexpr unsigned not_found = 404;
  return ops::SiteAnswer{.status = not_found,
                         .headers = {{"Content-Type", "text/plain; charset=utf-8"}},
                         .body = "tests may order nothing here: control.enabled\n"};
}

ops::Site::LetGo NoControl::answer(ops::SiteRequest /*request*/, const boost::asio::ip::address& /*peer*/,
                                   Answered /*answered*/) {
  return {};  // none is admitted
}

Control::Control(const config::Settings& settings, Stage& stage, StateOrders& orders, const HubState& state)
    : site_(
          {.begin_wait =
               [&stage](control::WaitRequest request, control::Waits::Ended ended) {
                 return begin_wait(stage, std::move(request), std::move(ended));
               },
           .give_order = [&orders](control::StateOrder order,
                                   control::OrderDone done) { return orders.give(std::move(order), std::move(done)); },
           .list_snapshots = [&state] { return state.list(); }},
          {.host_names = settings.host_names, .token = settings.ops_token}) {}

}  // namespace twinhub
