// Resources of any type, as lists with a $filter show them; here there is one resource at most, the hub.
// Source: azure-rest-api-specs resources.json ("Resources_List").
#include "server/management/arm/arm_json.hpp"
#include "server/management/arm/arm_names.hpp"
#include "server/management/arm/handlers.hpp"
#include "server/management/arm/hub_document.hpp"
#include "server/management/arm/quoted_text.hpp"

namespace twinhub::management {
namespace {

std::string resource_document(const ArmContext& context, const HubLabels& hub) {
  return JsonObject()
      .text("id", hub_id(context, hub))
      .text("name", hub.name)
      .text("type", "Microsoft.Devices/IotHubs")
      .text("location", hub.location)
      .raw("tags", hub.tags)
      .raw("sku",
           JsonObject().text("name", shown_sku(context, hub)).number("capacity", shown_capacity(context, hub)).close())
      .close();
}

std::string tag_of(const HubLabels& hub, std::string_view name) {
  const auto tags = json::parse(hub.tags);
  const auto tag = tags ? tags->root().find(name) : std::nullopt;
  return tag ? tag->string().value_or("") : "";
}

/// One after the other: field eq 'text' {and field eq 'text'}. nullopt: the filter is none of these.
class Filter {
 public:
  Filter(std::string_view text, const HubLabels& hub) : rest_(text), hub_(hub) {}

  std::optional<bool> holds() {
    bool all = true;
    while (true) {
      const std::string_view field = word();
      if (!same_name(word(), "eq")) return std::nullopt;
      const auto value = text();
      const auto one = value ? matches(field, *value) : std::nullopt;
      if (!one) return std::nullopt;
      all = all && *one;
      const std::string_view next = word();
      if (next.empty()) return rest_.empty() ? std::optional(all) : std::nullopt;
      if (!same_name(next, "and")) return std::nullopt;
    }
  }

 private:
  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

  std::string_view word() {
    skip_spaces();
    const std::string_view found = rest_.substr(0, rest_.find_first_of(" '"));
    rest_.remove_prefix(found.size());
    return found;
  }

  std::optional<std::string> text() {
    skip_spaces();
    return take_quoted(rest_);
  }

  std::optional<bool> matches(std::string_view field, const std::string& value) {
    if (same_name(field, "resourceType")) return same_name(value, "Microsoft.Devices/IotHubs");
    if (same_name(field, "resourceGroup")) return same_name(value, hub_.group);
    if (same_name(field, "name")) return same_name(value, hub_.name);
    if (same_name(field, "location")) return location_word(value) == location_word(hub_.location);
    if (same_name(field, "tagName")) {
      tag_ = tag_of(hub_, value);
      return !tag_.empty();
    }
    if (same_name(field, "tagValue")) return tag_ == value;
    return std::nullopt;
  }

  std::string_view rest_;
  const HubLabels& hub_;
  std::string tag_;  // of the last tagName
};

ArmAnswer list(const ArmCall& call, const std::optional<HubLabels>& hub) {
  const auto filter = call.request.query.find("$filter");
  const bool filtered = filter != call.request.query.end() && !filter->second.empty();
  const HubLabels any;
  const auto holds = filtered ? Filter(filter->second, hub ? *hub : any).holds() : true;
  if (!holds)
    return refusal(400, "InvalidFilterInQueryString",
                   "The $filter is not understood: it may compare resourceType, resourceGroup, name, location, tagName "
                   "and tagValue by eq, joined by and.");
  std::vector<std::string> resources;
  if (hub && *holds) resources.push_back(resource_document(call.context, *hub));
  return document(value_list(resources));
}

}  // namespace

ArmAnswer list_resources(ArmCall& call) { return list(call, call.context.state.hub()); }

ArmAnswer list_group_resources(ArmCall& call) {
  auto hub = call.context.state.hub();
  if (hub && !same_name(hub->group, call.group.name)) hub.reset();
  return list(call, hub);
}

}  // namespace twinhub::management
