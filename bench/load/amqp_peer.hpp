// One AMQP connection: OPEN, BEGIN, a token by $cbs unless the server is a broker, one link, and messages on it, in one of the two directions, told to
// whoever runs the scenario.
#pragma once

#include "bench/load/errors.hpp"
#include "bench/load/stream.hpp"
#include "protocol/amqp/value.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::load {

class AmqpPeer final : private Stream::Owner {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// The link is attached, and has credit where the peer sends.
    virtual void on_ready(AmqpPeer& peer) = 0;
    /// What became of deliveries `first` to `last`, where the peer sends.
    virtual void on_settled(AmqpPeer& /*peer*/, std::uint32_t /*first*/, std::uint32_t /*last*/, bool /*accepted*/) {}
    /// A message has come, where the peer receives. It is to be settled.
    virtual void on_message(AmqpPeer& /*peer*/, std::uint32_t /*delivery*/, std::string_view /*message*/) {}
    /// The connection has ended, or never came to be. The error is counted already.
    virtual void on_gone(AmqpPeer& peer) = 0;
  };

  /// Who it is, and where its link leads.
  struct Login {
    std::string audience;
    std::string token;  ///< empty: none is asked for
    std::string address;
    bool receives = false;
    std::string filter = {};  ///< of a reader of events: from where on
  };

  AmqpPeer(EventLoop& loop, Owner& owner, Errors& errors, SSL_CTX* tls, std::size_t index, Login login)
      : stream_(loop, *this, tls), owner_(owner), errors_(errors), index_(index), login_(std::move(login)) {}

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] bool is_ready() const { return ready_; }
  /// How many more messages the hub takes now.
  [[nodiscard]] std::uint32_t credit() const { return credit_end_ - sent_; }

  void connect(const Address& address);
  /// Sends an encoded message; returns its delivery number. REQUIRES: is_ready(), credit() > 0.
  std::uint32_t send_message(std::string_view message);

  // Where the peer receives. REQUIRES: is_ready().
  /// Lets `more` further messages come.
  void give_credit(std::uint32_t more);
  void accept(std::uint32_t first, std::uint32_t last);
  /// Detaches the link and attaches another, of no credit, that begins at `filter`; on_ready() follows.
  void begin_again(std::string filter);

 private:
  void on_open() override;
  void on_bytes(std::string_view bytes) override;
  void on_closed(const std::string& why) override;
  /// False: the connection is over.
  [[nodiscard]] bool handle(std::string_view frame);
  [[nodiscard]] bool handle_reply(std::string_view message);
  [[nodiscard]] bool refuse(Wrong kind, const std::string& what);
  void put_token();
  void attach();
  [[nodiscard]] bool handle_attach(const std::vector<amqp::Value>& fields);
  [[nodiscard]] bool handle_transfer(const std::vector<amqp::Value>& fields, std::string_view payload);
  void handle_flow(const std::vector<amqp::Value>& fields);
  void transfer(std::uint32_t handle, std::string_view message);

  Stream stream_;
  Owner& owner_;
  Errors& errors_;
  std::size_t index_;
  Login login_;
  std::string partial_;                // the beginning of a frame whose end has not come yet
  std::uint32_t deliveries_ = 0;       // of the session, the request of $cbs among them
  std::uint32_t sent_ = 0;             // on the link
  std::uint32_t credit_end_ = 0;       // sent_ may come up to it; where the peer receives, received_
  std::uint32_t received_ = 0;         // on the link
  std::uint32_t received_in_all_ = 0;  // on the session, from the hub's first number on
  std::uint32_t handle_ = 0;           // of the link
  std::uint32_t hub_handle_ = 0;       // the hub's number for the link
  bool header_came_ = false;
  bool has_token_ = false;
  bool ready_ = false;
};

}  // namespace twinhub::load
