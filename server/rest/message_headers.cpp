#include "server/rest/message_headers.hpp"

#include "protocol/json/text.hpp"
#include "protocol/query/dates.hpp"

#include <algorithm>
#include <array>

namespace twinhub::rest {
namespace {

constexpr std::string_view application_prefix = "iothub-app-";

/// The name of a header's property in a telemetry topic's property bag.
struct TelemetryName {
  std::string_view header;
  std::string_view in_bag;
};
constexpr std::array telemetry_names{
    TelemetryName{"iothub-messageid", "$.mid"},
    TelemetryName{"iothub-correlationid", "$.cid"},
    TelemetryName{"iothub-userid", "$.uid"},
    TelemetryName{"iothub-contenttype", "$.ct"},
    TelemetryName{"iothub-contentencoding", "$.ce"},
    TelemetryName{"iothub-creation-time-utc", "$.ctime"},
    TelemetryName{"iothub-interface-id", "$.ifid"},
    TelemetryName{"iothub-ack", "iothub-ack"},
    TelemetryName{"dt-subject", "$.sub"},
};

bool has_application_prefix(std::string_view name) {
  return name.size() > application_prefix.size() &&
         equals_ignoring_case(name.substr(0, application_prefix.size()), application_prefix);
}

/// Headers are bytes: clients write UTF-8, or the Latin-1 that HTTP/1.1 once meant (Node, browsers).
std::string text_of(std::string_view bytes) {
  if (json::is_utf8(bytes)) return std::string(bytes);
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return text;
}

}  // namespace

Result<iothub::CloudToDeviceMessage> message_of(const Request& request) {
  iothub::CloudToDeviceMessage message;
  const auto take = [&](std::string_view header) { return text_of(request.header(header).value_or("")); };
  message.message_id = take("iothub-messageid");
  message.correlation_id = take("iothub-correlationid");
  message.user_id = take("iothub-userid");
  message.content_type = take("iothub-contenttype");
  message.content_encoding = take("iothub-contentencoding");
  // Azure IoT Explorer spells the header like this.
  if (message.content_encoding.empty()) message.content_encoding = take("content-encoding");
  message.to = take("iothub-to");
  const auto acknowledgement = iothub::parse_acknowledgement(request.header("iothub-ack").value_or(""));
  if (!acknowledgement) return fail(Errc::argument_invalid, "iothub-ack is none, positive, negative or full");
  message.acknowledgement = *acknowledgement;
  if (const auto expiry = request.header("iothub-expiry"); expiry && !expiry->empty()) {
    message.expiry = query::parse_date(*expiry);
    if (!message.expiry) return fail(Errc::argument_invalid, "iothub-expiry is not an ISO 8601 date");
  }
  for (const auto& [name, value] : request.headers) {
    if (!has_application_prefix(name)) continue;
    message.properties.push_back({text_of(std::string_view(name).substr(application_prefix.size())), text_of(value)});
  }
  message.body = request.body;
  return message;
}

std::string property_bag_of(const Headers& headers) {
  std::string bag;
  const auto add = [&bag](std::string_view name, std::string_view value) {
    if (!bag.empty()) bag += '&';
    bag += iothub::percent_encode(text_of(name));
    bag += '=';
    bag += iothub::percent_encode(text_of(value));
  };
  for (const auto& header : headers) {
    const std::string_view name = header.first, value = header.second;
    if (has_application_prefix(name)) {
      add(name.substr(application_prefix.size()), value);
      continue;
    }
    const auto known = std::find_if(telemetry_names.begin(), telemetry_names.end(), [&](const TelemetryName& names) {
      return equals_ignoring_case(names.header, name);
    });
    if (known != telemetry_names.end()) add(known->in_bag, value);
  }
  return bag;
}

Response delivery_response(hub::CloudToDevice::Delivery delivery) {
  auto& message = delivery.message;
  Response response{200, std::move(message.body), {}};
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) response.headers.emplace_back(name, value);
  };
  add("ETag", '"' + to_text(delivery.lock) + '"');
  add("Content-Type", message.content_type.empty() ? "application/octet-stream" : message.content_type);
  add("iothub-messageid", message.message_id);
  add("iothub-correlationid", message.correlation_id);
  add("iothub-userid", message.user_id);
  add("iothub-to", message.to);
  add("iothub-contenttype", message.content_type);
  add("iothub-contentencoding", message.content_encoding);
  if (message.acknowledgement != iothub::Acknowledgement::none) add("iothub-ack", to_string(message.acknowledgement));
  add("iothub-expiry", to_iso8601(delivery.expires));
  add("iothub-enqueuedtime", to_iso8601(delivery.enqueued));
  add("iothub-deliverycount", std::to_string(delivery.delivery_count));
  add("iothub-sequencenumber", std::to_string(delivery.lock.sequence_number));
  for (const iothub::Property& property : message.properties) {
    response.headers.emplace_back(std::string(application_prefix) + property.name, property.value.value_or(""));
  }
  return response;
}

}  // namespace twinhub::rest
