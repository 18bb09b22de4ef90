// PUT of the hub: creation and update. One process is one hub, so a creation gives the process its labels (name, group,
// location, tags, size) and policies; devices that are there already stay.
//
// The size (`sku`) is a label. az sends S1 when nobody asked for anything: a client's word never switches limits on. The
// setting `sku` alone does that, and where it is set it is also what the document shows.
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/handlers.hpp"
#include "server/management/arm/hub_changes.hpp"
#include "server/management/arm/hub_document.hpp"
#include "server/management/arm/hub_keys.hpp"

#include <algorithm>

namespace twinhub::management {
namespace {

/// Whether this process may be, or already is, the hub that the path names.
std::optional<ArmAnswer> check_place(const ArmCall& call, const std::optional<HubLabels>& current) {
  const std::string& name = call.names[1];
  const std::string own = current ? current->name : call.context.options.hub_name;
  if (!own.empty() && !same_name(own, name)) {
    return refusal(409, "ResourceConflict",
                   "There is no room for the hub '" + name + "': one process is one hub, and this one is '" + own +
                       "'. Start another process with its own data folder and address for it.");
  }
  if (current && current->adopted && !same_name(current->group, call.group.name)) {
    return refusal(409, "ResourceConflict",
                   "The hub '" + current->name + "' exists in the resource group '" + current->group + "'.");
  }
  return std::nullopt;
}

std::optional<ArmAnswer> read_sku(json::Value body, HubLabels& labels) {
  const auto sku = body.find("sku");
  if (!sku || sku->is_null()) return std::nullopt;
  const auto name_member = sku->find("name");
  const auto name = name_member ? name_member->string() : std::nullopt;
  const HubSize* const size = name ? find_size(*name) : nullptr;
  if (size == nullptr) return refusal(400, "BadRequest", "sku.name is one of B1, B2, B3, F1, S1, S2 and S3.");
  const auto capacity_member = sku->find("capacity");
  const auto capacity = capacity_member && !capacity_member->is_null() ? capacity_member->integer() : 1;
  if (!capacity || *capacity < 1 || *capacity > size->units_max) {
    return refusal(400, "BadRequest",
                   "sku.capacity of " + std::string(size->sku) + " is 1 to " + std::to_string(size->units_max) + ".");
  }
  labels.sku = size->sku;
  labels.capacity = static_cast<std::uint32_t>(*capacity);
  return std::nullopt;
}

std::optional<ArmAnswer> check_identity(json::Value body) {
  const auto identity = body.find("identity");
  if (!identity || identity->is_null()) return std::nullopt;
  const auto type = identity->find("type");
  if (identity->is_object() && (!type || type->is_null() || same_name(type->string().value_or(""), "None")))
    return std::nullopt;
  return refusal(
      400, "NotImplemented",
      "The hub has no identity of its own (identity.type other than None): its endpoints log in with what the "
      "settings file says.");
}

std::optional<ArmAnswer> read_place(const ArmCall& call, json::Value body, bool exists, HubLabels& labels) {
  const auto location = read_location(body);
  if (!exists) {
    if (!location) return refusal(400, "LocationRequired", "The location property is required for this definition.");
    labels.location = *location;
    labels.name = call.context.options.hub_name.empty() ? call.names[1] : call.context.options.hub_name;
    labels.created = call.context.hub.clock.now();
  } else if (location && location_word(*location) != location_word(labels.location)) {
    return refusal(409, "InvalidResourceLocation",
                   "The hub '" + labels.name + "' exists in the location '" + labels.location + "'.");
  }
  labels.group = call.group.name;
  return std::nullopt;
}

/// Bodies of an update hold the etag that was read; those that describe a hub anew have none.
PutKind kind_of(const ArmCall& call, json::Value body) {
  const auto etag = body.find("etag");
  const bool has_etag = etag && !etag->is_null() && etag->text() != "\"\"";
  return has_etag || !call.request.if_match.empty() ? PutKind::update : PutKind::create;
}

/// nullopt in the value: no policies were sent.
ArmResult<std::optional<std::vector<hub::Policy>>> read_properties(const ArmCall& call, json::Value body,
                                                                   const HubLabels& labels, PutKind kind) {
  const auto properties = body.find("properties");
  if (!properties || properties->is_null()) return std::optional<std::vector<hub::Policy>>();
  if (!properties->is_object()) return refusal(400, "InvalidRequestContent", "properties must be an object.");
  if (auto refused = check_properties(*properties, call.context, labels, kind)) return *refused;
  const auto list = properties->find("authorizationPolicies");
  if (!list || list->is_null()) return std::optional<std::vector<hub::Policy>>();
  auto policies = read_policies(*list, call.context);
  if (!policies) return policies.error();
  return std::optional(std::move(*policies));
}

}  // namespace

ArmAnswer put_hub(ArmCall& call) {
  if (!is_hub_name(call.names[1])) return refusal(400, "BadRequest", hub_name_words);
  const auto current = call.context.state.hub();
  if (auto refused = check_place(call, current)) return *refused;
  if (!current && !call.request.if_match.empty())
    return refusal(412, "PreconditionFailed", "There is no hub whose etag If-Match could name.");
  if (auto refused = check_if_match(call, current ? twin_etag(current->etag) : "")) return *refused;
  const auto body = read_object(call.request);
  if (!body) return body.error();

  if (auto refused = check_identity(body->root())) return *refused;
  HubLabels labels = current.value_or(HubLabels{});
  const bool exists = current && current->adopted;
  if (auto refused = read_place(call, body->root(), exists, labels)) return *refused;
  if (auto refused = read_sku(body->root(), labels)) return *refused;
  auto tags = read_tags(body->root());
  if (!tags) return tags.error();
  labels.tags = std::move(*tags);
  auto policies = read_properties(call, body->root(), labels, kind_of(call, body->root()));
  if (!policies) return policies.error();

  if (*policies) {
    if (auto refused = apply_policies(call, std::move(**policies))) return *refused;
  }
  // Grows over a deletion too: an etag never means two different hubs.
  labels.etag = std::max(labels.etag + 1, call.context.hub.clock.now().ticks);
  if (const auto put = call.context.state.put(labels); !put) return refusal(put.error(), labels.name);
  log_change(call.request, "hub '" + labels.name + (exists ? "' updated" : "' created in '" + labels.group + "'"));
  return document(hub_document(call.context, labels, call.request.host));
}

}  // namespace twinhub::management
