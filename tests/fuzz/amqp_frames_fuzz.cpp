// A peer's conversation, well-formed, mutated or garbage, into the AMQP engine, whose owner does anything in between:
// accepts late, refuses, detaches, sends, settles in any order, closes. Whatever comes, nothing is told of a link that is
// over, the connection ends once, no more is kept than the bounds say, and all that leaves is AMQP with full field lists.
//
// Input: [length of the script] [script: a byte per decision, repeated] [pieces]; a piece is a kind, a length of two
// bytes and its bytes: a frame gets its size written, so that mutations stay frames.
#include "protocol/amqp/performative.hpp"
#include "server/amqp/engine/engine.hpp"

#include "check.hpp"
#include "pieces.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace twinhub::amqp;

constexpr std::array<std::size_t, 9> field_counts{10, 8, 14, 11, 11, 6, 3, 1, 1};  // from open to close
constexpr std::size_t frame_max = 65'536, output_max = 8 << 20;

/// What the owner does next; an empty script accepts everything at once.
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

const Outcome accepted{Outcome::Kind::accepted};
const Outcome rejected{Outcome::Kind::rejected, Condition{"amqp:not-found", "no such thing"}};

class Owner final : public EngineEvents {
 public:
  explicit Owner(Script& script) : script_(script) {}
  void own(Engine& engine) { engine_ = &engine; }

  SaslVerdict on_sasl(std::string_view, std::string_view response) override {
    if (response.size() > 40) return SaslVerdict::unavailable;
    return response.size() > 20 ? SaslVerdict::refused : SaslVerdict::accepted;
  }
  std::optional<Condition> on_open(const OpenRequest& request) override {
    if (request.hostname == "refused") return Condition{"amqp:not-found", "no such host"};
    return std::nullopt;
  }
  void on_attach(LinkNumber link, const AttachRequest& request) override {
    FUZZ_CHECK(known_.insert(link).second && alive_.insert(link).second);
    FUZZ_CHECK(request.session != 0);
    if (!request.peer_sends) senders_.insert(link);
    const unsigned next = script_.next();
    if (next % 8 == 7) {
      engine_->refuse(link, Value::map());
      waiting_.push_back(link);
    } else if (next % 8 == 6) {
      waiting_.push_back(link);
    } else {
      accept(link, next);
    }
    if (next % 16 == 13) detach(link);
    if (next == 0xFF) engine_->close(std::nullopt);
  }
  void on_delivery(LinkNumber link, Incoming&& delivery) override {
    FUZZ_CHECK(alive_.contains(link) && accepted_.contains(link));
    const unsigned next = script_.next();
    if (!delivery.settled) {
      if (next % 4 == 3) {
        late_.emplace_back(link, delivery.number);
      } else {
        engine_->settle(link, delivery.number, next % 4 == 2 ? rejected : accepted);
      }
    }
    if (next % 32 == 30) detach(link);
    if (next % 32 == 31) send(*known_.begin());
  }
  void on_credit(LinkNumber link, bool drains) override {
    FUZZ_CHECK(alive_.contains(link));
    if (!accepted_.contains(link)) return;
    send(link);
    if (drains && alive_.contains(link)) engine_->drained(link);
  }
  void on_outcome(LinkNumber link, DeliveryNumber delivery, const Outcome&, bool settled) override {
    FUZZ_CHECK(alive_.contains(link) && sent_.erase(delivery) == 1);
    if (!settled) engine_->answer(link, delivery, accepted);
  }
  void on_detached(LinkNumber link) override { FUZZ_CHECK(alive_.erase(link) == 1); }
  void on_closed(const std::optional<Condition>& error) override {
    FUZZ_CHECK(!std::exchange(closed_, true));
    if (error) FUZZ_CHECK(!error->name.empty());
  }

  /// Between two pieces: what was left for later.
  void go_on() {
    const unsigned next = script_.next();
    if (next % 4 == 1) {
      for (const auto& [link, delivery] : std::exchange(late_, {})) engine_->settle(link, delivery, accepted);
    }
    if (next % 4 == 2) {
      for (const LinkNumber link : std::exchange(waiting_, {})) {
        if (!alive_.contains(link)) continue;
        if (next % 8 == 2) {
          detach(link);
        } else if (!refused(link)) {
          accept(link, next);
        }
      }
    }
    if (next % 8 == 7 && !alive_.empty()) send(*alive_.begin());
    if (next % 16 == 11) engine_->set_known();
    if (next == 0xFE) engine_->close(Condition{"amqp:internal-error", "enough"});
    if (next == 0xFD && !alive_.empty()) engine_->set_credit(*alive_.rbegin(), 0);
    if (next == 0xFC && !sent_.empty() && !alive_.empty()) {
      engine_->forget(*alive_.begin(), *sent_.begin());
      sent_.erase(sent_.begin());
    }
  }

