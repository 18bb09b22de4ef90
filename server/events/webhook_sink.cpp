#include "server/events/webhook_sink.hpp"

#include "server/events/cloud_event.hpp"

#include <utility>

namespace twinhub::events {
namespace {

bool is_about_content(unsigned status) { return status == 400 || status == 413 || status == 415 || status == 422; }

class WebhookSink final : public Sink {
 public:
  WebhookSink(WebhookSinkOptions options, std::unique_ptr<HttpClient> client)
      : options_(std::move(options)), client_(std::move(client)) {}

  Delivery deliver(std::span<const Outgoing> batch, const std::stop_token& stop) override {
    const auto answer = client_->post(body_of(batch),
                                      options_.single ? "application/cloudevents+json; charset=utf-8"
                                                      : "application/cloudevents-batch+json; charset=utf-8",
                                      stop);
    if (!answer) return {.failure = answer.error().detail};
    if (answer->status >= 200 && answer->status < 300) return {.done = batch.size()};
    if (is_about_content(answer->status)) {
      if (batch.size() == 1) return {.done = 1, .refused = 1};
      return deliver_in_halves(batch, stop);
    }
    return {.failure = options_.target.url + " answered " + std::to_string(answer->status),
            .retry_after = answer->retry_after};
  }

 private:
  Delivery deliver_in_halves(std::span<const Outgoing> batch, const std::stop_token& stop) {
    const std::size_t half = batch.size() / 2;
    Delivery first = deliver(batch.first(half), stop);
    if (!first.failure.empty()) return first;
    Delivery second = deliver(batch.subspan(half), stop);
    second.done += first.done;
    second.refused += first.refused;
    return second;
  }

  std::string body_of(std::span<const Outgoing> batch) const {
    std::string body;
    if (options_.single) {
      append_cloud_event(body, batch.front(), options_.hub_name);
      return body;
    }
    for (const Outgoing& outgoing : batch) {
      body += body.empty() ? '[' : ',';
      append_cloud_event(body, outgoing, options_.hub_name);
    }
    return body + "]";
  }

  WebhookSinkOptions options_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace

Result<std::unique_ptr<Sink>> make_webhook_sink(WebhookSinkOptions options) {
  auto client = HttpClient::make(options.target);
  if (!client) return client.error();
  return std::unique_ptr<Sink>(std::make_unique<WebhookSink>(std::move(options), std::move(*client)));
}

}  // namespace twinhub::events
