#include "server/amqp/reply_link.hpp"

#include "protocol/amqp/encode.hpp"
#include "server/amqp/condition.hpp"
#include "server/amqp/connection.hpp"

namespace twinhub::amqp_door {
namespace {

constexpr std::size_t waiting_max = 64;

}  // namespace

void ReplyLink::on_attached() { link().connection().add_reply_link(*this); }

void ReplyLink::on_detached() {
  is_over_ = true;
  for (const std::string& message : waiting_) link().connection().release_reply_bytes(message.size());
  waiting_.clear();
  link().connection().remove_reply_link(*this);
}

void ReplyLink::reply(std::string message) {
  if (is_over_) return;
  if (waiting_.size() >= waiting_max || !link().connection().hold_reply_bytes(message.size())) {
    return link().detach(make_condition(condition::resource_limit, "Too many replies wait for credit on this link"));
  }
  waiting_.push_back(std::move(message));
  send_waiting();
}

void ReplyLink::on_credit(bool drains) {
  send_waiting();
  if (drains) link().drained();
}

void ReplyLink::send_waiting() {
  while (!waiting_.empty() && link().may_send()) {
    std::string tag;
    amqp::append_big_endian(tag, next_tag_++, 4);
    link().send(waiting_.front(), tag, link().sends_settled());
    link().connection().release_reply_bytes(waiting_.front().size());
    waiting_.pop_front();
  }
}

}  // namespace twinhub::amqp_door
