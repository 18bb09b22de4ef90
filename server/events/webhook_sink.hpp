// Events to a web server: POST of CloudEvents, several at once. 2xx = delivered. 400, 413, 415 and 422 are about the
// content: the batch is halved until the event that is meant stands alone, and that one is given up. Everything else is
// tried again, after Retry-After when the answer has it; 429 and 503 are about the server's load, all other failures
// behind a connection may be one event's doing (suspicion.hpp).
#pragma once

#include "protocol/error.hpp"
#include "server/events/sink.hpp"
#include "server/net/http_client.hpp"

#include <memory>
#include <string>

namespace twinhub::events {

struct WebhookSinkOptions {
  std::string url;         ///< http://HOST[:PORT][/PATH] or https://...
  std::string shown_url;   ///< in words for the operator: without what nobody may read
  net::HttpTarget target;  ///< trust, certificate and time limit; where to is the URL's matter
  net::HttpHeaders headers;
  std::string hub_name;
  bool single =
      false;  ///< application/cloudevents+json, one per request, instead of application/cloudevents-batch+json
};

/// Does not connect yet. Errors: no such URL; those of net::HttpClient::make.
[[nodiscard]] Result<std::unique_ptr<Sink>> make_webhook_sink(WebhookSinkOptions options);

}  // namespace twinhub::events
