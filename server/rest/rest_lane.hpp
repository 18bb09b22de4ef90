// The service door's share of one I/O thread: its sessions, reached from other threads by number, never by pointer.
#pragma once

#include "server/hub/hub.hpp"
#include "server/net/threads.hpp"
#include "server/rest/response.hpp"
#include "server/rest/rest_door.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace twinhub::rest {

class HttpSession;

/// Everything is called on its I/O thread, unless said otherwise.
class RestLane {
 public:
  RestLane(net::IoThread& io, hub::Hub& hub, net::Threads& threads, const DoorOptions& options,
           const net::WebSocketHook& web_sockets);
  ~RestLane();

  void adopt(int descriptor, std::shared_ptr<SSL_CTX> tls);
  [[nodiscard]] HttpSession* find(std::uint64_t id);
  /// The session is over: its last operation has come back.
  void forget(std::uint64_t id);
  /// Runs `task` on this thread after `time`; never, when the hub stops before that.
  void run_after(std::chrono::microseconds time, std::function<void()> task);
  /// Sessions close as soon as they have answered what they began; at once when `now`.
  void stop(bool now);

  [[nodiscard]] net::IoThread& io() { return io_; }  ///< any thread
  [[nodiscard]] hub::Hub& hub() { return hub_; }     ///< any thread
  [[nodiscard]] net::Threads& threads() { return threads_; }
  [[nodiscard]] const DoorOptions& options() const { return options_; }
  [[nodiscard]] const net::WebSocketHook& web_sockets() const { return web_sockets_; }
  [[nodiscard]] bool stopping() const { return stopping_; }

  /// Written by this thread, read by any.
  struct Counters {
    std::atomic<std::uint64_t> connections{0}, requests{0}, responses_2xx{0}, responses_4xx{0}, responses_5xx{0};
  };
  Counters counters;

 private:
  net::IoThread& io_;
  hub::Hub& hub_;
  net::Threads& threads_;
  const DoorOptions& options_;
  const net::WebSocketHook& web_sockets_;
  std::unordered_map<std::uint64_t, std::shared_ptr<HttpSession>> sessions_;
  std::uint64_t next_id_ = 1;
  bool stopping_ = false;
};

/// Where a handler's answer goes. Cheap to copy; any thread may hold one.
struct Reply {
  RestLane* lane = nullptr;
  std::uint64_t session = 0;

  /// On the lane's thread. Nothing happens when the session is gone.
  void send(Response response) const;
  /// How an Error becomes IoT Hub's answer.
  using MakeError = Response (*)(const Error& error, Timestamp now);
  static Response usual_error(const Error& error, Timestamp now) { return error_response(error, now); }

  /// A hub's Done that turns the value into a response with `make(value)` and an Error into IoT Hub's answer.
  template <class T, class Make>
  [[nodiscard]] hub::Done<T> done(Make make, MakeError make_error = usual_error) const {
    return [reply = *this, make, make_error](Result<T> result, storage::Outbox& outbox) {
      net::deliver(reply.lane->io(), outbox, [reply, make, make_error, result = std::move(result)] {
        if (!result) return reply.send(make_error(result.error(), reply.lane->hub().clock.now()));
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
