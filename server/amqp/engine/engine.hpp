// One AMQP 1.0 connection, server end, as a machine without sockets, clocks or threads: bytes in, events out, bytes
// out. The engine behind it is Qpid Proton's; nothing outside this folder sees a type of it.
//
//   receive(bytes) --> EngineEvents --> accept(), send(), settle() .. --> take_output()
//
// Links and deliveries have numbers that are never used twice on a connection: a late answer finds nothing.
#pragma once

#include "protocol/amqp/value.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::amqp {

using LinkNumber = std::uint64_t;
using DeliveryNumber = std::uint64_t;

/// Why a link, a delivery or the connection ends: an AMQP error.
struct Condition {
  std::string name;         ///< "amqp:not-found"
  std::string description;  ///< never empty
  Value info = Value::map();
};

/// What the peer, or the hub, makes of a delivery.
struct Outcome {
  enum class Kind : std::uint8_t { none, accepted, rejected, released, modified };
  Kind kind = Kind::none;
  std::optional<Condition> error = {};  ///< of a rejected one
  bool failed = false;                  ///< of a modified one
  bool undeliverable_here = false;      ///< of a modified one
};

/// An ATTACH of the peer's.
struct AttachRequest {
  std::uint64_t session = 0;  ///< tells the connection's sessions apart
  std::string name;
  bool peer_sends = false;  ///< else the hub sends
  std::string address;      ///< the target's where the peer sends, the source's where the hub does
  Value properties = Value::map();
  Value source_filter = Value::map();
  std::vector<std::string> desired_capabilities;
  bool settles_second = false;  ///< rcv-settle-mode second: dispositions of the peer have to be answered
  bool sends_settled = false;   ///< snd-settle-mode settled
};

/// A message that has come whole.
struct Incoming {
  DeliveryNumber number = 0;
  std::string message;       ///< encoded: see protocol/amqp/message.hpp
  std::uint32_t format = 0;  ///< message-format of the transfer
  bool settled = false;      ///< by the sender: no outcome is awaited
};

struct OpenRequest {
  std::string container;
  std::string hostname;
  std::uint32_t idle_timeout_ms = 0;
};

struct EngineLimits {
  std::uint32_t frame_bytes_max = 65'536;
  std::uint16_t channel_max = 8191;
  std::uint32_t idle_timeout_ms = 240'000;  ///< announced; after twice as long in silence the connection ends
  std::size_t message_bytes_max = 1 << 20;
  std::size_t partial_bytes_max = 2 << 20;         ///< of messages that have not come whole, all links together
  std::size_t unsent_bytes_max = 256 * 1024;       ///< of a session: see has_room()
  std::size_t all_unsent_bytes_max = 1 << 20;      ///< of all sessions: see has_room()
  std::size_t unsettled_max = 5000;                ///< of a link's own messages: see has_room()
  std::size_t unsettled_bytes_max = 1 << 20;       ///< likewise
  std::size_t all_unsettled_bytes_max = 16 << 20;  ///< of all links: see has_room()
  std::size_t links_max = 10'000;
  std::size_t stranger_links_max = 8;         ///< before set_known(); sessions, too
  std::size_t stranger_memory_max = 2 << 20;  ///< of what a stranger has announced
  std::size_t large_memory_max = 16 << 20;    ///< of ATTACHes with more than 8 KiB or some hundred values
};

enum class SaslVerdict : std::uint8_t { accepted, refused, unavailable };

/// No condition of AMQP: see EngineEvents::on_closed().
inline constexpr const char* local_time_out = "local-idle-timeout";

/// What happened. Called from receive() and tick() only. Any call of the engine may be made from within, but no
/// destruction.
class EngineEvents {
 public:
  virtual ~EngineEvents() = default;
  [[nodiscard]] virtual SaslVerdict on_sasl(std::string_view mechanism, std::string_view response) = 0;
  /// An Error closes the connection with it.
  [[nodiscard]] virtual std::optional<Condition> on_open(const OpenRequest& request) = 0;
  /// Has to accept() or refuse() the link, now or later.
  virtual void on_attach(LinkNumber link, const AttachRequest& request) = 0;
  virtual void on_delivery(LinkNumber link, Incoming&& delivery) = 0;
  /// The peer has given credit, or changed it; `drains`: it wants to have it used up.
  virtual void on_credit(LinkNumber link, bool drains) = 0;
  /// `settled`: by the peer. If not, it waits for the hub's answer: answer().
  virtual void on_outcome(LinkNumber link, DeliveryNumber delivery, const Outcome& outcome, bool settled) = 0;
  /// The link is over, with its session or by itself: nothing can be done with it any more.
  virtual void on_detached(LinkNumber link) = 0;
  /// The peer has closed the connection, or broken the protocol: `error` is for the log. The name local_time_out: it has
  /// sent nothing for longer than it may.
  virtual void on_closed(const std::optional<Condition>& error) = 0;
};

