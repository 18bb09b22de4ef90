#include "server/events/webhook_sink.hpp"

#include "server/events/cloud_event.hpp"

#include <ctime>
#include <utility>

namespace twinhub::events {
namespace {

bool is_about_content(unsigned status) { return status == 400 || status == 413 || status == 415 || status == 422; }
bool is_about_load(unsigned status) { return status == 429 || status == 503; }

class WebhookSink final : public Sink {
 public:
  WebhookSink(WebhookSinkOptions options, std::string path, std::unique_ptr<net::HttpClient> client)
      : options_(std::move(options)), path_(std::move(path)), client_(std::move(client)) {}

  Delivery deliver(std::span<const Outgoing> batch, const std::stop_token& stop) override {
    net::HttpRequest request{.method = "POST", .path = path_, .headers = {{"User-Agent", "twinhub"}}};
    request.headers.emplace_back("Content-Type", options_.single ? "application/cloudevents+json; charset=utf-8"
                                                                 : "application/cloudevents-batch+json; charset=utf-8");
    for (const auto& header : options_.headers) request.headers.push_back(header);
    request.body = body_of(batch);
    const auto answer = client_->send(request, stop);
    if (!answer) {
      return {.failure = options_.shown_url + ": " + answer.error().detail,
              .may_be_an_event = client_->reached() && !stop.stop_requested()};
    }
    if (answer->status >= 200 && answer->status < 300) return {.done = batch.size()};
    if (is_about_content(answer->status)) {
      if (batch.size() == 1) return {.done = 1, .refused = {0}};
      return deliver_in_halves(batch, stop);
    }
    const std::string wish(answer->header("Retry-After"));
    return {.failure = options_.shown_url + " answered " + std::to_string(answer->status),
            .may_be_an_event = !is_about_load(answer->status),
            .retry_after = wish.empty() ? std::nullopt : net::parse_retry_after(wish, std::time(nullptr))};
  }

  Result<void> reach(const std::stop_token& stop) override {
    const auto opened = client_->open(stop);
    return opened ? opened : fail(opened.error().code, options_.shown_url + ": " + opened.error().detail);
  }

 private:
  Delivery deliver_in_halves(std::span<const Outgoing> batch, const std::stop_token& stop) {
    const std::size_t half = batch.size() / 2;
    Delivery first = deliver(batch.first(half), stop);
    if (!first.failure.empty()) return first;
    Delivery second = deliver(batch.subspan(half), stop);
    for (std::size_t& index : second.refused) index += first.done;
    second.refused.insert(second.refused.begin(), first.refused.begin(), first.refused.end());
    second.done += first.done;
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
  std::string path_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace

Result<std::unique_ptr<Sink>> make_webhook_sink(WebhookSinkOptions options) {
  auto url = net::parse_http_url(options.url);
  if (!url) return fail(Errc::argument_invalid, options.shown_url + " is no URL of a web server");
  net::HttpTarget target = options.target;
  target.tls = url->target.tls;
  target.host = url->target.host;
  target.port = url->target.port;
  auto client = net::HttpClient::make(std::move(target));
  if (!client) return fail(Errc::argument_invalid, options.shown_url + ": " + client.error().detail);
  return std::unique_ptr<Sink>(
      std::make_unique<WebhookSink>(std::move(options), std::move(url->path), std::move(*client)));
}

}  // namespace twinhub::events
