#include "server/console/api.hpp"

#include "protocol/ascii.hpp"
#include "protocol/iothub/connection_string.hpp"
#include "protocol/json/document.hpp"
#include "server/base/log.hpp"
#include "server/notices/notices_page.hpp"
#include "server/ops/visitor.hpp"
#include "server/rest/http_message.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <utility>

namespace twinhub::console {
namespace {

namespace http = boost::beast::http;
using hub::Right;
using verb = http::verb;

constexpr std::string_view hub_root = "hub/";
constexpr std::string_view owner = "iothubowner";
/// Of a request that is not for the REST routes.
constexpr std::size_t own_body_bytes_max = 64U << 10;
/// Every session's policy has RegistryRead or ServiceConnect: that does.
constexpr Right anything = Right::none;
/// As the operations port asks for a backup.
constexpr Right whole_registry = Right::registry_read | Right::registry_write;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string_view bearer_token(const ops::SiteHead& head) {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view given = view_of(head[http::field::authorization]);
  return equals_ignoring_case(given.substr(0, scheme.size()), scheme) ? given.substr(scheme.size())
                                                                      : std::string_view();
}

bool has_body(const ops::SiteHead& head) {
  const std::string_view length = view_of(head[http::field::content_length]);
  return head.count(http::field::transfer_encoding) > 0 || (!length.empty() && length != "0");
}

/// application/json and its kin, whatever follows.
bool is_json(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return equals_ignoring_case(type, "application/json") ||
         (type.size() > 5 && equals_ignoring_case(type.substr(type.size() - 5), "+json"));
}

/// A message's body is the sender's own bytes, of the type that the message says.
bool takes_any_body(std::string_view path) { return path.ends_with("/messages/devicebound"); }

bool is_loopback_name(std::string_view host) {
  const std::string_view name = ops::name_in_host(host);
  if (equals_ignoring_case(name, "localhost")) return true;
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(std::string(name), error);
  return !error && ops::is_on_this_machine(parsed);
}

ops::SiteAnswer no_session(bool was_sent) {
  ops::SiteAnswer answer =
      json_answer(JsonObject()
                      .text("message", was_sent ? "this session is over: log in again"
                                                : "log in: POST /console/api/session, then Authorization: Bearer TOKEN")
                      .text("session", was_sent ? "unknown" : "none")
                      .close(),
                  401);
  answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  return answer;
}

/// What changes nothing although it is a POST.
bool only_reads(verb method, std::string_view path) {
  return method == verb::get || path.ends_with("/devices/query") || path.ends_with("/testQueries");
}

/// As the setting log.level has them.
struct LogLevel {
  std::string_view name;
  spdlog::level::level_enum level;
};
constexpr LogLevel log_levels[] = {{"trace", spdlog::level::trace}, {"debug", spdlog::level::debug},
                                   {"info", spdlog::level::info},   {"warn", spdlog::level::warn},
                                   {"error", spdlog::level::err},   {"off", spdlog::level::off}};

std::string_view log_level() {
  const auto found = std::find_if(std::begin(log_levels), std::end(log_levels),
                                  [](const LogLevel& each) { return each.level == spdlog::get_level(); });
  return found == std::end(log_levels) ? "" : found->name;
}

std::string session_json(JsonObject object, const Session& session, const SessionOptions& options) {
  return object.text("policy", session.login.policy)
      .raw("rights", rights_json(session.login.rights))
      .number("idleSeconds", options.idle.count())
      .time("endsAt", session.ends_at)
      .close();
}

}  // namespace

ops::SiteAnswer json_answer(std::string json, unsigned status) {
  return {status,
          {{"Content-Type", "application/json; charset=utf-8"}, {"Cache-Control", "no-store"}},
          std::move(json) + "\n"};
}

ops::SiteAnswer message_answer(unsigned status, std::string_view words) {
  return json_answer(JsonObject().text("message", words).close(), status);
}

std::string rights_json(Right rights) {
  std::vector<std::string_view> names;
  if (has(rights, Right::registry_read)) names.emplace_back("RegistryRead");
  if (has(rights, Right::registry_write)) names.emplace_back("RegistryWrite");
  if (has(rights, Right::service_connect)) names.emplace_back("ServiceConnect");
  if (has(rights, Right::device_connect)) names.emplace_back("DeviceConnect");
  return json_texts(names);
}

std::string_view ApiVisit::query() const {
  const std::size_t question = target.find('?');
  return question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
}

/// One line of the table. A path that ends with '/' takes one name more.
struct Api::Route {
  verb method;
  std::string_view path;  ///< behind api_root
  enum class Needs : std::uint8_t { nothing, session } needs;
  Right right;  ///< of the session's policy
  ops::SiteAnswer (Api::*handler)(const Call& call);
};

const Api::Route Api::routes[] = {
    {verb::post, "session", Route::Needs::nothing, anything, &Api::open_session},
    {verb::get, "session", Route::Needs::session, anything, &Api::show_session},
    {verb::delete_, "session", Route::Needs::session, anything, &Api::close_session},
    {verb::get, "info", Route::Needs::nothing, anything, &Api::info},
    {verb::get, "connections", Route::Needs::session, anything, &Api::connections},
    {verb::get, "ca.pem", Route::Needs::session, anything, &Api::ca},
    {verb::put, "log-level", Route::Needs::session, Right::registry_write, &Api::set_log_level},
    {verb::get, "policies", Route::Needs::session, Right::registry_read, &Api::policies},
    {verb::get, "policies/", Route::Needs::session, Right::registry_read, &Api::policy_keys},
    {verb::post, "policies/", Route::Needs::session, whole_registry, &Api::renew_policy_key},
    {verb::post, "backup", Route::Needs::session, whole_registry, &Api::begin_backup},
    {verb::get, "backup", Route::Needs::session, whole_registry, &Api::backup_state},
    {verb::get, "figures", Route::Needs::session, anything, &Api::figures},
    {verb::get, "pending", Route::Needs::session, Right::service_connect, &Api::pending},
    {verb::get, "connect/", Route::Needs::session, Right::registry_read, &Api::connect},
    {verb::get, "doctor/", Route::Needs::session, anything, &Api::doctor},
    {verb::get, "messages/", Route::Needs::session, Right::service_connect, &Api::messages},
    {verb::get, "device", Route::Needs::nothing, anything, &Api::play_device},
    {verb::get, "stream", Route::Needs::session, anything, &Api::stream},
    {verb::post, "stream", Route::Needs::session, anything, &Api::stream},
};

const Api::Route* Api::find(const ApiVisit& visit, std::string& allowed) const {
  const std::string_view path = visit.path().substr(api_root.size());
  for (const Route& route : routes) {
    const bool is_it = route.path.ends_with('/') ? path.size() > route.path.size() && path.starts_with(route.path)
                                                 : path == route.path;
    if (!is_it) continue;
    if (route.method == visit.head.method()) return &route;
    if (!allowed.empty()) allowed += ", ";
    allowed += view_of(http::to_string(route.method));
  }
  return nullptr;
}

std::optional<Session> Api::session_of(const ApiVisit& visit, std::string& token) {
  token = bearer_token(visit.head);
  return token.empty() ? std::nullopt : parts_.sessions.find(token);
}

std::variant<std::size_t, ops::SiteAnswer> Api::admit(const ApiVisit& visit) {
  const std::string_view path = visit.path().substr(api_root.size());
  const bool is_for_hub = path.starts_with(hub_root);
  std::string allowed, token;
  const Route* const route = is_for_hub ? nullptr : find(visit, allowed);
  if (!is_for_hub && route == nullptr) {
    if (allowed.empty()) return message_answer(404, "the console's API has no such path");
    ops::SiteAnswer answer = message_answer(405, "this path takes " + allowed);
    answer.headers.emplace_back("Allow", allowed);
    return answer;
  }
  if (is_for_hub || route->needs == Route::Needs::session) {
    const auto session = session_of(visit, token);
    if (!session) return no_session(!token.empty());
    if (route != nullptr && !has(session->login.rights, route->right))
      return message_answer(403, "the policy '" + session->login.policy + "' lacks the right to see this");
  }
  // A form of another site can send anything but this type without being asked for it first.
  const bool is_message = is_for_hub && takes_any_body(path);
  if (has_body(visit.head) && !is_message && !is_json(view_of(visit.head[http::field::content_type])))
    return message_answer(415, "the body has to be application/json");
  return is_for_hub ? options_.body_bytes_max : own_body_bytes_max;
}

void Api::answer(const ApiVisit& visit, ops::SiteRequest& request, const Answered& answered) {
  const std::string_view path = visit.path().substr(api_root.size());
  std::string allowed, token;
  const auto session = session_of(visit, token);
  const bool is_for_hub = path.starts_with(hub_root);
  const Route* const route = is_for_hub ? nullptr : find(visit, allowed);
  if (!session && (is_for_hub || route->needs == Route::Needs::session)) return answered(no_session(true));
  if (is_for_hub) return call_hub(visit, request, *session, answered);
  const std::string_view name = route->path.ends_with('/') ? path.substr(route->path.size()) : std::string_view();
  answered((this->*route->handler)({visit, request, request.body(), session.value_or(Session{}), name}));
}

/// The REST routes themselves: same handlers, limits and errors, with the session's rights.
void Api::call_hub(const ApiVisit& visit, ops::SiteRequest& request, const Session& session, const Answered& answered) {
  const verb method = request.method();
  const std::string target(visit.target.substr(api_root.size() + hub_root.size() - 1));
  request.target(target);
  request.erase(http::field::authorization);
  rest::Request asked = rest::request_of(request);
  asked.body = std::move(request.body());
  auto note = [method, path = asked.path, policy = session.login.policy,
               peer = visit.peer.to_string()](unsigned status) {
    if (only_reads(method, path)) return;
    const std::string code = std::to_string(status);
    log::info({.event = "console_change", .address = peer, .code = code}, "console: {} {} by policy '{}' from {}: {}",
              std::string(http::to_string(method)), path, policy, peer, status);
  };
  parts_.call({std::move(asked), session.login.rights, [answered, note = std::move(note)](rest::Response response) {
                 note(response.status);
                 ops::SiteAnswer answer{response.status, std::move(response.headers), std::move(response.body)};
                 const bool has_type =
                     std::any_of(answer.headers.begin(), answer.headers.end(),
                                 [](const auto& header) { return equals_ignoring_case(header.first, "Content-Type"); });
                 if (!answer.body.empty() && !has_type)
                   answer.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
                 answer.headers.emplace_back("Cache-Control", "no-store");
                 answered(std::move(answer));
               }});
}

// --- sessions
/// Keys do not cross a network in clear: "" when this log-in does not.
std::string Api::why_no_login(const ApiVisit& visit) const {
  if (options_.takes_keys || ops::is_on_this_machine(visit.peer)) return "";
  return "keys are not taken over plain HTTP from another machine: start the hub with --ops-tls, or open the console "
         "on "
         "its own machine, or through an SSH tunnel or a reverse proxy on it; console.plain = true takes them all the "
         "same";
}

bool Api::may_log_in_unasked(const ApiVisit& visit) const {
  return options_.dev && is_loopback_name(visit.host) && why_no_login(visit).empty();
}

ops::SiteAnswer Api::open_session(const Call& call) {
  const ApiVisit& visit = call.visit;
  const auto refuse = [](unsigned status, std::string_view words) {
    ops::SiteAnswer answer = message_answer(status, words);
    answer.noted = Reason::wrong_token;
    return answer;
  };
  if (const std::string why = why_no_login(visit); !why.empty()) return refuse(403, why);
  const auto document = json::parse(call.body);
  const auto member = [&document](std::string_view name) {
    const auto found = document ? document->root().find(name) : std::nullopt;
    return found ? found->string() : std::nullopt;
  };
  const auto unasked = document ? document->root().find("dev") : std::nullopt;
  Result<Sessions::Opened> opened = fail(Errc::argument_invalid, "");
  if (unasked && unasked->boolean() == true) {
    if (!may_log_in_unasked(visit))
      return refuse(403, "a log-in without a key is for a hub with --dev, under a loopback name such as localhost");
    opened = parts_.sessions.open_unasked(std::string(owner));
  } else if (const auto text = member("connectionString")) {
    const auto parts = iothub::parse_connection_string(*text);
    if (!parts || parts->policy.empty())
      return message_answer(400, "connectionString is HostName=...;SharedAccessKeyName=...;SharedAccessKey=...");
    opened = parts_.sessions.open(parts->policy, parts->shared_access_key, visit.peer);
  } else if (const auto policy = member("policy"), key = member("key"); policy && key) {
    opened = parts_.sessions.open(*policy, *key, visit.peer);
  } else {
    return message_answer(400, R"(the body is {"policy":"...","key":"..."} or {"connectionString":"..."})");
  }
  if (!opened) {
    const Error& error = opened.error();
    if (error.code == Errc::invalid_operation) return refuse(403, error.detail);
    if (error.code != Errc::generic_too_many_requests) return refuse(401, error.detail);
    ops::SiteAnswer answer = message_answer(429, error.detail);
    answer.noted = Reason::login_rate;
    answer.headers.emplace_back("Retry-After", std::to_string(parts_.sessions.wait_of(visit.peer)));
    return answer;
  }
  const std::string peer = visit.peer.to_string();
  log::info({.event = "console_login", .address = peer}, "console: log-in with policy '{}' from {}",
            opened->session.login.policy, peer);
  JsonObject object;
  object.text("token", opened->token);
  return json_answer(session_json(std::move(object), opened->session, parts_.sessions.options()), 201);
}

ops::SiteAnswer Api::show_session(const Call& call) {
  return json_answer(session_json({}, call.session, parts_.sessions.options()));
}

ops::SiteAnswer Api::close_session(const Call& call) {
  parts_.sessions.close(bearer_token(call.visit.head));
  return {204, {{"Cache-Control", "no-store"}}, {}};
}

// --- what the hub says of itself
ops::SiteAnswer Api::info(const Call& call) {
  const std::string why_not = why_no_login(call.visit);
  JsonObject object;
  object.text("build", options_.build)
      .text("name", options_.hub_name)
      .flag("dev", options_.dev)
      .flag("devLogin", may_log_in_unasked(call.visit))
      .text("login", why_not.empty() ? "open" : "refused");
  if (!why_not.empty()) object.text("loginRefused", why_not);
  if (call.session.number == 0) return json_answer(object.close());
  object.time("now", parts_.hub.clock.wall())
      .text("logLevel", log_level())
      .text("policy", call.session.login.policy)
      .raw("rights", rights_json(call.session.login.rights));
  options_.add_info(object, call.session.login.rights);
  return json_answer(object.close());
}

ops::SiteAnswer Api::connections(const Call& call) {
  const auto query = notices::parse_notice_query(call.visit.query());
  if (!query) return message_answer(400, query.error().detail);
  return json_answer(notices::notices_json(parts_.notices.find(*query)));
}

/// Until the hub's end, or the next time.
ops::SiteAnswer Api::set_log_level(const Call& call) {
  const auto document = json::parse(call.body);
  const auto member = document ? document->root().find("level") : std::nullopt;
  const std::string wanted = member ? member->string().value_or("") : "";
  const auto found = std::find_if(std::begin(log_levels), std::end(log_levels),
                                  [&wanted](const LogLevel& each) { return each.name == wanted; });
  if (found == std::end(log_levels)) return message_answer(400, "level is trace, debug, info, warn, error or off");
  spdlog::set_level(found->level);
  const std::string peer = call.visit.peer.to_string();
  log::warn({.event = "log_level_changed", .address = peer}, "console: log level '{}' by policy '{}' from {}", wanted,
            call.session.login.policy, peer);
  return json_answer(JsonObject().text("level", wanted).close());
}

ops::SiteAnswer Api::ca(const Call&) {
  std::string pem = options_.ca_pem();
  if (pem.empty()) return message_answer(404, "the hub's certificate is configured: its CA is not the hub's to give");
  return {200, {{"Content-Type", "application/x-pem-file"}, {"Cache-Control", "no-store"}}, std::move(pem)};
}

}  // namespace twinhub::console
