// One AMQP connection: the pump's bytes into the engine and back, who its peer is, its links and the devices on it.
// What the links do stands in their handlers (link_kinds.hpp).
#pragma once

#include "protocol/error.hpp"
#include "protocol/reason.hpp"
#include "server/amqp/access.hpp"
#include "server/amqp/device.hpp"
#include "server/amqp/engine/engine.hpp"
#include "server/amqp/link.hpp"
#include "server/wire/pump.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace twinhub::amqp_door {

class Lane;
class ReplyLink;

/// One thread: its lane's. Others reach it by its number, through the lane.
class Connection final : public wire::Pump, private amqp::EngineEvents {
 public:
  Connection(Lane& lane, std::uint64_t id, std::unique_ptr<wire::Transport> transport);
  ~Connection() override;

  [[nodiscard]] Lane& lane() const;
  /// REQUIRES: the peer has sent something.
  [[nodiscard]] amqp::Engine& engine() { return *engine_; }
  /// nullptr when the link is over.
  [[nodiscard]] Link* find(amqp::LinkNumber number) const;
  /// The host name of the client's OPEN: what it reaches the hub by.
  [[nodiscard]] const std::string& host_name() const { return host_name_; }
  [[nodiscard]] const Access& access() const { return access_; }

  // For links
  void detach(Link& link, const amqp::Condition& error);
  void wait_for_room(Link& link);
  void note_sent();
  /// As Pump::sleep(); of several calls the longest counts, for a read may bring many requests.
  void sleep(std::chrono::microseconds time);
  /// Sends `message` on the session's ReplyLink at `address` (a kind's). One that is not attached yet is waited for:
  /// some clients attach it last.
  void reply(std::uint64_t session, std::string_view address, std::string message);
  /// Gives it what waits for it.
  void add_reply_link(ReplyLink& link);
  void remove_reply_link(ReplyLink& link) { std::erase(reply_links_, &link); }
  /// Replies that wait, for whatever, have one bound: false past it.
  [[nodiscard]] bool hold_reply_bytes(std::size_t bytes);
  void release_reply_bytes(std::size_t bytes) { waiting_reply_bytes_ -= bytes; }
  /// See Access::put_token(). `by`: the address that took it.
  [[nodiscard]] Result<void> put_token(std::string_view audience, std::string_view token, std::string_view by = "$cbs");
  /// A request at `address` that brought no token, or that no token of the connection opens.
  void note_refused_request(std::string_view address, const hub::RefusalCause& cause) const;
  /// Ends the device's links with `error`.
  void end_device(Device& device, Reason reason, const amqp::Condition& error);
  /// Likewise, and forgets its token: it would not be let in any more.
  void expel_device(Device& device, Reason reason, const amqp::Condition& error);

  // For the lane
  /// The hub's trusted CAs or policies have changed: ends links and devices whose right rests on one that is gone.
  void check_vouchers();

 private:
  struct WaitingAttach {
    amqp::AttachRequest request;
    Device* device = nullptr;
  };
  struct WaitingReply {
    std::uint64_t session = 0;
    std::string address;
    std::string message;
  };

  // wire::Pump
  [[nodiscard]] bool receive(std::string_view bytes) override;
  [[nodiscard]] std::size_t kept_bytes() const override { return 0; }  // nothing waits for a pause to end
  void hold(bool) override {}
  [[nodiscard]] std::size_t unanswered() const override;
  void before_flush() override;
  void all_written() override;
  void deadline_reached() override;
  void close_for(Cause cause) override;

  // amqp::EngineEvents
  [[nodiscard]] amqp::SaslVerdict on_sasl(std::string_view mechanism, std::string_view response) override;
  [[nodiscard]] std::optional<amqp::Condition> on_open(const amqp::OpenRequest& request) override;
  void on_attach(amqp::LinkNumber number, const amqp::AttachRequest& request) override;
  void on_delivery(amqp::LinkNumber number, amqp::Incoming&& delivery) override;
  void on_credit(amqp::LinkNumber number, bool drains) override;
  void on_outcome(amqp::LinkNumber number, amqp::DeliveryNumber delivery, const amqp::Outcome& outcome,
                  bool settled) override;
  void on_detached(amqp::LinkNumber number) override;
  void on_closed(const std::optional<amqp::Condition>& error) override;

