#include "server/management/plane.hpp"

#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"
#include "server/base/log.hpp"
#include "server/management/discovery.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ostream>
#include <sstream>

namespace twinhub::management {
namespace {

using rest::equals_ignoring_case;
using Words = std::vector<std::string_view>;
using verb = boost::beast::http::verb;

constexpr std::size_t shown_bytes_max = 256;

/// Which part of the plane a path belongs to.
enum class Part : std::uint8_t { none, metadata, openid, keys, token, authorize, arm };

/// az sends Microsoft.Devices//IotHubs: empty segments count for nothing.
Words words_of(const rest::Request& request) {
  Words words;
  for (const std::string& segment : request.segments) {
    if (!segment.empty()) words.emplace_back(segment);
  }
  return words;
}

/// The path behind its first segment, which is a tenant.
Part part_of_authority(const Words& words) {
  const auto is = [&words](std::size_t at, std::string_view word) {
    return at < words.size() && equals_ignoring_case(words[at], word);
  };
  // ADFS has its authority one segment deeper when a tenant is named: /adfs/{tenant}/.well-known/...
  const std::size_t end = words.size();
  if (end >= 3 && end <= 4 && is(end - 2, ".well-known") && is(end - 1, "openid-configuration"))
    return end == 3 || is(1, "v2.0") || is(0, adfs) ? Part::openid : Part::none;
  if (end == 3 && is(1, "discovery") && is(2, "keys")) return Part::keys;
  if (end < 3 || end > 4 || !is(1, "oauth2") || (end == 4 && !is(2, "v2.0"))) return Part::none;
  if (is(end - 1, "token")) return Part::token;
  return is(end - 1, "authorize") ? Part::authorize : Part::none;
}

Part part_of(const Words& words) {
  if (words.empty()) return Part::none;
  for (const std::string_view word : {"subscriptions", "tenants", "providers"}) {
    if (equals_ignoring_case(words.front(), word)) return Part::arm;
  }
  if (words.size() == 2 && equals_ignoring_case(words[0], "metadata") && equals_ignoring_case(words[1], "endpoints"))
    return Part::metadata;
  return part_of_authority(words);
}

/// A name or address with or without a port: what may stand in the documents' URLs.
bool is_host(std::string_view host) {
  constexpr std::size_t host_bytes_max = 261;  // 255 of a name, and a port
  return !host.empty() && host.size() <= host_bytes_max && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:[]").find(c) != std::string_view::npos;
  });
}

/// Resource Manager's shape of an error.
rest::Response arm_error(unsigned status, std::string_view code, std::string_view message) {
  std::string body = R"({"error":{"code":)";
  json::append_string(body, code);
  body += R"(,"message":)";
  json::append_string(body, message);
  return {status, body + "}}", {}};
}

rest::Response unauthorized(std::string_view host, std::string_view code, std::string_view message) {
  rest::Response response = arm_error(401, code, message);
  response.headers.emplace_back("WWW-Authenticate", "Bearer authorization_uri=\"https://" + std::string(host) +
                                                        "/adfs\", error=\"invalid_token\"");
  return response;
}

