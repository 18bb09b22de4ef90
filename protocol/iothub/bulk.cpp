#include "protocol/iothub/bulk.hpp"

#include "protocol/json/member.hpp"
#include "protocol/json/text.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace twinhub::iothub {
namespace {

constexpr std::pair<std::string_view, ImportMode> modes[] = {
    {"create", ImportMode::create},
    {"update", ImportMode::update},
    {"updateIfMatchETag", ImportMode::update_if_match_etag},
    {"createOrUpdate", ImportMode::create_or_update},
    {"createOrUpdateIfMatchETag", ImportMode::create_or_update_if_match_etag},
    {"delete", ImportMode::delete_identity},
    {"deleteIfMatchETag", ImportMode::delete_if_match_etag},
    {"updateTwin", ImportMode::update_twin},
    {"updateTwinIfMatchETag", ImportMode::update_twin_if_match_etag},
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

Error invalid(std::string detail) { return fail(Errc::argument_invalid, std::move(detail)); }

std::string name_of(const IdentityId& id) { return id.is_module() ? id.device + "/" + id.module : id.device; }

/// The members that say what to do with an item, as texts; absent and null ones are "".
struct Head {
  std::string id, module_id, etag, twin_etag, import_mode;
};

Result<Head> read_head(const json::Value& item) {
  Head head;
  for (const json::Value member : item) {
    const std::string name = json::unescape(member.key_text());
    for (const auto& [known, target] :
         {std::pair{"id", &head.id}, std::pair{"moduleId", &head.module_id}, std::pair{"eTag", &head.etag},
          std::pair{"twinETag", &head.twin_etag}, std::pair{"importMode", &head.import_mode}}) {
      if (!equal_ignoring_case(name, known) || member.is_null()) continue;
      auto text = member.string();
      if (!text) return invalid(std::string(known) + " must be a string");
      *target = std::move(*text);
    }
  }
  return head;
}

/// An empty etag matches nothing in particular, in quotes or without: SDKs strip the quotes and take what is left for
/// none (azure-iot-sdk-csharp, ExportImportDevice).
IfMatch if_match_of(const std::string& etag) {
  const IfMatch condition = parse_if_match(std::string_view(etag));
  return condition.wants_existing() ? condition : IfMatch{};
}

std::optional<json::Value> present(std::optional<json::Value> member) {
  return member && !member->is_null() ? member : std::nullopt;
}

/// Splits the item's twin data into what a back end may write and what the device had reported.
Result<void> read_twin(const json::Value& body, BulkItem& item) {
  const auto tags = present(json::member_of(body, "tags"));
  const auto properties = present(json::member_of(body, "properties"));
  if (tags && !tags->is_object()) return invalid("tags must be an object");
  if (properties && !properties->is_object()) return invalid("properties must be an object");
  const auto desired = properties ? present(json::member_of(*properties, "desired")) : std::nullopt;
  const auto reported = properties ? present(json::member_of(*properties, "reported")) : std::nullopt;
  if (desired && !desired->is_object()) return invalid("properties.desired must be an object");
  if (reported && !reported->is_object()) return invalid("properties.reported must be an object");
  if (reported) item.reported = reported->text();
  if (!tags && !desired) return {};
  item.twin_patch = "{";
  if (tags) item.twin_patch.append(R"("tags":)").append(tags->text());
  if (tags && desired) item.twin_patch += ',';
  if (desired) item.twin_patch.append(R"("properties":{"desired":)").append(desired->text()).append("}");
  item.twin_patch += '}';
  return {};
}

void read_etags(const Head& head, BulkItem& item) {
  const IfMatch etag = if_match_of(head.etag);
  switch (item.mode) {
    case ImportMode::update_if_match_etag:
    case ImportMode::delete_if_match_etag:
    case ImportMode::create_or_update_if_match_etag:
      item.if_match = etag;
      break;
    default:
      break;
  }
  const IfMatch twin_etag = if_match_of(head.twin_etag);
  if (!is_delete(item.mode) && item.mode != ImportMode::update_twin) item.twin_if_match = twin_etag;
}

/// The checks that concern this item alone, not the request as a whole.
Result<void> read_content(const json::Value& body, const Head& head, BulkItem& item) {
  if (!is_valid_id(item.id.device)) return invalid("The device id is not valid");
  if (item.id.is_module() && !is_valid_id(item.id.module)) return invalid("The module id is not valid");
  read_etags(head, item);
  if (is_delete(item.mode)) return {};
  if (const auto read = read_twin(body, item); !read) return read.error();
  if (is_twin_only(item.mode)) return {};
  auto request = read_identity_request(item.id, body);
  if (!request) return request.error();
  item.request = std::move(*request);
  return {};
}

Result<BulkItem> read_item(const json::Value& body, std::size_t number) {
  const std::string name = "Item " + std::to_string(number);
  if (!body.is_object()) return fail(Errc::iot_hub_format_error, name + " is not a JSON object");
  const auto head = read_head(body);
  if (!head) return invalid(name + ": " + head.error().detail);
  if (head->id.empty()) return invalid(name + " has no id");
  BulkItem item;
  item.id = {head->id, head->module_id};
  if (!head->import_mode.empty()) {
    const auto* const known = std::find_if(std::begin(modes), std::end(modes), [&](const auto& mode) {
      return equal_ignoring_case(mode.first, head->import_mode);
    });
    if (known == std::end(modes)) return invalid(name + ": there is no import mode '" + head->import_mode + "'");
    item.mode = known->second;
  }
  if (const auto read = read_content(body, *head, item); !read) item.refusal = read.error();
  return item;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ',';
  json::append_key(out, name);
  json::append_string(out, text);
}

}  // namespace

Result<std::vector<BulkItem>> parse_bulk(std::string_view body) {
  const auto document = json::parse(body);
  if (!document) return document.error();
  const json::Value root = document->root();
  if (root.kind() != json::Kind::array) return fail(Errc::iot_hub_format_error, "The body must be a JSON array");
  if (root.empty()) return invalid("The array holds no device");
  std::vector<BulkItem> items;
  std::set<IdentityId> seen;
  for (const json::Value value : root) {
    if (items.size() == bulk_items_max)
      return fail(Errc::too_many_devices, "At most " + std::to_string(bulk_items_max) + " devices in one request");
    auto item = read_item(value, items.size() + 1);
    if (!item) return item.error();
    if (!seen.insert(item->id).second)
      return fail(Errc::device_defined_multiple_times, "DeviceDefinedMultipleTimes, device ID " + name_of(item->id));
    items.push_back(std::move(*item));
  }
  return items;
}

std::string bulk_result(const std::vector<BulkError>& errors) {
  std::string out = R"({"isSuccessful":)";
  out += errors.empty() ? "true" : "false";
  out += R"(,"errors":[)";
  for (const BulkError& error : errors) {
    if (out.back() != '[') out += ',';
    out += R"({"deviceId":)";
    json::append_string(out, error.id.device);
    if (error.id.is_module()) append_member(out, "moduleId", error.id.module);
    append_member(out, "errorCode", error.code);
    append_member(out, "errorStatus", error.status);
    out += '}';
  }
  return out + R"(],"warnings":[]})";
}

void append_export(std::string& out, const Identity& identity, const ExportOptions& options) {
  const bool is_module = identity.id.is_module();
  out += R"({"id":)";
  json::append_string(out, identity.id.device);
  if (is_module) append_member(out, "moduleId", identity.id.module);
  if (options.etags) append_member(out, "eTag", identity_etag(identity.etag));
  if (is_module) {
    if (!identity.managed_by.empty()) append_member(out, "managedBy", identity.managed_by);
  }
  append_member(out, "status", to_string(identity.status));  // an import job wants a status on every line
  if (identity.status_reason) append_member(out, "statusReason", *identity.status_reason);
  append_authentication(out, identity, options.keys);
  if (!is_module) append_edge(out, identity);
}

}  // namespace twinhub::iothub
