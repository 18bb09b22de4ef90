#include "server/amqp/link.hpp"

#include "server/amqp/condition.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/lane.hpp"

#include <algorithm>
#include <cassert>

namespace twinhub::amqp_door {

void LinkHandler::on_delivery(amqp::Incoming&& delivery) {
  link().reject(delivery.number, make_condition(condition::not_allowed, "Nothing is sent on this link"));
}

void LinkHandler::on_credit(bool drains) {
  if (drains) link().drained();
}

void LinkHandler::on_outcome(amqp::DeliveryNumber delivery, const amqp::Outcome&, bool settled) {
  if (!settled) link().answer(delivery, accepted());
}

void Link::detach(const amqp::Condition& error) { connection_.detach(*this, error); }

void Link::accept(amqp::DeliveryNumber delivery) {
  if (over_) return;
  connection_.engine().settle(number_, delivery, accepted());
  connection_.will_write();
}

void Link::reject(amqp::DeliveryNumber delivery, const amqp::Condition& error) {
  if (over_) return;
  connection_.engine().settle(number_, delivery, rejected(error));
  connection_.will_write();
}

void Link::set_credit(std::uint32_t credit) {
  if (over_) return;
  connection_.engine().set_credit(number_, credit);
  connection_.will_write();
}

void Link::withhold_credit(std::chrono::microseconds time) {
  if (over_ || time.count() == 0) return;
  const bool is_withheld = withheld_until_ != wire::Clock::time_point{};
  withheld_until_ = std::max(withheld_until_, wire::Clock::now() + time);
  if (is_withheld) return;
  set_credit(0);
  give_credit_again();
}

/// Once the time has come, which may have moved on meanwhile.
void Link::give_credit_again() {
  const auto now = wire::Clock::now();
  if (now >= withheld_until_) {
    withheld_until_ = {};
    return set_credit(kind_.credit);
  }
  const auto left = std::chrono::ceil<std::chrono::microseconds>(withheld_until_ - now);
  connection_.lane().run_after(left, [&lane = connection_.lane(), id = connection_.id(), number = number_] {
    Connection* const connection = lane.find(id);
    if (connection == nullptr || connection->closed()) return;
    if (Link* const link = connection->find(number)) link->give_credit_again();
  });
}

std::uint32_t Link::credit() const { return over_ ? 0 : connection_.engine().credit(number_); }

bool Link::may_send() {
  if (credit() == 0) return false;
  if (connection_.engine().has_room(number_)) return true;
  connection_.wait_for_room(*this);
  return false;
}

amqp::DeliveryNumber Link::send(std::string_view message, std::string_view tag, bool settled) {
  assert(credit() > 0 && tag.size() <= 32);
  connection_.note_sent();
  connection_.will_write();
  return connection_.engine().send(number_, message, tag, settled);
}

void Link::drained() {
  if (over_) return;
  connection_.engine().drained(number_);
  connection_.will_write();
}

void Link::answer(amqp::DeliveryNumber delivery, const amqp::Outcome& outcome) {
  if (over_) return;
  connection_.engine().answer(number_, delivery, outcome);
  connection_.will_write();
}

void Link::forget(amqp::DeliveryNumber delivery) {
  if (over_) return;
  connection_.engine().forget(number_, delivery);
  connection_.will_write();
}

}  // namespace twinhub::amqp_door
