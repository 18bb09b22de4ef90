// The limit of this machine: bytes over loopback to a server that only sends them back (echo_server).
#include "bench/load/payloads.hpp"
#include "bench/load/scenario.hpp"

#include <deque>

namespace twinhub::load {
namespace {

class Raw final : public Scenario {
 public:
  explicit Raw(World& world) : world_(world), body_(world.options.payload_bytes, 1) {}

  void prepare() override {
    for (std::size_t i = 0; i < world_.options.devices; ++i) {
      peers_.push_back(std::make_unique<Peer>(*this));
      peers_.back()->stream.connect(world_.mqtt());
    }
    world_.run_until("connecting", [this] { return open_ == peers_.size(); });
  }

  bool begin(Clock::time_point intended) override {
    Peer& peer = *peers_[next_++ % peers_.size()];
    if (!peer.stream.is_open()) return false;
    peer.pending.push_back({++sent_, intended});
    world_.started();
    peer.stream.out() += body_.make(sent_);
    peer.stream.send();
    return true;
  }

 private:
  struct Pending {
    std::uint64_t number;
    Clock::time_point intended;
  };
  struct Peer final : Stream::Owner {
    explicit Peer(Raw& raw_in) : raw(raw_in), stream(raw_in.world_.loop, *this, nullptr) {}
    void on_open() override { ++raw.open_; }
    void on_closed(const std::string& why) override {
      raw.world_.errors.add(Wrong::closed, why);
      raw.world_.gave_up(pending.size());
      pending.clear();
    }
    void on_bytes(std::string_view bytes) override {
      received += bytes;
      while (!pending.empty()) {
        const std::string_view wanted = raw.body_.make(pending.front().number);
        if (received.size() < wanted.size()) return;
        if (!received.starts_with(wanted)) raw.world_.errors.add(Wrong::malformed, "other bytes than were sent");
        received.erase(0, wanted.size());
        raw.world_.ended(pending.front().intended, Clock::now());
        pending.pop_front();
      }
      if (!received.empty()) raw.world_.errors.add(Wrong::unexpected, "bytes that nobody waits for");
    }
    Raw& raw;
    Stream stream;
    std::string received;
    std::deque<Pending> pending;
  };

  World& world_;
  Patch body_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::size_t open_ = 0;
  std::size_t next_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace

std::unique_ptr<Scenario> make_raw(World& world) { return std::make_unique<Raw>(world); }

}  // namespace twinhub::load
