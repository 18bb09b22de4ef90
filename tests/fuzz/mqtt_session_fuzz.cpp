// Any bytes, cut anywhere: the session must not crash, keep more than its bound, or tell anything after its end. The
// first byte of the input says how large the pieces are.
#include "protocol/mqtt/server_session.hpp"

#include "check.hpp"

#include <algorithm>
#include <cstdint>

namespace {

using namespace twinhub::mqtt;

class Owner final : public Handler {
 public:
  explicit Owner(ServerSession& session) : session_(session) {}
  void on_connect(const Connect& connect) override {
    FUZZ_CHECK(!ended);
    if (connect.clean_session) session_.accept();
  }
  void on_publish(const Publish& publish) override {
    FUZZ_CHECK(!ended && publish.qos < 2 && !publish.topic.empty());
    FUZZ_CHECK((publish.qos == 0) == (publish.packet_id == 0));
  }
  void on_subscribe(std::uint16_t id, std::span<const SubscribeEntry> entries) override {
    FUZZ_CHECK(!ended && id != 0 && !entries.empty());
  }
  void on_unsubscribe(std::uint16_t id, std::span<const std::string_view> filters) override {
    FUZZ_CHECK(!ended && id != 0 && !filters.empty());
  }
  void on_puback(std::uint16_t id) override { FUZZ_CHECK(!ended && id != 0); }
  void on_disconnect() override {
    FUZZ_CHECK(!ended);
    ended = true;
  }

  bool ended = false;

 private:
  ServerSession& session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::size_t packet_max = 1024;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  ServerSession session(packet_max);
  Owner owner(session);
  std::string out;
  while (!input.empty()) {
    const std::size_t taken = std::min(piece, input.size());
    const auto fault = session.receive(input.substr(0, taken), owner, out);
    owner.ended = owner.ended || fault.has_value();
    FUZZ_CHECK(session.kept_bytes() <= packet_max + taken);
    input.remove_prefix(taken);
  }
  return 0;
}