  // attach.cpp
  struct Found {
    const LinkKind* kind = nullptr;
    std::vector<std::string> segments, captured;
  };
  [[nodiscard]] Found kind_for(const amqp::AttachRequest& request) const;
  void attach(amqp::LinkNumber number, const amqp::AttachRequest& request);
  void add_link(std::unique_ptr<Link> made, amqp::Value properties);
  void pay_for_entry();
  void refuse(amqp::LinkNumber number, const LinkKind* kind, const amqp::AttachRequest& request,
              const amqp::Condition& why);
  void refuse(amqp::LinkNumber number, const amqp::Condition& why);
  void note_back_end() const;
  void note_connected(const Device& device) const;
  void note_refused_link(const LinkKind* kind, const amqp::AttachRequest& request, const hub::RefusalCause& cause);
  [[nodiscard]] hub::RefusalCauses causes() const;
  [[nodiscard]] std::optional<amqp::Condition> check_right(const LinkKind& kind,
                                                           const std::vector<std::string>& segments,
                                                           const std::vector<std::string>& captured, Device*& device,
                                                           hub::RefusalCause& cause);
  [[nodiscard]] Result<Device*> device_for(const IdentityId& id);
  void await_turn(Device& device, std::chrono::microseconds wait);
  void let_in(Device& device);
  void drop_waiting(amqp::LinkNumber number);
  void drop_link(Link& link);
  void leave(Device& device);
  void leave_without_links(Device& device);
  void leave_bytes(const IdentityId& id);
  void drop_everything();
  void drop_unproved(Reason reason, std::string_view why);
  [[nodiscard]] std::vector<Device*> devices_by_certificate() const;
  void end_expired_certificates(std::uint64_t now_unix, std::uint64_t grace);

  // access
  [[nodiscard]] std::uint64_t now_unix() const;
  void make_engine();
  void prove();
  // connection_notices.cpp
  void note_refused_token(const std::optional<IdentityId>& id, std::string_view code, std::string_view token,
                          const Error& error);
  void note_fault(const amqp::Condition& error);
  void note_end(Reason reason);
  void note_end_of(const Device& device);
  [[nodiscard]] wire::Clock::time_point token_deadline() const;

  void after_receive();
  bool set_closing_deadline();
  void fill_output();
  std::int64_t tick_engine();
  void close(Goodbye goodbye, Reason reason);
  void bury_ended();
  void plan();

  std::unique_ptr<amqp::Engine> engine_;  ///< from the first byte on
  Access access_;
  std::string host_name_;
  std::unordered_map<amqp::LinkNumber, std::unique_ptr<Link>> links_;
  std::unordered_map<IdentityId, std::unique_ptr<Device>> devices_;
  std::unordered_map<amqp::LinkNumber, WaitingAttach> waiting_attaches_;  ///< of devices that await their turn
  std::vector<amqp::LinkNumber> starved_;                                 ///< links that wait for room
  std::unordered_map<const LinkKind*, std::size_t> links_by_kind_;
  std::vector<ReplyLink*> reply_links_;
  std::vector<WaitingReply> waiting_replies_;       ///< for their link
  std::size_t waiting_reply_bytes_ = 0;             ///< of these, and of the links' own
  std::vector<std::unique_ptr<Link>> ended_links_;  ///< until nothing on the stack uses them
  std::vector<std::unique_ptr<Device>> ended_devices_;
  wire::Clock::time_point stranger_deadline_;
  wire::Clock::time_point awake_at_;
  wire::Clock::time_point entries_paid_;  ///< see pay_for_entry()
  std::size_t devices_entered_ = 0;
  wire::Clock::time_point closing_deadline_ = wire::Clock::time_point::max();
  Reason end_reason_ = Reason::disconnect;  ///< of devices that leave now
  bool fault_told_ = false;                 ///< the peer broke the protocol, and the notice says so
  bool is_silent_ = false;                  ///< the peer has sent nothing for longer than it may
  std::uint8_t refusals_explained_ = 0;
  bool known_ = false;
  bool in_engine_ = false;
  bool more_output_ = false;
  bool had_output_ = false;  ///< of the engine, in this flush
  bool plan_due_ = false;    ///< plan(), once the engine was left
};

}  // namespace twinhub::amqp_door
