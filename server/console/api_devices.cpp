// The API's routes about devices and figures; what they show is made elsewhere.
#include "server/console/api.hpp"
#include "server/console/recipes.hpp"
#include "server/console/waiting_messages.hpp"

#include "protocol/iothub/connection_string.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "protocol/query/dates.hpp"
#include "server/base/log.hpp"
#include "server/rest/http_message.hpp"
#include "server/rest/web_socket.hpp"

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <optional>
#include <string>
#include <utility>

namespace twinhub::console {
namespace {

namespace http = boost::beast::http;

std::string parameter(std::string_view query, std::string_view name) {
  if (query.empty()) return {};
  for (const iothub::Property& property : iothub::parse_property_bag(query)) {
    if (property.name == name) return property.value.value_or("");
  }
  return {};
}

std::string_view name_of(ops::FigureKind kind) { return kind == ops::FigureKind::gauge ? "gauge" : "rate"; }

/// {host} stands for the name that the reader chooses.
std::string connection_strings_json(const iothub::Identity& identity) {
  iothub::ConnectionString parts{"{host}", {}, identity.id, identity.primary_key};
  JsonObject object;
  object.text("primary", iothub::to_string(parts));
  parts.shared_access_key = identity.secondary_key;
  return object.text("secondary", iothub::to_string(parts)).close();
}

/// A page can give a WebSocket no header but this: the session's token is the name of a subprotocol that is not taken.
std::string token_among_subprotocols(const ops::SiteHead& head) {
  constexpr std::string_view mark = "session.";
  const auto [begin, end] = head.equal_range(http::field::sec_websocket_protocol);
  for (auto line = begin; line != end; ++line) {
    for (const auto name : http::token_list(line->value())) {
      const std::string_view text(name.data(), name.size());
      if (text.starts_with(mark)) return std::string(text.substr(mark.size()));
    }
  }
  return {};
}

}  // namespace

ops::SiteAnswer Api::figures(const Call& call) {
  const ops::FiguresHistory& history = parts_.stream.figures;
  const std::string range = parameter(call.visit.query(), "range");
  if (range == "now") return json_answer(newest_figures_json(history));
  if (!range.empty() && range != "15m" && range != "6h") return message_answer(400, "range is 15m, 6h or now");
  const auto& steps = range == "6h" ? ops::FiguresHistory::coarse : ops::FiguresHistory::fine;
  const auto series = history.series(steps);
  std::size_t index = 0;
  const std::string all = json_array(history.infos(), [&](std::string& out, const ops::FigureInfo& info) {
    out += JsonObject()
               .text("name", info.name)
               .text("metric", info.metric)
               .text("label", info.label)
               .text("kind", name_of(info.kind))
               .text("unit", info.unit)
               .raw("values", json_array(series.values[index++],
                                         [](std::string& values, float value) {
                                           values += json_number(static_cast<double>(value));
                                         }))
               .close();
  });
  return json_answer(JsonObject()
                         .text("range", range.empty() ? "15m" : range)
                         .number("stepSeconds", steps.step_seconds)
                         .time("endsAt", series.ends_at)
                         .raw("series", all)
                         .close());
}

ops::SiteAnswer Api::pending(const Call&) { return json_answer(pending_json(parts_.stream.pending.ask())); }

ops::SiteAnswer Api::connect(const Call& call) {
  const std::string id = iothub::percent_decode(call.name);
  if (!is_valid_id(id)) return message_answer(400, "this is no device id");
  const auto read = parts_.hub.store.read({id, ""});
  if (!read) return message_answer(503, "the store cannot be read now");
  const auto& identity = read->entity.identity;
  JsonObject object;
  object.text("deviceId", id).flag("exists", identity != nullptr);
  if (identity) {
    object.text("authentication", iothub::to_string(identity->authentication));
    if (!identity->primary_key.empty()) object.raw("connectionStrings", connection_strings_json(*identity));
  }
  options_.add_connect(object);
  return json_answer(object.raw("recipes", recipes_json()).close());
}

ops::SiteAnswer Api::doctor(const Call& call) {
  const std::string id = iothub::percent_decode(call.name);
  const std::string text = parameter(call.visit.query(), "since");
  const auto since = query::parse_date(text);
  if (!text.empty() && !since) return message_answer(400, "since is an ISO 8601 time, as 2026-11-29T07:54:06Z");
  return json_answer(doctor_json({parts_.hub, parts_.notices}, id, since.value_or(Timestamp{})));
}

ops::SiteAnswer Api::messages(const Call& call) {
  auto json = waiting_messages_json(parts_.hub, iothub::percent_decode(call.name));
  return json ? json_answer(std::move(*json)) : message_answer(503, json.error().detail);
}

/// The page is a device from here on: it proves itself to the MQTT door, by its own key, as every device does.
ops::SiteAnswer Api::play_device(const Call& call) {
  if (!options_.take_device) return message_answer(403, "pages play devices on a hub with --dev alone");
  const auto session = parts_.sessions.find(token_among_subprotocols(call.visit.head));
  if (!session) return message_answer(401, "the session's token has to be among the subprotocols, as session.TOKEN");
  if (!has(session->login.rights, hub::Right::registry_read | hub::Right::device_connect))
    return message_answer(403, "the policy '" + session->login.policy + "' lacks the right to act as a device");
  static const net::WebSocketDoors doors{{"/console/api/device", "mqtt", {}}};
  const auto choice = rest::choose_web_socket_door(call.request, rest::request_of(call.request), doors, true);
  if (!choice) return message_answer(400, choice.error().detail);
  const std::string from = call.visit.peer.to_string();
  log::info({.event = "console_device", .address = from}, "console: a page plays a device by policy '{}' from {}",
            session->login.policy, from);
  ops::SiteAnswer answer;
  answer.take_over = [&take = options_.take_device, peer = call.visit.peer,
                      key = std::string(call.request[http::field::sec_websocket_key])](
                         net::Stream::Released connection) { take(std::move(connection), peer, key); };
  return answer;
}

/// It goes on on the streams' thread, for as long as the session lasts.
ops::SiteAnswer Api::stream(const Call& call) {
  const bool is_post = call.visit.head.method() == http::verb::post;
  auto request = is_post ? parse_stream_body(call.body) : parse_stream_query(call.visit.query());
  if (!request) return message_answer(400, request.error().detail);
  if (!may_see(*request, call.session.login.rights))
    return message_answer(403, "events, state and pending are for policies with ServiceConnect");
  // A client that comes back says where it was (WHATWG HTML, 9.2.3).
  const auto last = call.visit.head["Last-Event-ID"];
  if (!last.empty()) request->filter.from = std::string(last);
  if (request->since.ticks == 0) request->since = parts_.hub.clock.wall();
  ops::SiteAnswer answer;
  answer.stream = [&parts = parts_.stream, request = std::move(*request), session = call.session.number] {
    return Stream::open(parts, request, session);
  };
  return answer;
}

}  // namespace twinhub::console
