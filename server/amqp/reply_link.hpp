// The receiving half of a pair of links by which clients ask and the hub answers: $cbs, $management, twins.
#pragma once

#include "server/amqp/link.hpp"

#include <deque>
#include <string>

namespace twinhub::amqp_door {

/// Sends replies as far as there is credit; Connection::reply() finds it by session and address.
class ReplyLink : public LinkHandler {
 public:
  void reply(std::string message);
  void on_attached() override;
  void on_credit(bool drains) override;
  void on_detached() override;

 private:
  void send_waiting();

  std::deque<std::string> waiting_;  ///< for credit; at most waiting_max
  std::uint32_t next_tag_ = 0;
  bool is_over_ = false;
};

}  // namespace twinhub::amqp_door
