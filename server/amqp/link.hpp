// One attached link and what serves it: the seam at which the kinds of links (link_kinds.hpp) meet the connection. A
// handler is called on its connection's thread only, and may do anything from within a call, its own end included: it
// is destroyed later, when nothing on the stack uses it.
#pragma once

#include "protocol/error.hpp"
#include "server/amqp/engine/engine.hpp"
#include "server/base/done.hpp"
#include "server/hub/limits/operation.hpp"
#include "server/wire/timer_wheel.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::amqp_door {

class Connection;
class Device;
class Link;
struct LinkKind;

/// What a kind of link does with its messages.
class LinkHandler {
 public:
  virtual ~LinkHandler() = default;

  /// The ATTACH was answered.
  virtual void on_attached() {}
  /// The peer has sent a message. Unless it came settled, settle() has to follow, now or later, once.
  virtual void on_delivery(amqp::Incoming&& delivery);
  /// There is credit, or room again where has_room() said no: send what there is. `drains`: drained() has to follow
  /// when there is no more.
  virtual void on_credit(bool drains);
  /// The peer says what became of a message that the hub sent. If the peer has not `settled` it, answer() has to
  /// follow: clients with rcv-settle-mode second wait for it.
  virtual void on_outcome(amqp::DeliveryNumber delivery, const amqp::Outcome& outcome, bool settled);
  /// See Lane::call_each_second().
  virtual void on_second() {}
  /// The link is over, whoever ended it. The last call.
  virtual void on_detached() {}

  /// REQUIRES: not in a constructor.
  [[nodiscard]] Link& link() const { return *link_; }

 private:
  friend class Connection;
  Link* link_ = nullptr;
};

/// A link that never gives anything.
class SilentLink final : public LinkHandler {};

/// What the hub has been asked for and has not answered.
struct InFlight {
  std::uint32_t bytes = 0;
  std::uint32_t requests = 1;
  hub::Operation operation = hub::Operation::unlimited;  ///< whose time it takes; Operation::unlimited: nobody's
};

class Link {
 public:
  Link(Connection& connection, amqp::LinkNumber number, const amqp::AttachRequest& request, const LinkKind& kind,
       std::vector<std::string> captured, std::vector<std::string> segments, Device* device)
      : connection_(connection),
        number_(number),
        session_(request.session),
        sends_settled_(request.sends_settled),
        kind_(kind),
        captured_(std::move(captured)),
        segments_(std::move(segments)),
        device_(device) {}

  [[nodiscard]] Connection& connection() const { return connection_; }
  [[nodiscard]] amqp::LinkNumber number() const { return number_; }
  [[nodiscard]] std::uint64_t session() const { return session_; }
  /// The client asked for messages that are settled when they are sent.
  [[nodiscard]] bool sends_settled() const { return sends_settled_; }
  [[nodiscard]] const LinkKind& kind() const { return kind_; }
  /// What `{}` and `**` of the kind's address took, decoded.
  [[nodiscard]] const std::vector<std::string>& captured() const { return captured_; }
  /// Of kinds with Needs::device; null for others.
  [[nodiscard]] Device* device() const { return device_; }
  [[nodiscard]] LinkHandler& handler() const { return *handler_; }

  /// Ends the link with an error; on_detached() follows before this returns.
  void detach(const amqp::Condition& error);

  // Where the peer sends
  void accept(amqp::DeliveryNumber delivery);
  void reject(amqp::DeliveryNumber delivery, const amqp::Condition& error);
  /// How many messages may be on their way or unsettled; 0 gives no further credit (throttling).
  void set_credit(std::uint32_t credit);
  /// Gives no further credit for `time`; 0 changes nothing. What the peer has credit for may still come.
  void withhold_credit(std::chrono::microseconds time);

  // Where the hub sends
  [[nodiscard]] std::uint32_t credit() const;
  /// True when send() may be called: credit, and room in the session's output. False for want of room calls on_credit()
  /// once there is room.
  [[nodiscard]] bool may_send();
  /// `message`: encoded. `tag`: up to 32 bytes, unlike those of all unsettled messages of the link. REQUIRES:
  /// may_send().
  amqp::DeliveryNumber send(std::string_view message, std::string_view tag, bool settled);
  /// Uses up what credit is left: there is no more to send.
  void drained();
  void answer(amqp::DeliveryNumber delivery, const amqp::Outcome& outcome);
  void forget(amqp::DeliveryNumber delivery);

  /// Wraps `task(handler, result)` so that it runs on the connection's thread if this link is still there: how the
  /// hub's answer, given on the commit thread, comes back. Counts as `in_flight`. when_done.hpp has
  /// its body.
  template <class Handler, class T, class Task>
  [[nodiscard]] hub::Done<T> when_done(Task task, InFlight in_flight = {});

 private:
  friend class Connection;
  Connection& connection_;
  const amqp::LinkNumber number_;
  const std::uint64_t session_;
  const bool sends_settled_;
  const LinkKind& kind_;
  const std::vector<std::string> captured_;
  const std::vector<std::string> segments_;  ///< of its address, where its right rests on them
  Device* const device_;
  void give_credit_again();

  std::unique_ptr<LinkHandler> handler_;
  wire::Clock::time_point withheld_until_ = {};  ///< {} while credit is not withheld
  bool starved_ = false;                         ///< waits for room
  bool over_ = false;
};

}  // namespace twinhub::amqp_door
