#include "server/management/arm/arm_call.hpp"

#include "protocol/json/lenient.hpp"
#include "protocol/json/text.hpp"
#include "server/base/log.hpp"
#include "server/management/arm/arm_json.hpp"

namespace twinhub::management {
namespace {

// Source: azure-docs tag-resources ("Limitations").
constexpr std::size_t tags_max = 50;
constexpr std::size_t tag_name_bytes_max = 512;
constexpr std::size_t tag_value_bytes_max = 256;

}  // namespace

std::string subscription_id(const ArmContext& context) { return "/subscriptions/" + context.options.subscription; }

std::string group_id(const ArmContext& context, std::string_view group) {
  return subscription_id(context) + "/resourceGroups/" + std::string(group);
}

std::string hub_id(const ArmContext& context, const HubLabels& hub) {
  return group_id(context, hub.group) + "/providers/Microsoft.Devices/IotHubs/" + hub.name;
}

ArmResult<json::Document> read_object(const ArmRequest& request) {
  std::string body = request.body;
  json::make_strict(body);
  auto document = json::parse(body);
  if (!document)
    return refusal(400, "InvalidRequestContent", "The request's body is no JSON: " + document.error().detail);
  if (!document->root().is_object())
    return refusal(400, "InvalidRequestContent", "The request's body is no JSON object.");
  return std::move(*document);
}

ArmResult<std::string> read_tags(json::Value body) {
  const auto tags = body.find("tags");
  if (!tags || tags->is_null()) return std::string("{}");
  if (!tags->is_object()) return refusal(400, "InvalidTags", "tags must be an object of texts.");
  std::size_t count = 0;
  JsonObject out;
  for (const json::Value tag : *tags) {
    const std::string name = json::unescape(tag.key_text());
    const auto value = tag.is_null() ? std::optional<std::string>("") : tag.string();
    if (!value) return refusal(400, "InvalidTags", "The value of the tag '" + name + "' is no text.");
    if (++count > tags_max || name.empty() || name.size() > tag_name_bytes_max || value->size() > tag_value_bytes_max)
      return refusal(400, "InvalidTags",
                     "A resource has at most 50 tags, with names of 1 to 512 bytes and values of at most 256.");
    out.text(name, *value);
  }
  return out.close();
}

bool if_match_allows(std::string_view if_match, std::string_view etag) {
  return if_match.empty() || if_match == "*" || if_match == "\"*\"" || if_match.find(etag) != std::string_view::npos;
}

std::optional<ArmAnswer> check_if_match(const ArmCall& call, std::string_view etag) {
  if (if_match_allows(call.request.if_match, etag)) return std::nullopt;
  return refusal(412, "PreconditionFailed",
                 "The If-Match header does not name the resource's etag: it has changed since it was read.");
}

void log_change(const ArmRequest& request, std::string_view what) {
  log::info({.event = "management_change"}, "management: {}: {}", json::to_utf8(request.client), what);
}

}  // namespace twinhub::management
