// Any bytes, cut anywhere, to an owner that accepts late, holds the session at any moment and lets it go again, or
// closes it. Whatever the order, the session tells what it would have told at once, keeps no more than its bound, and
// tells nothing after its end.
//
// Input: [size of the pieces, 0 = whole] [length of the script] [script: a byte per decision, repeated] [bytes of the
// peer]
#include "protocol/mqtt/server_session.hpp"

#include "check.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace {

using namespace twinhub::mqtt;

constexpr std::size_t packet_max = 1024;

/// What the owner does next; an empty script does everything at once.
class Script {
 public:
  explicit Script(std::string_view decisions) : decisions_(decisions) {}
  [[nodiscard]] unsigned next() {
    if (decisions_.empty()) return 0;
    return static_cast<std::uint8_t>(decisions_[at_++ % decisions_.size()]);
  }

 private:
  std::string_view decisions_;
  std::size_t at_ = 0;
};

namespace decision {
constexpr unsigned hold = 1;         // in the middle of a call
constexpr unsigned go_on = 2;        // while held
constexpr unsigned accept_late = 4;  // not inside on_connect()
constexpr unsigned accept = 8;       // while a CONNECT waits
constexpr unsigned close = 0xF0;     // all of these bits: the owner has enough
}  // namespace decision

class Owner final : public Handler {
 public:
  Owner(ServerSession& session, Script& script) : session_(session), script_(script) {}

  void on_connect(const Connect& connect) override {
    tell("connect", connect.client_id);
    connect_waits = true;
    const unsigned next = script_.next();
    if ((next & decision::accept_late) == 0) accept();
    act_on(next);
  }
  void on_publish(const Publish& publish) override {
    FUZZ_CHECK(publish.qos < 2 && !publish.topic.empty());
    FUZZ_CHECK((publish.qos == 0) == (publish.packet_id == 0));
    tell("publish", publish.topic, publish.payload, publish.packet_id);
    act_on(script_.next());
  }
  void on_subscribe(std::uint16_t id, std::span<const SubscribeEntry> entries) override {
    FUZZ_CHECK(id != 0 && !entries.empty());
    tell("subscribe", entries.front().filter, {}, id);
    act_on(script_.next());
  }
  void on_unsubscribe(std::uint16_t id, std::span<const std::string_view> filters) override {
    FUZZ_CHECK(id != 0 && !filters.empty());
    tell("unsubscribe", filters.front(), {}, id);
    act_on(script_.next());
  }
  void on_puback(std::uint16_t id) override {
    FUZZ_CHECK(id != 0);
    tell("puback", {}, {}, id);
    act_on(script_.next());
  }
  void on_disconnect() override {
    tell("disconnect");
    ended = true;
  }

  void accept() {
    connect_waits = false;
    session_.accept();
  }
  void hold(bool on) {
    held = on;
    session_.hold(on);
  }

  std::string calls;
  bool connect_waits = false;
  bool held = false;
  bool ended = false;
  bool closed_it = false;

 private:
  void tell(std::string_view what, std::string_view text = {}, std::string_view more = {}, unsigned number = 0) {
    FUZZ_CHECK(!ended);
    FUZZ_CHECK(!held);  // the packet in hand is the last one
    calls.append(what).append(" ").append(text).append(" ").append(more);
    calls += std::to_string(number) + "\n";
  }
  void act_on(unsigned next) {
    if ((next & decision::close) == decision::close) {
      session_.close();
      ended = closed_it = true;
    }
    if ((next & decision::hold) != 0) hold(true);
  }

  ServerSession& session_;
  Script& script_;
};

struct Told {
  std::string calls;
  std::string out;
  std::optional<Fault> fault;
  bool owner_closed = false;
};

Told run(std::string_view input, std::size_t piece, Script script) {
  constexpr int patience_max = 4;  // a script need not let go of what it holds
  ServerSession session(packet_max);
  Owner owner(session, script);
  Told told;
  const auto receive = [&](std::string_view bytes) {
    const std::size_t calls_before = owner.calls.size();
    const bool had_ended = owner.ended;
    const auto fault = session.receive(bytes, owner, told.out);
    if (had_ended) FUZZ_CHECK(!fault && owner.calls.size() == calls_before);
    if (fault) told.fault = fault;
    owner.ended = owner.ended || fault.has_value();
    if (owner.ended) owner.connect_waits = owner.held = false;
    FUZZ_CHECK(session.kept_bytes() <= packet_max + piece);
  };
  int patience = patience_max;
  for (;;) {
    const unsigned next = script.next();
    const bool no_more = input.empty();
    if (owner.connect_waits && (no_more || (next & decision::accept) != 0)) {
      owner.accept();
      if (!owner.held) receive({});  // what has waited for it
    } else if (owner.held) {
      if (!no_more && (next & decision::go_on) == 0 && --patience > 0) continue;
      patience = patience_max;
      owner.hold(false);
      receive({});
    } else if (no_more) {
      break;
    } else {
      const std::size_t taken = std::min(piece, input.size());
      receive(input.substr(0, taken));
      input.remove_prefix(taken);
    }
  }
  told.calls = std::move(owner.calls);
  told.owner_closed = owner.closed_it;
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t script_bytes = std::min<std::size_t>(data[1], size - 2);
  const std::string_view input = all.substr(2 + script_bytes);
  const std::size_t whole = std::max<std::size_t>(input.size(), 1);
  const Told told = run(input, data[0] == 0 ? whole : data[0], Script(all.substr(2, script_bytes)));
  const Told at_once = run(input, whole, Script({}));

  FUZZ_CHECK(at_once.calls.starts_with(told.calls) && at_once.out.starts_with(told.out));
  // Too much may have come behind a CONNECT that was not answered; else nothing is missing.
  if (told.owner_closed || told.fault == Fault::packet_too_large) return 0;
  FUZZ_CHECK(at_once.calls == told.calls && at_once.out == told.out && at_once.fault == told.fault);
  return 0;
}