rest::Response refused_token(std::string_view host, const rest::Request& request, hub::TokenFault fault) {
  if (request.authorization.empty())
    return unauthorized(host, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.");
  switch (fault) {
    case hub::TokenFault::expired:
      return unauthorized(host, "ExpiredAuthenticationToken", "The access token has expired.");
    case hub::TokenFault::other_audience:
      return unauthorized(
          host, "InvalidAuthenticationTokenAudience",
          "The access token is for another resource: ask for the scope https://" + std::string(host) + "/.default.");
    case hub::TokenFault::foreign:
      break;
  }
  return unauthorized(host, "InvalidAuthenticationToken", "The access token is not one that this hub accepts.");
}

rest::Response method_not_allowed(std::string_view allowed) {
  rest::Response response = oauth_error(405, "invalid_request", 900561, "The endpoint takes " + std::string(allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

rest::Response response_of(ArmAnswer answer) {
  return {static_cast<unsigned>(answer.status), std::move(answer.body), std::move(answer.headers)};
}

std::string text_of(verb method) {
  std::ostringstream text;
  text << method;
  return text.str();
}

}  // namespace

Plane::Plane(const hub::Hub& hub, net::Threads& threads, const hub::AccessTokens& tokens, AnswerArm answer_arm,
             PlaneOptions options)
    : hub_(hub),
      tokens_(tokens),
      answer_arm_(std::move(answer_arm)),
      options_(options),
      token_endpoint_(
          tokens, hub.clock, [this](const std::string& name) { return find_client(name); }, options.logins),
      turns_(boost::asio::make_strand(threads.workers().get_executor())) {}

void Plane::set_management_key(std::optional<hub::Policy> client) {
  const MutexLock lock(mutex_);
  management_ = std::move(client);
}

std::optional<hub::Policy> Plane::find_client(const std::string& name) const {
  if (name == management_client) {
    const MutexLock lock(mutex_);
    return management_;
  }
  const auto policies = hub_.authenticator.policies();
  const auto found =
      std::find_if(policies->begin(), policies->end(), [&](const auto& each) { return each.name == name; });
  return found == policies->end() ? std::nullopt : std::optional(*found);
}

bool Plane::has(const rest::Request& request, bool tls) const {
  return (tls || !options_.tls_only) && part_of(words_of(request)) != Part::none;
}

Plane::Admitted Plane::admit(const rest::Visit& visit) {
  if (!is_host(visit.host))
    return arm_error(400, "InvalidRequest", "The Host header is no name with an optional port.");
  switch (part_of(words_of(visit.request))) {
    case Part::arm:
      return admit_arm(visit);
    case Part::token:
      return admit_login(visit);
    default:
      return discover(visit);
  }
}

rest::Response Plane::discover(const rest::Visit& visit) const {
  const rest::Request& request = visit.request;
  const Words words = words_of(request);
  const Part part = part_of(words);
  if (request.method != verb::get && request.method != verb::head) return method_not_allowed("GET");
  if (part == Part::metadata)
    return rest::json_response(
        cloud_metadata(visit.host, tokens_.tenant(), request.parameter("api-version").value_or("")));
  const bool is_adfs = equals_ignoring_case(words.front(), adfs);
  if (!is_adfs && !equals_ignoring_case(words.front(), tokens_.tenant()))
    return oauth_error(400, "invalid_tenant", 90002, "There is no such tenant here.");
  if (part == Part::keys) return rest::json_response(R"({"keys":[]})");  // HMAC has no public keys
  if (part == Part::authorize)
    return refused_login(Reason::unsupported, 400, "unsupported_response_type", 700005,
                         "This hub has no users: log in with a service principal ('twinhub az' prints how).");
  return rest::json_response(openid_configuration(visit.host, is_adfs ? adfs : std::string_view(tokens_.tenant())));
}

Plane::Admitted Plane::admit_login(const rest::Visit& visit) {
  const std::string_view tenant = words_of(visit.request).front();
  if (visit.request.method != verb::post) return method_not_allowed("POST");
  if (!equals_ignoring_case(tenant, adfs) && !equals_ignoring_case(tenant, tokens_.tenant()))
    return refused_login(Reason::wrong_resource, 400, "invalid_request", 90002, "There is no such tenant here.");
  if (!visit.body_bytes) return oauth_error(411, "invalid_request", 900144, "A log-in has a Content-Length.");
  if (*visit.body_bytes > TokenEndpoint::form_bytes_max)
    return oauth_error(413, "invalid_request", 900144, "The form is larger than this hub takes.");
  if (auto refusal = token_endpoint_.refuse_early(visit.peer)) return std::move(*refusal);
  rest::AnnexRequest admitted;
  admitted.answer = [this, host = std::string(visit.host), peer = visit.peer](const rest::Reply& reply,
                                                                              const std::string& form) {
    reply.send(token_endpoint_.log_in(form, host, peer));
  };
  return admitted;
}

Plane::Admitted Plane::admit_arm(const rest::Visit& visit) {
  const rest::Request& request = visit.request;
  const auto verdict = tokens_.verify(hub::Audience::resource_manager, request.authorization,
                                      [this](const std::string& name) { return find_client(name); });
  if (verdict.fault) return refused_token(visit.host, request, *verdict.fault);
  const bool may_manage =
      verdict.client == management_client || (options_.owner_manages && verdict.client == "iothubowner");
  if (!may_manage)
    return arm_error(403, "AuthorizationFailed",
                     "The client '" + verdict.client + "' may not manage this hub; " +
                         (options_.owner_manages ? "iothubowner and " : "") +
                         "the client 'management' may ('twinhub policy create management' makes its key).");
  ArmRequest arm;
  for (const std::string_view word : words_of(request)) arm.segments.emplace_back(word);
  if (equals_ignoring_case(arm.segments.front(), "subscriptions") && arm.segments.size() > 1 &&
      !equals_ignoring_case(arm.segments[1], tokens_.subscription()))
    return arm_error(
        404, "SubscriptionNotFound",
        "The subscription '" + visible_text(arm.segments[1].substr(0, shown_bytes_max)) + "' could not be found.");
  arm.method = text_of(request.method);
  for (const auto& [name, value] : request.query) arm.query.emplace(name, value);
  arm.if_match = visit.if_match;
  arm.client = verdict.client;
  arm.host = visit.host;
  rest::AnnexRequest admitted;
  admitted.is_known = true;
  admitted.answer = [this, arm = std::move(arm), peer = visit.peer.to_string()](const rest::Reply& reply,
                                                                                std::string body) mutable {
    arm.body = std::move(body);
    run(std::move(arm), peer, reply);
  };
  return admitted;
}

void Plane::run(ArmRequest request, const std::string& peer, const rest::Reply& reply) {
  if (waiting_.fetch_add(1) >= options_.requests_max) {
    waiting_.fetch_sub(1);
    rest::Response response = arm_error(429, "TooManyRequests", "Too many requests wait for their turn.");
    response.headers.emplace_back("Retry-After", "1");
    return reply.send(std::move(response));
  }
  boost::asio::post(turns_, [this, request = std::move(request), peer, reply] {
    rest::Response response;
    try {
      response = response_of(answer_arm_(request));
    } catch (const std::exception& unexpected) {
      log::error({.event = "request_failed"}, "management: a request failed: {}", unexpected.what());
      response = arm_error(500, "InternalServerError", "The request failed unexpectedly.");
    }
    waiting_.fetch_sub(1);
    if (request.method != "GET" && request.method != "HEAD") {
      std::string path;
      for (const std::string& segment : request.segments) path += "/" + segment;
      const std::string code = std::to_string(response.status);
      log::info({.event = "management_request", .address = peer, .code = code}, "management: {} {} by '{}' from {}: {}",
                request.method, visible_text(path.substr(0, shown_bytes_max)), request.client, peer, code);
    }
    reply.lane->io().post([reply, response = std::move(response)] { reply.send(response); });
  });
}

}  // namespace twinhub::management
