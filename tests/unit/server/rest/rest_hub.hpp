// A hub with only its service door, in the test's process: memory store, real threads and sockets; and a client that
// sends exact bytes. Its devices are there for direct methods only, see SimpleDevices.
#pragma once

#include "server/hub/hub.hpp"
#include "server/net/admission.hpp"
#include "server/net/listener.hpp"
#include "server/net/threads.hpp"
#include "server/notices/notices.hpp"
#include "server/rest/annex.hpp"
#include "server/rest/rest_door.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::test {

/// A key for every policy.
inline constexpr std::string_view policy_key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

struct Answer {
  unsigned status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  /// The error's name as azure-iot-sdk-node reads it: between ':' and ';' of Message, both sides not empty; "" if it
  /// cannot be read.
  [[nodiscard]] std::string error_name() const;
};

/// The machine's clocks, of which a test can hold the steady one: rates and time-outs then wait for ever.
class HoldableClock final : public hub::SystemClock {
 public:
  void hold_steady() { held_at_ = steady_ticks(); }

 protected:
  [[nodiscard]] std::uint64_t steady_ticks() const override {
    const std::uint64_t held_at = held_at_;
    return held_at != 0 ? held_at : SystemClock::steady_ticks();
  }

 private:
  std::atomic<std::uint64_t> held_at_{0};
};

/// One TCP connection of a back end. Reads wait at most two minutes.
class Peer {
 public:
  explicit Peer(std::uint16_t port);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(std::string_view bytes);
  /// The next response; status 0 when the connection ended instead.
  [[nodiscard]] Answer receive();
  /// The next response up to its empty line; "" when the connection ended instead.
  [[nodiscard]] std::string receive_head();
  /// True once the other side has closed.
  [[nodiscard]] bool closed();
  void finish_sending();

 private:
  bool fill();
  int socket_;
  std::string buffer_;
};

class RestHub {
 public:
  using MakeAnnex = std::function<std::unique_ptr<rest::Annex>(hub::Hub& hub, net::Threads& threads)>;
  explicit RestHub(rest::DoorOptions options = {}, const hub::HubOptions& hub_options = {},
                   const net::AdmissionOptions& admission_options = {}, const MakeAnnex& make_annex = {});
  ~RestHub();

  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }
  [[nodiscard]] std::string token(std::string_view policy, std::string_view resource = "hub.local",
                                  std::int64_t seconds = 3600) const;
  /// The bytes of a request with an iothubowner token, unless `headers` hold an Authorization.
  [[nodiscard]] std::string request(std::string_view method, std::string_view target, std::string_view body = {},
                                    const std::string& headers = {}) const;
  /// Sends it on a connection of its own. "?api-version=2021-04-12" is added when the target has no query.
  [[nodiscard]] Answer call(std::string_view method, std::string_view target, std::string_view body = {},
                            const std::string& headers = {}) const;
  void create(std::string_view device) const;
  [[nodiscard]] HoldableClock& clock() { return clock_; }
  [[nodiscard]] const net::Admission& admission() const { return admission_; }
  [[nodiscard]] const notices::Notices& notice_log() const { return notices_; }
  [[nodiscard]] hub::Hub& hub() const { return *hub_; }
  /// What the device sent to the event log, oldest first.
  [[nodiscard]] std::vector<storage::Event> telemetry(const std::string& device) const;

 private:
  /// Devices and modules answer the method "echo" with status 200 and its payload, "fail" with status 500 and none,
  /// "nonsense" with what is no JSON; "silent" is taken and not answered, "lost" ends their connection. Of any other
  /// they know nothing.
  class SimpleDevices;
  HoldableClock clock_;
  hub::SystemRandom random_;
  notices::Notices notices_;
  net::Admission admission_;
  net::Threads threads_{2, 1};
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<hub::DeviceLinks> links_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<rest::Annex> annex_;
  std::unique_ptr<rest::Door> door_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace twinhub::test