/// One thread.
class Engine {
 public:
  /// `mechanisms`: for SASL, with spaces between; `container`: the hub's. `events` outlives it.
  Engine(EngineEvents& events, const EngineLimits& limits, std::string mechanisms, std::string container);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Acts on bytes of the peer's. False: no further bytes are wanted; what take_output() gives still has to leave.
  [[nodiscard]] bool receive(std::string_view bytes);
  /// Whether take_output() has to be called for what the last receive() has brought about. It need not where messages
  /// came and nothing else: their outcomes bring it about, which the hub settles soon.
  [[nodiscard]] bool wants_flush() const;
  /// Appends what is to be sent, as far as that makes `out` longer than `enough`. False when there is no more now.
  bool take_output(std::string& out, std::size_t enough);
  /// Nothing more will come out: the transport may be closed once what came is sent.
  [[nodiscard]] bool finished() const;
  /// No further bytes of the peer's are wanted.
  [[nodiscard]] bool is_closing() const;
  /// Idle time-outs. Returns when to call again, in the clock of `now_ms`; 0 = never.
  [[nodiscard]] std::int64_t tick(std::int64_t now_ms);
  /// Says CLOSE, with or without an error. Idempotent.
  void close(const std::optional<Condition>& error);
  /// The peer has proved itself: EngineLimits' bounds of strangers end.
  void set_known();
  /// What was made of the peer's frames and waits for take_output(): outcomes, credit, answers. Messages have bounds of
  /// their own: see has_room().
  [[nodiscard]] std::size_t waiting_bytes() const;
  /// Bytes of frames and messages that have not come whole, as memory.
  [[nodiscard]] std::size_t unfinished_memory() const;
  /// What the engine takes at most beside that while its peer is a stranger (set_known() was not called): it counts all
  /// that the stranger has made it remember.
  [[nodiscard]] std::size_t stranger_memory() const;

  // Links. A number that is over makes each of these do nothing.
  struct AcceptOptions {
    Value properties = Value::map();    ///< beside com.microsoft:tracking-id
    std::uint32_t credit = 0;           ///< where the peer sends: kept topped up; messages not settled count
    std::size_t message_bytes_max = 0;  ///< where the peer sends; 0 = EngineLimits'
  };
  void accept(LinkNumber link, const AcceptOptions& options);
  /// Answers the ATTACH; detach() has to follow, a moment later: clients that register late hang on both at once.
  void refuse(LinkNumber link, const Value& properties);
  /// Ends the link with an error; on_detached() is not called for it any more.
  void detach(LinkNumber link, const Condition& error);
  [[nodiscard]] bool is_attached(LinkNumber link) const;

  // Where the peer sends
  /// Sets how many messages may be on their way or unsettled; 0 gives no more credit.
  void set_credit(LinkNumber link, std::uint32_t credit);
  /// Settles a delivery. REQUIRES: accepted, or rejected with an error: clients take all else for success.
  void settle(LinkNumber link, DeliveryNumber delivery, const Outcome& outcome);

  // Where the hub sends
  [[nodiscard]] std::uint32_t credit(LinkNumber link) const;
  /// False while the session, or the connection, has more unsent bytes than it should, or the peer has not settled too
  /// much.
  [[nodiscard]] bool has_room(LinkNumber link) const;
  /// Sends one message. Dispositions that were settled before leave before it. REQUIRES: credit() > 0. 0: no link.
  DeliveryNumber send(LinkNumber link, std::string_view message, std::string_view tag, bool settled);
  /// Uses up the credit that is left: the answer to a drain.
  void drained(LinkNumber link);
  /// Answers and settles a delivery that the peer has given an outcome and not settled.
  void answer(LinkNumber link, DeliveryNumber delivery, const Outcome& outcome);
  /// Forgets and settles a delivery that the peer has given no outcome (a lapsed lock).
  void forget(LinkNumber link, DeliveryNumber delivery);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace twinhub::amqp