 private:
  void accept(LinkNumber link, unsigned next) {
    accepted_.insert(link);
    engine_->accept(link,
                    {.properties = Value::map(), .credit = next % 64, .message_bytes_max = next % 3 == 2 ? 64U : 0U});
  }
  /// A refused link waits to be detached only.
  [[nodiscard]] bool refused(LinkNumber link) const { return !engine_->is_attached(link); }
  void detach(LinkNumber link) {
    if (!engine_->is_attached(link)) return;
    engine_->detach(link, Condition{"amqp:link:stolen", "taken over"});
    alive_.erase(link);
  }
  void send(LinkNumber link) {
    if (!senders_.contains(link)) return;
    for (int i = 0; i < 3 && alive_.contains(link) && engine_->credit(link) > 0 && engine_->has_room(link); ++i) {
      const unsigned next = script_.next();
      const std::string body(std::size_t{next} * next, 'm');
      const DeliveryNumber number = engine_->send(link, body, std::to_string(serial_++), next % 2 == 1);
      if (next % 2 == 0) sent_.insert(number);
    }
  }

  Script& script_;
  Engine* engine_ = nullptr;
  std::set<LinkNumber> known_, alive_, accepted_, senders_;
  std::set<DeliveryNumber> sent_;
  std::vector<LinkNumber> waiting_;
  std::vector<std::pair<LinkNumber, DeliveryNumber>> late_;
  unsigned serial_ = 0;
  bool closed_ = false;
};

std::size_t size_at(std::string_view bytes) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) size = size << 8U | static_cast<unsigned char>(bytes[i]);
  return size;
}

/// Takes whole frames off `out`.
void check_output(std::string& out) {
  std::string_view rest = out;
  while (rest.size() >= 8) {
    if (rest.starts_with("AMQP")) {
      rest.remove_prefix(8);
      continue;
    }
    const std::size_t size = size_at(rest);
    FUZZ_CHECK(size >= 8 && size <= frame_max);
    if (size > rest.size()) break;
    const std::string_view frame = rest.substr(0, size);
    rest.remove_prefix(size);
    const std::string_view body = frame.substr(static_cast<std::size_t>(frame[4]) * 4);
    if (frame[5] != 0 || body.empty()) continue;
    const auto read = read_performative(body);
    FUZZ_CHECK(read.has_value());
    // A transfer that fills a frame to the brim is left as it is.
    FUZZ_CHECK(read->code == performative::transfer ||
               read->fields.size() == field_counts[read->code - performative::open]);
  }
  out.erase(0, out.size() - rest.size());
}

std::string next_piece(Pieces& input, std::int64_t& now_ms) {
  const auto kind = input.number<std::uint8_t>();
  const auto length = input.number<std::uint16_t>();
  const std::string_view bytes = input.take(length);
  switch (kind % 8) {
    case 0:
      return std::string("AMQP\x00\x01\x00\x00", 8);
    case 1:
      return std::string("AMQP\x03\x01\x00\x00", 8);
    case 2:
    case 3:
    case 4: {  // an AMQP frame, on one of a few channels; a SASL frame
      std::string frame;
      const std::size_t size = bytes.size() + 8;
      for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(size >> static_cast<unsigned>(shift));
      frame += '\x02';
      frame += kind % 8 == 4 ? '\x01' : '\x00';
      frame += '\0';
      frame += static_cast<char>(kind >> 3U);
      return frame.append(bytes);
    }
    case 5:
      now_ms += length;
      return "";
    default:
      return std::string(bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Pieces input(data, size);
  Script script(input.text());
  Owner owner(script);
  Engine engine(owner, {.idle_timeout_ms = 60'000}, "EXTERNAL MSSBCBS ANONYMOUS PLAIN", "twinhub");
  owner.own(engine);
  std::string out;
  std::int64_t now_ms = 1;
  bool wanted = true;
  const auto drain = [&] {
    for (int i = 0; i < 4 && engine.take_output(out, 64 * 1024); ++i) check_output(out);
    check_output(out);
    FUZZ_CHECK(out.size() <= output_max);
  };
  while (!input.empty() && wanted) {
    const std::string piece = next_piece(input, now_ms);
    const std::size_t cut = script.next() % (piece.size() + 1);
    for (const std::string_view part : {std::string_view(piece).substr(0, cut), std::string_view(piece).substr(cut)}) {
      wanted = engine.receive(part) && wanted;
      FUZZ_CHECK(engine.unfinished_memory() <= 2 * frame_max + (2 << 20));
    }
    owner.go_on();
    if (script.next() % 2 == 0) drain();
    (void)engine.tick(now_ms);
  }
  drain();
  if (script.next() % 2 == 0) engine.close(std::nullopt);
  drain();
  return 0;
}
