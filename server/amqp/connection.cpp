#include "server/amqp/connection.hpp"

#include "server/amqp/condition.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/reply_link.hpp"
#include "server/net/admission.hpp"
#include "server/net/peer_chain.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace twinhub::amqp_door {
namespace {

constexpr std::size_t output_enough = 64 * 1024;       // taken from the engine at a time: the rest waits for the socket
constexpr std::chrono::seconds closing_time{5};        // for a peer to take the last bytes
constexpr std::chrono::seconds look_max{60};           // between two looks at a connection
constexpr std::size_t waiting_bytes_max = 256 * 1024;  // of outcomes and FLOWs that the socket has not taken
constexpr std::size_t waiting_replies_max = 32;
constexpr std::size_t waiting_reply_bytes_max = 256 * 1024;

std::int64_t milliseconds(wire::Clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

}  // namespace

Connection::Connection(Lane& lane, std::uint64_t id, std::unique_ptr<wire::Transport> transport)
    : Pump(lane, id, std::move(transport)),
      access_(lane.hub().authenticator, lane.options().tokens_max),
      stranger_deadline_(lane.now() + lane.options().login_timeout) {}

Connection::~Connection() = default;

Lane& Connection::lane() const { return static_cast<Lane&>(lane_); }

Link* Connection::find(amqp::LinkNumber number) const {
  const auto found = links_.find(number);
  return found == links_.end() ? nullptr : found->second.get();
}

/// In the cloud's order. What TLS has shown is known by now: the first byte has come.
void Connection::make_engine() {
  std::string mechanisms = "MSSBCBS ANONYMOUS";
  if (const SSL* const tls = transport().tls()) {
    access_.show(net::peer_chain(tls));
    net::forget_peer_chain(tls);  // the access has what it needs of the chain
    mechanisms += " PLAIN";
    if (access_.has_certificate()) mechanisms.insert(0, "EXTERNAL ");
  }
  amqp::EngineLimits limits;
  const DoorOptions& options = lane().options();
  limits.links_max = options.links_max;
  limits.channel_max = static_cast<std::uint16_t>(options.sessions_max - 1);
  limits.frame_bytes_max = options.frame_bytes_max;
  limits.partial_bytes_max = options.partial_bytes_max;
  limits.idle_timeout_ms = static_cast<std::uint32_t>(options.idle_timeout.count());
  amqp::EngineEvents& events = *this;
  engine_ = std::make_unique<amqp::Engine>(events, limits, std::move(mechanisms), "twinhub");
}

bool Connection::receive(std::string_view bytes) {
  if (closed()) return false;
  if (!engine_) make_engine();
  in_engine_ = true;
  const bool goes_on = engine_->receive(bytes);
  in_engine_ = false;
  // A link stands by the tokens that are there now: a weaker one in the place of the one that opened it would let it
  // outlive that one's end, and its key's.
  if (access_.take_weakened() && !closed())
    drop_unproved(Reason::identity_changed, "ErrorCode:IotHubUnauthorizedAccess;The newest token does not open it");
  after_receive();
  if (std::exchange(plan_due_, false)) plan();
  if (!goes_on && set_closing_deadline()) look_again(closing_deadline_);
  return !closed();
}

/// Once: a peer that does not take the last bytes is not waited for without end.
bool Connection::set_closing_deadline() {
  if (closing_deadline_ != wire::Clock::time_point::max()) return false;
  closing_deadline_ = lane().now() + closing_time;
  return true;
}

/// What has ended is destroyed, and what is to be sent leaves with the wake-up.
void Connection::after_receive() {
  if (closed()) return;
  bury_ended();
  net::Place* const place = transport().place();
  if (!known_ && place != nullptr) {
    place->hold(engine_->unfinished_memory());
    place->keep(engine_->stranger_memory() + engine_->waiting_bytes());
  }
  if (engine_->wants_flush()) will_write();
}

void Connection::bury_ended() {
  ended_links_.clear();
  ended_devices_.clear();
}

/// A peer that sends and does not take what it gets for that is not read either: an outcome may be larger than its message.
std::size_t Connection::unanswered() const {
  const bool is_full = engine_ && engine_->waiting_bytes() > waiting_bytes_max;
  return in_flight() + (is_full ? lane().limits().in_flight_max : 0);
}

void Connection::sleep(std::chrono::microseconds time) {
  awake_at_ = std::max(awake_at_, lane().now() + time);
  Pump::sleep(time);
}

void Connection::before_flush() {
  if (!engine_) return;
  if (const auto left = awake_at_ - lane().now(); left.count() > 0 && !stopping()) {
    return Pump::sleep(std::chrono::ceil<std::chrono::microseconds>(left));  // woken by a shorter wait
  }
  fill_output();
  had_output_ = !out().empty();
  // The engine counts the peer's silence, and its own, from the last tick: it has to hear of what leaves when it does.
  if (!closed() && !out().empty()) (void)tick_engine();
}

std::uint64_t Connection::now_unix() const { return iothub::unix_seconds(lane().hub().clock.wall()); }

std::int64_t Connection::tick_engine() {
  in_engine_ = true;
  const std::int64_t next = engine_->tick(milliseconds(wire::Clock::now()));
  in_engine_ = false;
  if (engine_->is_closing()) (void)set_closing_deadline();  // a time-out
  return next;
}

void Connection::fill_output() {
  bury_ended();
  more_output_ = engine_->take_output(out(), output_enough);
  if (starved_.empty() || more_output_) return;
  for (const amqp::LinkNumber number : std::exchange(starved_, {})) {
    Link* const link = find(number);
    if (link == nullptr) continue;
    link->starved_ = false;
    link->handler().on_credit(false);
    if (closed()) return;
  }
  more_output_ = engine_->take_output(out(), output_enough);
}

void Connection::all_written() {
  if (!engine_) return;
  if (engine_->finished()) return close(Goodbye::polite, Reason::disconnect);
  // Links that have no room although nothing is left to send wait for the peer: its window, or what it has not settled.
  if (more_output_ || (had_output_ && !starved_.empty())) will_write();
}

void Connection::deadline_reached() {
  const auto now = lane().now();
  if (now >= closing_deadline_) return close(Goodbye::polite, Reason::keep_alive_timeout);
  if (!known_ && now >= stranger_deadline_) {
    return close(Goodbye::polite, Reason::no_connect);
  }
  const std::uint64_t now_unix = this->now_unix();
  const auto grace = static_cast<std::uint64_t>(lane().options().token_expiry_grace.count());
  const std::size_t devices_before = devices_.size();
  end_expired_certificates(now_unix, grace);
  const bool tokens_expired = access_.expire(now_unix, grace);
  if (tokens_expired) drop_unproved(Reason::token_expired, "ErrorCode:ExpiredAuthenticationToken;The token is expired");
  if (closed()) return;
  const bool someone_is_gone = tokens_expired || devices_.size() < devices_before;
  if (someone_is_gone && access_.is_empty() && devices_.empty()) return close(Goodbye::polite, Reason::token_expired);
  plan();
}

wire::Clock::time_point Connection::token_deadline() const {
  std::uint64_t expiry = access_.next_expiry();
  for (const Device* const device : devices_by_certificate()) expiry = std::min(expiry, device->login().expires_at);
  const std::uint64_t now_unix = this->now_unix();
  const auto grace = static_cast<std::uint64_t>(lane().options().token_expiry_grace.count());
  const std::uint64_t hour = 3600;
  const std::uint64_t left =
      expiry > now_unix ? std::min(expiry - now_unix, hour) + grace : grace - std::min(grace, now_unix - expiry);
  return lane().now() + std::chrono::seconds(left);
}

/// Looks again when the first of these is due: idle time-outs, tokens, the time that a stranger has.
void Connection::plan() {
  if (closed() || !engine_) return;
  const std::int64_t next_tick = tick_engine();
  will_write();
  auto next = std::min({lane().now() + look_max, token_deadline(), closing_deadline_});
  if (!known_) next = std::min(next, stranger_deadline_);
  if (next_tick > 0) next = std::min(next, wire::Clock::time_point(std::chrono::milliseconds(next_tick)));
  look_again(next);
}

void Connection::close_for(Cause cause) {
  close(cause == Cause::peer_closed ? Goodbye::none : Goodbye::polite, cause == Cause::peer_closed ? Reason::peer_closed
                                                                       : cause == Cause::slow_reader
                                                                           ? Reason::slow_reader
                                                                           : Reason::shutting_down);
}

/// CLOSE without an error when the hub stops: clients come back after that, and give up after others.
void Connection::close(Goodbye goodbye, Reason reason) {
  if (closed()) return;
  note_end(reason);
  const bool answers = goodbye == Goodbye::polite && engine_ != nullptr && !in_engine_;
  if (answers) {
    engine_->close(std::nullopt);
    (void)engine_->take_output(out(), std::numeric_limits<std::size_t>::max());
    if (closed()) return;
  }
  const bool was_just_answered = end(goodbye, answers);
  drop_everything();
  lane().bury(*this, was_just_answered);
}

amqp::SaslVerdict Connection::on_sasl(std::string_view mechanism, std::string_view response) {
  using amqp::SaslVerdict;
  if (mechanism == "EXTERNAL") return access_.has_certificate() ? SaslVerdict::accepted : SaslVerdict::refused;
  if (mechanism != "PLAIN") return SaslVerdict::accepted;  // who the peer is will be shown by $cbs
  const auto proved = access_.plain(response);
  if (proved) {
    lane().counters.tokens_accepted.fetch_add(1, std::memory_order_relaxed);
    prove();
    return SaslVerdict::accepted;
  }
  note_refused_token(Access::claimed_by_plain(response), "SASL 1", response.substr(response.rfind('\0') + 1),
                     proved.error());
  return proved.error().code == Errc::service_unavailable ? SaslVerdict::unavailable : SaslVerdict::refused;
}

void Connection::prove() {
  if (std::exchange(known_, true)) return;
  engine_->set_known();
  if (net::Place* const place = transport().place()) place->prove();
  note_back_end();
}

Result<void> Connection::put_token(std::string_view audience, std::string_view token, std::string_view by) {
  auto put = access_.put_token(audience, token);
  if (!put) {
    note_refused_token(Access::claimed_by_audience(audience), by, token, put.error());
    return put.error();
  }
  lane().counters.tokens_accepted.fetch_add(1, std::memory_order_relaxed);
  prove();
  if (*put) {
    const auto device = devices_.find((*put)->id);
    if (device != devices_.end()) device->second->login_ = std::move(**put);
  }
  plan_due_ = true;
  return {};
}

std::optional<amqp::Condition> Connection::on_open(const amqp::OpenRequest& request) {
  host_name_ = request.hostname;
  plan_due_ = true;  // plan() cannot be called from within the engine
  return std::nullopt;
}

void Connection::on_attach(amqp::LinkNumber number, const amqp::AttachRequest& request) { attach(number, request); }

void Connection::on_delivery(amqp::LinkNumber number, amqp::Incoming&& delivery) {
  lane().counters.messages_received.fetch_add(1, std::memory_order_relaxed);
  if (Link* const link = find(number)) link->handler().on_delivery(std::move(delivery));
}

void Connection::on_credit(amqp::LinkNumber number, bool drains) {
  if (Link* const link = find(number)) link->handler().on_credit(drains);
}

void Connection::on_outcome(amqp::LinkNumber number, amqp::DeliveryNumber delivery, const amqp::Outcome& outcome,
                            bool settled) {
  if (Link* const link = find(number)) link->handler().on_outcome(delivery, outcome, settled);
}

void Connection::on_detached(amqp::LinkNumber number) {
  if (Link* const link = find(number)) return drop_link(*link);
  drop_waiting(number);
}

void Connection::on_closed(const std::optional<amqp::Condition>& error) {
  if (!error) return;
  is_silent_ = error->name == amqp::local_time_out;
  if (is_silent_) return;
  lane().counters.protocol_faults.fetch_add(1, std::memory_order_relaxed);
  fault_told_ = true;
  note_fault(*error);
}

void Connection::note_sent() { lane().counters.messages_sent.fetch_add(1, std::memory_order_relaxed); }

void Connection::wait_for_room(Link& link) {
  // Room comes with bytes that leave, or with what the peer says next: a flush follows either. To ask for one here would
  // ask the link again and again.
  if (!std::exchange(link.starved_, true)) starved_.push_back(link.number());
}

void Connection::reply(std::uint64_t session, std::string_view address, std::string message) {
  for (ReplyLink* const one : reply_links_) {
    if (one->link().session() == session && one->link().kind().address == address)
      return one->reply(std::move(message));
  }
  const auto drop_oldest = [this] {
    release_reply_bytes(waiting_replies_.front().message.size());
    waiting_replies_.erase(waiting_replies_.begin());
  };
  if (waiting_replies_.size() >= waiting_replies_max) drop_oldest();
  while (!hold_reply_bytes(message.size())) {
    if (waiting_replies_.empty()) return;
    drop_oldest();
  }
  waiting_replies_.push_back({session, std::string(address), std::move(message)});
}

bool Connection::hold_reply_bytes(std::size_t bytes) {
  if (waiting_reply_bytes_ + bytes > waiting_reply_bytes_max) return false;
  waiting_reply_bytes_ += bytes;
  return true;
}

void Connection::add_reply_link(ReplyLink& reply_link) {
  reply_links_.push_back(&reply_link);
  const Link& link = reply_link.link();
  std::vector<std::string> messages;
  std::erase_if(waiting_replies_, [&](WaitingReply& waiting) {
    if (waiting.session != link.session() || waiting.address != link.kind().address) return false;
    release_reply_bytes(waiting.message.size());
    messages.push_back(std::move(waiting.message));
    return true;
  });
  for (std::string& message : messages) reply_link.reply(std::move(message));
}

}  // namespace twinhub::amqp_door
