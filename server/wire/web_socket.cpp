#include "server/wire/web_socket.hpp"

#include "server/wire/socket.hpp"
#include "server/wire/web_socket_frames.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace twinhub::wire {
namespace {

constexpr std::size_t frame_bytes_max = 64 * 1024;  // made at once, and kept until the socket has taken it

class WebSocket final : public Transport {
 public:
  WebSocket(net::WebSocketRequest request, std::size_t message_bytes_max,
            std::shared_ptr<std::atomic<std::size_t>> alive)
      : socket_(request.stream.release()),
        reader_(message_bytes_max),
        unsent_(switching_protocols(request.key, request.subprotocol)),
        alive_(std::move(alive)) {
    alive_->fetch_add(1, std::memory_order_relaxed);
  }
  ~WebSocket() override { alive_->fetch_sub(1, std::memory_order_relaxed); }

  /// A client whose socket has no room for the answer to its request has not read those before: it is let go.
  bool start(Poller& poller, Pollable& owner) override {
    return send() == Outcome::done && socket_.start(poller, owner);
  }
  void want(Poller& poller, Pollable& owner, bool read, bool write) override {
    socket_.want(poller, owner, read, write);
  }
  void stop(Poller& poller) override { socket_.stop(poller); }

  bool handshaken() const override { return true; }
  Outcome handshake() override { return Outcome::done; }
  bool wants_write() const override { return false; }

  /// Nothing but control frames has come: done, with size 0.
  Outcome read(char* buffer, std::size_t capacity, std::size_t& size) override {
    if (reader_.ended()) {
      if (reader_.is_broken() && !said_goodbye_) note_fault(*reader_.ended());
      say_goodbye(*reader_.ended());
      return Outcome::closed;
    }
    std::size_t got = 0;
    const Outcome outcome = socket_.read(buffer, capacity, got);
    if (outcome != Outcome::done) return outcome;
    std::string pongs;
    size = reader_.take({buffer, got}, pongs);
    // The latest will do (RFC 6455, 5.5.3): a peer that reads none of them is not owed more.
    if (!pongs.empty()) pongs_ = std::move(pongs);
    return send() == Outcome::closed ? Outcome::closed : Outcome::done;
  }
  bool has_pending() const override { return reader_.ended() || socket_.has_pending(); }

  Outcome write(std::string_view bytes, std::size_t& written) override {
    written = 0;
    if (said_goodbye_) return Outcome::closed;
    for (;;) {
      if (const Outcome outcome = send(); outcome != Outcome::done) return outcome;
      if (written == bytes.size()) return Outcome::done;
      const std::string_view piece = bytes.substr(written, frame_bytes_max);
      append_message(unsent_, piece);
      written += piece.size();
    }
  }
  bool has_unsent() const override { return !unsent_.empty() || !pongs_.empty(); }

  void shut_down() override { say_goodbye(CloseCode::normal); }
  bool lingers() const override { return said_goodbye_; }
  void cut() override { socket_.cut(); }

  bool is_web_socket() const override { return true; }
  net::Place* place() override { return socket_.place(); }
  void note(const notices::Happening& what) const override { socket_.note(what, true); }
  boost::asio::ip::tcp::endpoint local_end() const override { return socket_.local_end(); }
  SSL* tls() const override { return socket_.tls(); }

 private:
  /// The notice of the connection's end, which follows, says whose it was.
  void note_fault(std::uint16_t code) const {
    const bool is_known = socket_.is_known();
    note({.stage = is_known ? notices::Stage::session : notices::Stage::connect,
          .reason = Reason::protocol_fault,
          .kind = is_known ? notices::Kind::ended : notices::Kind::refused,
          .detail = words_of(code)});
  }

  Outcome send() {
    while (has_unsent()) {
      if (unsent_.empty()) unsent_ = std::exchange(pongs_, {});
      std::size_t sent = 0;
      const Outcome outcome = socket_.write(unsent_, sent);
      if (sent == unsent_.size()) {
        std::string().swap(unsent_);
      } else {
        unsent_.erase(0, sent);
      }
      if (outcome != Outcome::done) return outcome;
    }
    return Outcome::done;
  }

  /// What the socket does not take at once is not sent: no peer is waited for.
  void say_goodbye(std::uint16_t code) {
    if (std::exchange(said_goodbye_, true)) return;
    append_close(unsent_, code);
    (void)send();
    socket_.shut_down();
  }

  Socket socket_;
  FrameReader reader_;
  std::string unsent_;  ///< whole frames but for the first, of which the socket has taken a part
  std::string pongs_;   ///< due behind these: the answers to the pings of one read
  std::shared_ptr<std::atomic<std::size_t>> alive_;
  bool said_goodbye_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_web_socket(net::WebSocketRequest request, std::size_t message_bytes_max,
                                           std::shared_ptr<std::atomic<std::size_t>> alive) {
  return std::make_unique<WebSocket>(std::move(request), message_bytes_max, std::move(alive));
}

}  // namespace twinhub::wire
