// The service door's share of one I/O thread: its sessions, reached from other threads by number, never by pointer.
#pragma once

#include "server/hub/hub.hpp"
#include "server/hub/limits/operation_times.hpp"
#include "server/net/threads.hpp"
#include "server/rest/response.hpp"
#include "server/rest/rest_door.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

namespace twinhub::rest {

class HttpSession;

/// Everything is called on its I/O thread, unless said otherwise.
class RestLane {
 public:
  RestLane(net::IoThread& io, hub::Hub& hub, net::Threads& threads, const DoorOptions& options,
           const net::WebSocketDoors& web_sockets, Annex* annex);
  ~RestLane();

  void adopt(int descriptor, net::Place place, std::shared_ptr<SSL_CTX> tls);
  void call(IndirectRequest call);
  [[nodiscard]] HttpSession* find(std::uint64_t id);
  /// The session's last operation has ended: destroys the session.
  void forget(std::uint64_t id);
  /// Runs `task` on this thread after `time`; never, when the hub stops before that.
  void run_after(std::chrono::microseconds time, std::function<void()> task);
  /// Sessions close as soon as they have answered what they began; at once when `now`.
  void stop(bool now);

  [[nodiscard]] net::IoThread& io() { return io_; }  ///< any thread
  [[nodiscard]] hub::Hub& hub() { return hub_; }     ///< any thread
  [[nodiscard]] net::Threads& threads() { return threads_; }
  [[nodiscard]] const DoorOptions& options() const { return options_; }
  [[nodiscard]] const net::WebSocketDoors& web_sockets() const { return web_sockets_; }
  [[nodiscard]] Annex* annex() const { return annex_; }  ///< may be null
  [[nodiscard]] bool stopping() const { return stopping_; }
  /// What a session has received lies here until the next one receives: see net::Stream::async_receive().
  [[nodiscard]] std::span<char> scratch() { return scratch_; }

  /// Written by this thread, read by any.
  struct Counters {
    std::atomic<std::uint64_t> connections{0};
    Tally requests;
    std::array<Tally, status_max + 1> responses;  ///< by their status
    ByteTallies bytes;
  };
  Counters counters;
  hub::OperationTimes times;
  /// An answer is on its way. `operation`: none of a request that was not authorized.
  void count_answer(unsigned status, std::optional<hub::Operation> operation,
                    std::chrono::steady_clock::time_point began) {
    counters.responses[std::min(status, status_max)].add(1);
    if (operation) times.add(*operation, std::chrono::steady_clock::now() - began);
  }

 private:
  net::IoThread& io_;
  hub::Hub& hub_;
  net::Threads& threads_;
  const DoorOptions& options_;
  const net::WebSocketDoors& web_sockets_;
  Annex* const annex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<HttpSession>> sessions_;
  std::array<char, 16 * 1024> scratch_{};  ///< as large as a TLS record: none is kept in part
  std::uint64_t next_id_ = 1;
  bool stopping_ = false;
};

/// Where a handler's answer goes. Cheap to copy; any thread may hold one.
struct Reply {
  RestLane* lane = nullptr;
  std::uint64_t session = 0;

  /// Sends on the lane's thread; does nothing when the session is gone.
  void send(Response response) const;
  /// The function that turns an Error into a response.
  using MakeError = Response (*)(const Error& error, Timestamp now);
  static Response usual_error(const Error& error, Timestamp now) { return error_response(error, now); }

  /// A hub's Done that turns the value into a response with `make(value)` and an Error into IoT Hub's answer.
  template <class T, class Make>
  [[nodiscard]] hub::Done<T> done(Make make, MakeError make_error = usual_error) const {
    return [reply = *this, make, make_error](Result<T> result, storage::Outbox& outbox) {
      net::deliver(reply.lane->io(), outbox, [reply, make, make_error, result = std::move(result)] {
        if (!result) return reply.send(make_error(result.error(), reply.lane->hub().clock.wall()));
        if constexpr (std::is_void_v<T>) {
          reply.send(make());
        } else {
          reply.send(make(*result));
        }
      });
    };
  }
};

}  // namespace twinhub::rest
