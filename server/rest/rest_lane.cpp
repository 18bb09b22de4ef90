#include "server/rest/rest_lane.hpp"

#include "server/rest/http_session.hpp"
#include "server/rest/indirect_call.hpp"

#include <unistd.h>
#include <boost/asio/steady_timer.hpp>
#include <utility>
#include <vector>

namespace twinhub::rest {

RestLane::RestLane(net::IoThread& io, hub::Hub& hub, net::Threads& threads, const DoorOptions& options,
                   const net::WebSocketDoors& web_sockets, Annex* annex)
    : io_(io), hub_(hub), threads_(threads), options_(options), web_sockets_(web_sockets), annex_(annex) {}

RestLane::~RestLane() = default;

void RestLane::adopt(int descriptor, net::Place place, std::shared_ptr<SSL_CTX> tls) {
  if (stopping_) {
    place.leave();
    ::close(descriptor);
    return;
  }
  const std::uint64_t id = next_id_++;
  auto session = make_http_session(*this, id, descriptor, std::move(place), std::move(tls));
  if (!session) return;
  counters.connections.fetch_add(1, std::memory_order_relaxed);
  sessions_.emplace(id, session);
  session->start();
}

void RestLane::call(IndirectRequest call) {
  if (stopping_) return;  // whoever asks is told so by the end of what it gave
  const std::uint64_t id = next_id_++;
  auto exchange = make_indirect_call(*this, id, std::move(call));
  sessions_.emplace(id, exchange);
  exchange->start();
}

HttpSession* RestLane::find(std::uint64_t id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void RestLane::forget(std::uint64_t id) {
  if (sessions_.erase(id) > 0) counters.connections.fetch_sub(1, std::memory_order_relaxed);
}

void RestLane::run_after(std::chrono::microseconds time, std::function<void()> task) {
  const auto timer = std::make_shared<boost::asio::steady_timer>(io_.context(), time);
  timer->async_wait([timer, task = std::move(task)](const boost::system::error_code& error) {
    if (!error) task();
  });
}

void RestLane::stop(bool now) {
  stopping_ = true;
  std::vector<std::shared_ptr<HttpSession>> all;
  for (const auto& [id, session] : sessions_) all.push_back(session);
  for (const auto& session : all) session->stop(now);
}

void Reply::send(Response response) const {
  if (HttpSession* found = lane->find(session)) found->respond(std::move(response));
}

}  // namespace twinhub::rest
