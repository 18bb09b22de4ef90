#include "server/app_control.hpp"

#include "server/serving.hpp"

#include <memory>
#include <utility>

namespace twinhub {
namespace {

Result<ops::Site::LetGo> begin_wait(Stage& stage, control::WaitRequest request, control::Waits::Ended ended) {
  const auto visit = stage.visit();
  if (!visit) return fail(Errc::service_unavailable, "the hub is being set back; ask again");
  const std::shared_ptr<control::Waits> waits = visit->waits().shared_from_this();
  const auto begun = waits->begin(std::move(request), std::move(ended));
  if (!begun) return begun.error();
  return ops::Site::LetGo([waits, number = *begun] { waits->forget(number); });
}

}  // namespace

Control::Control(const config::Settings& settings, Stage& stage)
    : site_([&stage](control::WaitRequest request,
                     control::Waits::Ended ended) { return begin_wait(stage, std::move(request), std::move(ended)); },
            {.host_names = settings.host_names, .token = settings.ops_token}) {}

}  // namespace twinhub
