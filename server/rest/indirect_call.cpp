#include "server/rest/indirect_call.hpp"

#include "server/base/error_table.hpp"
#include "server/base/log.hpp"
#include "server/rest/routes.hpp"

#include <chrono>
#include <optional>
#include <utility>
#include <variant>

namespace twinhub::rest {
namespace {

class IndirectCall final : public HttpSession, public std::enable_shared_from_this<IndirectCall> {
 public:
  IndirectCall(RestLane& lane, std::uint64_t id, IndirectRequest call) : lane_(lane), id_(id), call_(std::move(call)) {}

  void start() override {
    const auto self = shared_from_this();  // the answer may come at once, and ends this
    lane_.counters.requests.add(1);
    lane_.counters.connections.fetch_add(1, std::memory_order_relaxed);  // the door waits for it when it stops
    try {
      auto authorized = authorize(lane_.hub(), call_.request, call_.rights);
      if (auto* refusal = std::get_if<Response>(&authorized)) return respond(std::move(*refusal));
      const auto& allowed = std::get<Authorized>(authorized);
      operation_ = allowed.operation;
      handle({&lane_, id_}, call_.request, allowed);
    } catch (const std::exception& unexpected) {
      log::error({.event = "request_failed"}, "request failed: {}", unexpected.what());
      respond(error_response(fail(Errc::server_error, "The request failed unexpectedly."), lane_.hub().clock.wall()));
    }
  }

  void respond(Response response) override {
    if (!call_.answered) return;
    lane_.count_answer(response.status, operation_, began_);
    response.headers.emplace_back("x-ms-request-id", hub::make_request_id());
    std::exchange(call_.answered, {})(std::move(response));
    lane_.forget(id_);
  }

  void stop(bool now) override {
    if (now) lane_.forget(id_);
  }

 private:
  RestLane& lane_;
  const std::uint64_t id_;
  IndirectRequest call_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::optional<hub::Operation> operation_;  ///< once it is authorized
};

}  // namespace

std::shared_ptr<HttpSession> make_indirect_call(RestLane& lane, std::uint64_t id, IndirectRequest call) {
  return std::make_shared<IndirectCall>(lane, id, std::move(call));
}

}  // namespace twinhub::rest
