// Who may take up a connection: one object that every door asks, so that strangers and known clients do not draw on one
// pool first come, first served.
//
//   stranger   a connection that has not proved itself yet (no accepted CONNECT, no authorized request). Strangers are
//              bounded per address and by a budget in bytes; the oldest makes room for the newest.
//   known      has proved itself once. Never ended to make room for somebody else.
//
// Descriptors are kept back for storage and operations: connections end before the store cannot open its next file.
#pragma once

#include "server/notices/notice.hpp"

#include <array>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace twinhub::notices {
class Notices;
}

namespace twinhub::net {

enum class DoorKind : std::uint8_t { mqtt, rest, amqp, operations };
inline constexpr std::size_t door_kinds = 4;
/// The protocol that is spoken there: "mqtt", "http", "amqp", "operations".
[[nodiscard]] std::string_view protocol_of(DoorKind door);

/// What carries a connection's bytes, for its notices.
struct Carrier {
  bool tls = false;
  bool web_socket = false;
  std::string_view sni = {};
};

struct AdmissionOptions {
  std::size_t connections_max = 1'000'000;       ///< of the devices' and back ends' doors together
  std::size_t rest_connections_max = 1'000'000;  ///< of these, the back ends'
  std::size_t amqp_connections_max = 1'000'000;  ///< of these, those of AMQP
  std::size_t operations_connections_max = 64;   ///< a pool of its own
  std::size_t strangers_per_address_max = 1024;  ///< an address: one of IPv4, or a /64 of IPv6
  std::size_t stranger_bytes_max = 64 << 20;     ///< of all doors
  std::size_t stranger_bytes = 16 << 10;         ///< what a stranger counts before it sends anything
  /// What a stranger counts on top once TLS has begun. Measured with OpenSSL 3.0, all included: 15 to 17 KiB after a
  /// handshake, 47 to 49 KiB when half a record of the largest size has come besides (tests/hostile/cost.test.js).
  std::size_t stranger_tls_bytes = 40 << 10;
  /// What all strangers together may have sent of requests and CONNECTs that are not whole. With 400 strangers over TLS
  /// it adds 0.6 KiB to what each costs. A CONNECT of the largest size and its copy while it grows fit in it.
  std::size_t unfinished_bytes_max = 256 << 10;
  /// TLS handshakes under way at one time; half of them for one address. One keeps 36 to 38 KiB, most of it OpenSSL's
  /// message buffer: with 400 strangers that is 14.5 KiB each. Others wait with their ClientHello in the kernel.
  std::size_t handshakes_max = 144;
  /// What a handshake may take while others wait. Slow device chips need 2 to 8 seconds.
  std::chrono::seconds handshake_time{10};
  std::size_t strangers_per_second = 200;  ///< per address; those that prove themselves do not count; 0 = any
  std::size_t strangers_burst = 4000;      ///< how many may come at once before that
  /// Addresses that are remembered for their rate; beyond it, those without a stranger are forgotten.
  std::size_t addresses_max = 65'536;
  /// A ClientHello with its record's header. Real ones have 200 to 2,000 bytes (with post-quantum key shares).
  std::size_t client_hello_bytes_max = 8 << 10;
  int backlog = 4096;  ///< connections of one port that the kernel keeps until they are accepted
};

/// Descriptors for connections: what is left of `limit` when `kept_back` are; at least a quarter of it.
[[nodiscard]] std::size_t connections_within(std::size_t limit, std::size_t kept_back);

/// Whether a TLS handshake may begin.
enum class Turn : std::uint8_t {
  begin,
  wait,   ///< too many are under way; ask again when the descriptor is readable, which it is when its turn has come
  ended,  ///< the connection has been ended, or its peer has while it waited: close it
};

class Admission;
struct Stranger;
struct DoorEntry;

/// A connection's place: 16 bytes in the connection, and a record beside it until the connection is known. Moves with
/// the connection; empty when default or moved from. One thread at a time; the Admission outlives it.
class Place {
 public:
  Place();
  Place(Place&& other) noexcept;
  Place& operator=(Place&& other) noexcept;
  ~Place();
  [[nodiscard]] explicit operator bool() const { return door_ != nullptr; }

  /// The connection is known from now on.
  void prove();
  [[nodiscard]] bool is_known() const { return stranger_ == nullptr; }
  [[nodiscard]] std::size_t client_hello_bytes_max() const;
  /// TLS is about to begin with the peer, whose ClientHello is there. At Turn::begin AdmissionOptions::stranger_tls_bytes
  /// count from now on.
  [[nodiscard]] Turn begin_tls();
  /// The handshake is over: the next one has its turn.
  void end_handshake();
  /// What a stranger has sent of a request that is not whole, and the hub keeps. Of a known one nothing is counted.
  void hold(std::size_t bytes);
  /// What the hub keeps besides for as long as the connection is a stranger: a protocol's state. Of a known one nothing
  /// is counted.
  void keep(std::size_t bytes);
  /// A notice of the connection or of a request of it, with the address of the peer. REQUIRES: `descriptor` is the
  /// connection's, still open.
  void note(const notices::Happening& what, const Carrier& carrier, int descriptor) const;
  /// REQUIRED before the descriptor is closed: a stranger that makes room is ended by shutdown(2) on it. Idempotent.
  void leave();

 private:
  friend class Admission;
  Place(const DoorEntry* door, std::unique_ptr<Stranger> stranger);
  const DoorEntry* door_ = nullptr;
  std::unique_ptr<Stranger> stranger_;
};
static_assert(sizeof(Place) == 16, "an idle device's connection pays for it");

/// Any thread.
class Admission {
 public:
  /// `notices` hears of whom it turns away, and outlives it.
  Admission(const AdmissionOptions& options, notices::Notices& notices);
  ~Admission();

  /// A place for a connection that was just accepted; empty when there is none: close it. The oldest stranger ends when
  /// that makes room: its descriptor is shut down, and its owner finds the end of its bytes.
  [[nodiscard]] Place enter(DoorKind door, int descriptor, const boost::asio::ip::address& peer);
  /// accept(2) found no descriptor: the oldest stranger ends.
  void out_of_descriptors(DoorKind door);
  /// Ends handshakes that hold up others. From a timer, every second or so.
  void tick();

  struct Figures {
    std::size_t connections = 0;  ///< all doors
    std::size_t strangers = 0;
    std::size_t stranger_bytes = 0;
    std::size_t unfinished_bytes = 0;  ///< of these, of requests that are not whole
  };
  [[nodiscard]] Figures figures() const;
  [[nodiscard]] const AdmissionOptions& options() const;

 private:
  friend class Place;
  friend struct DoorEntry;
  class Book;
  std::unique_ptr<Book> book_;
};

}  // namespace twinhub::net
