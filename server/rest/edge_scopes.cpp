// The calls by which an IoT Edge device's $edgeHub learns of the devices and modules under it: two of edge hubs with
// one layer, two of those with several.
// Source: Azure/iotedge edge-hub, DeviceScopeApiClient, NestedDeviceScopeApiClient, NestedScopeRequest,
// IdentityOnBehalfOfRequest.
#include "server/rest/handlers.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/member.hpp"
#include "protocol/json/text.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>

namespace twinhub::rest {
namespace {

using hub::AuthChain;
using hub::EdgeScopes;

constexpr std::string_view continuation_parameter = "continuationToken";

struct Paging {
  std::size_t devices = EdgeScopes::page_devices_max;
  std::string from;
};

/// The query by which the page behind `next` is asked for.
std::string link_of(const std::string& path, const std::string& count, const std::string& next,
                    const std::string& version) {
  return path + "?" + count + std::string(continuation_parameter) + "=" + next +
         "&api-version=" + iothub::percent_encode(version);
}

std::string body_of(const EdgeScopes::Page& page, const std::string& link) {
  std::string body = R"({"devices":)" + page.devices + R"(,"modules":)" + page.modules + R"(,"continuationLink":)";
  if (page.next.empty()) {
    body += "null";
  } else {
    json::append_string(body, link);
  }
  return body + "}";
}

/// `ask` runs on the worker pool.
template <class Ask>
void answer_from_worker(Reply reply, const Request& request, const Call& call, std::string action, std::string count,
                        Ask ask) {
  RestLane& lane = *reply.lane;
  const std::string path = "/devices/" + iothub::percent_encode(call.id.device) + "/modules/" +
                           iothub::percent_encode(call.id.module) + "/" + action;
  const std::string version(request.parameter("api-version").value_or(""));
  boost::asio::post(lane.threads().workers(), [reply, &lane, path, count = std::move(count), version, ask] {
    Result<EdgeScopes::Page> page = ask(lane.hub().edge_scopes);
    Response response = page ? json_response(body_of(*page, link_of(path, count, page->next, version)))
                             : error_response(page.error(), lane.hub().clock.wall());
    lane.io().post([reply, response = std::move(response)] { reply.send(response); });
  });
}

void refuse(Reply reply, const Error& error) { reply.send(error_response(error, reply.lane->hub().clock.wall())); }

/// 0 and what is above the most ask for the most (inferred).
Result<std::size_t> read_count(std::optional<std::int64_t> count, std::string_view name) {
  if (!count || *count < 0) return fail(Errc::argument_invalid, std::string(name) + " must be a number from 0 on");
  const auto most = static_cast<std::int64_t>(EdgeScopes::page_devices_max);
  return static_cast<std::size_t>(*count == 0 || *count > most ? most : *count);
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The token in a link that the hub gave, or in its place the token alone.
std::string token_of(std::string_view link) {
  const std::size_t at = link.find(continuation_parameter);
  if (at == std::string_view::npos) return std::string(link);
  link.remove_prefix(std::min(at + continuation_parameter.size() + 1, link.size()));
  return std::string(link.substr(0, link.find('&')));
}

/// A member that may be absent or null.
Result<std::string> text_member(const json::Value& body, std::string_view name) {
  const auto member = json::member_of(body, name);
  if (!member || member->is_null()) return std::string();
  auto text = member->string();
  if (!text) return fail(Errc::argument_invalid, std::string(name) + " must be a string");
  return std::move(*text);
}

struct ScopeBody {
  json::Document document;
  AuthChain chain;
};

Result<ScopeBody> read_body(const Request& request) {
  auto document = json::parse(request.body);
  if (!document) return document.error();
  if (!document->root().is_object()) return fail(Errc::iot_hub_format_error, "The body must be a JSON object");
  const auto text = text_member(document->root(), "authChain");
  if (!text) return text.error();
  auto chain = hub::parse_auth_chain(*text);
  if (!chain) return chain.error();
  return ScopeBody{std::move(*document), std::move(*chain)};
}

Result<Paging> read_paging(const json::Value& body) {
  Paging paging;
  if (const auto size = json::member_of(body, "pageSize"); size && !size->is_null()) {
    const auto devices = read_count(size->integer(), "pageSize");
    if (!devices) return devices.error();
    paging.devices = *devices;
  }
  const auto link = text_member(body, "continuationLink");
  if (!link) return link.error();
  paging.from = token_of(*link);
  return paging;
}

Result<IdentityId> read_target(std::string device, std::string module) {
  if (device.empty()) return fail(Errc::argument_null, "The targetDeviceId is missing");
  if (!is_valid_id(device) || (!module.empty() && !is_valid_id(module)))
    return fail(Errc::argument_invalid, "BadRequest");
  return IdentityId{std::move(device), std::move(module)};
}

}  // namespace

void list_device_scope(Reply reply, const Request& request, const Call& call) {
  std::size_t devices = EdgeScopes::page_devices_max;
  std::string count;
  if (const auto text = request.parameter("deviceCount"); text && !text->empty()) {
    const auto read = read_count(parse_number(*text), "deviceCount");
    if (!read) return refuse(reply, read.error());
    devices = *read;
    count = "deviceCount=" + std::to_string(devices) + "&";
  }
  const std::string from(request.parameter(continuation_parameter).value_or(""));
  answer_from_worker(reply, request, call, "devicesAndModulesInDeviceScope", count,
                     [actor = call.id.device, devices, from](const EdgeScopes& scopes) {
                       return scopes.list(actor, {actor}, devices, from);
                     });
}

void find_in_device_scope(Reply reply, const Request& request, const Call& call) {
  const auto target = read_target(std::string(request.parameter("targetDeviceId").value_or("")),
                                  std::string(request.parameter("targetModuleId").value_or("")));
  if (!target) return refuse(reply, target.error());
  answer_from_worker(reply, request, call, "deviceAndModuleInDeviceScope", "",
                     [actor = call.id.device, target = *target](const EdgeScopes& scopes) {
                       return scopes.find(actor, {actor}, target);
                     });
}

void list_target_scope(Reply reply, const Request& request, const Call& call) {
  auto body = read_body(request);
  if (!body) return refuse(reply, body.error());
  const auto paging = read_paging(body->document.root());
  if (!paging) return refuse(reply, paging.error());
  answer_from_worker(reply, request, call, "devicesAndModulesInTargetDeviceScope", "",
                     [actor = call.id.device, chain = std::move(body->chain), paging = *paging](
                         const EdgeScopes& scopes) { return scopes.list(actor, chain, paging.devices, paging.from); });
}

void find_on_behalf_of(Reply reply, const Request& request, const Call& call) {
  auto body = read_body(request);
  if (!body) return refuse(reply, body.error());
  auto device = text_member(body->document.root(), "targetDeviceId");
  if (!device) return refuse(reply, device.error());
  auto module = text_member(body->document.root(), "targetModuleId");
  if (!module) return refuse(reply, module.error());
  const auto target = read_target(std::move(*device), std::move(*module));
  if (!target) return refuse(reply, target.error());
  answer_from_worker(reply, request, call, "getDeviceAndModuleOnBehalfOf", "",
                     [actor = call.id.device, chain = std::move(body->chain),
                      target = *target](const EdgeScopes& scopes) { return scopes.find(actor, chain, target); });
}

}  // namespace twinhub::rest
