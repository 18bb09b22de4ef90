// What back ends receive: feedback on cloud-to-device messages, and notifications of uploaded files, of which there are
// none yet. Source: azure-docs iot-hub-devguide-messages-c2d ("Message feedback"); azure-iot-sdk-node azure-iothub
// amqp.ts; azure-iot-sdk-csharp AmqpFeedbackReceiver.cs.
#include "protocol/amqp/message.hpp"
#include "server/amqp/connection.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link_kinds.hpp"
#include "server/amqp/message_fields.hpp"
#include "server/amqp/when_done.hpp"

#include <map>

namespace twinhub::amqp_door {
namespace {

/// Batches that a reader may leave unsettled: then it gets no more.
constexpr std::size_t unsettled_max = 256;

std::string encode_batch(const hub::Feedback::Batch& batch, const std::string& hub_name) {
  using amqp::Value;
  amqp::Message message;
  message.message_annotations.add(Value::symbol("iothub-enqueuedtime"),
                                  Value::timestamp(milliseconds_of(batch.newest)));
  message.properties.message_id = Value::string(batch.lock_token);
  message.properties.user_id = hub_name;  // .NET fails without one
  message.properties.content_type = "application/vnd.microsoft.iothub.feedback.json";
  message.properties.content_encoding = "utf-8";
  message.data = {batch.json};
  return encode_message(message);
}

/// Readers share the hub's one queue; a batch goes to whichever has credit first.
class FeedbackReader final : public LinkHandler {
 public:
  FeedbackReader(hub::Feedback& feedback, const std::string& hub_name) : feedback_(feedback), hub_name_(hub_name) {}

  void on_attached() override { link().connection().lane().call_each_second(*this); }

  void on_second() override { send_ready(); }

  void on_credit(bool drains) override {
    send_ready();
    if (drains) link().drained();
  }

  void on_outcome(amqp::DeliveryNumber delivery, const amqp::Outcome& outcome, bool settled) override {
    const auto found = held_.find(delivery);
    if (found == held_.end()) return;
    const std::string lock_token = std::move(found->second);
    held_.erase(found);
    if (settlement_of(outcome) == Settlement::abandon) {
      const auto abandoned = feedback_.abandon(lock_token);
      if (!settled) answer(delivery, abandoned);
      return send_ready();
    }
    // A rejected batch is as dealt with as a completed one: there is nobody to hear of it.
    feedback_.complete(lock_token, link().when_done<FeedbackReader, void>(
                                       [delivery, settled](FeedbackReader& self, const Result<void>& done) {
                                         if (!settled) self.answer(delivery, done);
                                         self.send_ready();
                                       }));
  }

  void on_detached() override {
    link().connection().lane().call_no_more(*this);
    for (const auto& [delivery, lock_token] : held_) feedback_.release(lock_token);
  }

 private:
  void answer(amqp::DeliveryNumber delivery, const Result<void>& done) {
    link().answer(delivery, done ? accepted() : rejected(condition_of(done.error())));
  }

  void send_ready() {
    while (held_.size() < unsettled_max && link().may_send()) {
      const auto batch = feedback_.receive();
      if (!batch || !*batch) return;
      const bool settled = link().sends_settled();
      const auto delivery = link().send(encode_batch(**batch, hub_name_), delivery_tag((*batch)->lock_token), settled);
      if (!settled) {
        held_.emplace(delivery, (*batch)->lock_token);
        continue;
      }
      feedback_.complete((*batch)->lock_token,
                         link().when_done<FeedbackReader, void>([](FeedbackReader&, const Result<void>&) {}));
    }
  }

  hub::Feedback& feedback_;
  const std::string& hub_name_;
  std::map<amqp::DeliveryNumber, std::string> held_;  ///< lock tokens of what was sent and not settled
};

}  // namespace

void add_feedback_links(LinkKinds& kinds, hub::Hub& hub, const std::string& hub_name) {
  kinds.push_back(
      {.address = "messages/servicebound/feedback",
       .direction = Direction::peer_receives,
       .needs = Needs::service,
       .make = [&hub,
                &hub_name](const Attach&) { return serve(std::make_unique<FeedbackReader>(hub.feedback, hub_name)); },
       .links_max = shared_links_max});
  for (const char* const address :
       {"messages/servicebound/filenotifications", "messages/servicebound/fileuploadnotifications"}) {
    kinds.push_back({.address = address,
                     .direction = Direction::peer_receives,
                     .needs = Needs::service,
                     .make = [](const Attach&) { return serve(std::make_unique<SilentLink>()); },
                     .links_max = shared_links_max});
  }
}

}  // namespace twinhub::amqp_door
