// The hub as one resource among `Microsoft.Devices/IotHubs`: found, listed, read, its tags changed.
// Source: azure-rest-api-specs iothub.json.
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/handlers.hpp"
#include "server/management/arm/hub_document.hpp"

namespace twinhub::management {
namespace {

constexpr std::size_t location_bytes_max = 64;

}  // namespace

std::optional<std::string> read_location(json::Value body) {
  const auto member = body.find("location");
  auto location = member ? member->string() : std::nullopt;
  if (!location || location_word(*location).empty() || location->size() > location_bytes_max) return std::nullopt;
  return location;
}

ArmAnswer check_name_availability(ArmCall& call) {
  const auto body = read_object(call.request);
  if (!body) return body.error();
  const auto member = body->root().find("name");
  const auto name = member ? member->string() : std::nullopt;
  if (!name) return refusal(400, "InvalidRequestContent", "The body names no hub.");
  const auto hub = call.context.state.hub();
  JsonObject out;
  if (!is_hub_name(*name)) {
    out.flag("nameAvailable", false).text("reason", "Invalid").text("message", hub_name_words);
  } else if (hub && same_name(hub->name, *name)) {
    out.flag("nameAvailable", false)
        .text("reason", "AlreadyExists")
        .text("message", "IotHub name '" + *name + "' is not available");
  } else {
    out.flag("nameAvailable", true).text("reason", "Invalid").raw("message", "null");
  }
  return document(out.close());
}

ArmAnswer list_hubs(ArmCall& call) {
  std::vector<std::string> hubs;
  if (const auto hub = call.context.state.hub()) hubs.push_back(hub_document(call.context, *hub, call.request.host));
  return document(value_list(hubs));
}

ArmAnswer list_group_hubs(ArmCall& call) {
  std::vector<std::string> hubs;
  const auto hub = call.context.state.hub();
  if (hub && same_name(hub->group, call.group.name))
    hubs.push_back(hub_document(call.context, *hub, call.request.host));
  return document(value_list(hubs));
}

ArmAnswer get_hub(ArmCall& call) { return document(hub_document(call.context, call.hub, call.request.host)); }

ArmAnswer head_hub(ArmCall&) { return {204}; }

ArmAnswer patch_hub(ArmCall& call) {
  if (auto refused = check_if_match(call, twin_etag(call.hub.etag))) return *refused;
  const auto body = read_object(call.request);
  if (!body) return body.error();
  HubLabels hub = call.hub;
  if (body->root().find("tags")) {
    const auto tags = read_tags(body->root());
    if (!tags) return tags.error();
    hub.tags = *tags;
  }
  ++hub.etag;
  if (const auto put = call.context.state.put(hub); !put) return refusal(put.error(), hub.name);
  log_change(call.request, "tags of the hub '" + hub.name + "' set");
  return document(hub_document(call.context, hub, call.request.host));
}

ArmAnswer fail_over(ArmCall& call) {
  return refusal(400, "NotImplemented",
                 "The hub '" + call.hub.name +
                     "' is one process in one place: there is no second region that it could fail over to. What it has "
                     "acknowledged survives a restart.");
}

ArmAnswer empty_list(ArmCall&) { return document(value_list({})); }

}  // namespace twinhub::management
