#include "server/control/site.hpp"

#include "protocol/json/text.hpp"
#include "server/base/error_table.hpp"
#include "server/control/openapi.hpp"
#include "server/net/request_head.hpp"
#include "server/ops/visitor.hpp"

#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <utility>

namespace twinhub::control {
namespace {

constexpr std::string_view root = "/control/";

ops::SiteAnswer json_answer(unsigned status, std::string body) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json; charset=utf-8"}, {"Cache-Control", "no-store"}},
          .body = std::move(body) + "\n"};
}

ops::SiteAnswer refusal(unsigned status, std::string_view words) {
  std::string body = "{";
  json::append_key(body, "error");
  json::append_string(body, json::to_utf8(words));
  return json_answer(status, body + "}");
}

/// What somebody else's order, or the hub's settings, stand in the way of.
bool is_conflict(Errc code) {
  return code == Errc::precondition_failed || code == Errc::operation_not_allowed_in_current_state;
}

ops::SiteAnswer refusal(const Error& error) {
  constexpr unsigned conflict = 409;
  return refusal(is_conflict(error.code) ? conflict : hub::row_of(error.code).http_status, error.detail);
}

ops::SiteAnswer other_method(const std::string& allowed) {
  auto answer = refusal(405, "it is asked with " + allowed);
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

/// {"met":true,"waitedMilliseconds":12,"twin":{...}}; "event" in the place of "twin" for a message.
ops::SiteAnswer answer_of(const WaitEnd& end, bool is_message) {
  constexpr unsigned ok = 200, too_late = 504;
  std::string body = end.met ? R"({"met":true,"waitedMilliseconds":)" : R"({"met":false,"waitedMilliseconds":)";
  body += std::to_string(end.waited.count());
  if (end.met) body.append(is_message ? R"(,"event":)" : R"(,"twin":)").append(end.json);
  return json_answer(end.met ? ok : too_late, body + "}");
}

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string_view path_in(std::string_view target) {
  return target.substr(0, std::min(target.find('?'), target.size()));
}

std::string_view query_in(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

/// Views live as long as the head.
struct Asked {
  std::string_view method, path, query;

  [[nodiscard]] bool is_wait() const { return path == "/control/wait"; }
  [[nodiscard]] bool is_list() const { return path == "/control/snapshots"; }
  [[nodiscard]] bool is_document() const { return path == "/control/openapi.json"; }
};

Asked asked_by(const ops::SiteHead& head) {
  const std::string_view target = net::split_target(view_of(head.target())).path;
  return {view_of(head.method_string()), path_in(target), query_in(target)};
}

}  // namespace

bool Site::has(std::string_view path) const { return path.starts_with(root); }

std::variant<std::size_t, ops::SiteAnswer> Site::admit(const ops::SiteHead& head, std::string_view authority,
                                                       const boost::asio::ip::address& peer) {
  ops::Refusal refused;
  if (!authority.empty() && !ops::is_host_of_hub(authority, options_.host_names)) {
    refused = ops::other_host;
  } else if (refused = ops::check_visitor(head, options_.host_names); refused.status == 0) {
    refused = ops::check_reader(head, peer, options_.token);
  }
  if (refused.status != 0) return refusal(refused.status, refused.words);
  const Asked asked = asked_by(head);
  if (asked.is_wait() || asked.is_list() || asked.is_document())
    return asked.method == "GET" ? std::variant<std::size_t, ops::SiteAnswer>(std::size_t{0}) : other_method("GET");
  const auto order = parse_state_order(asked.method, asked.path, asked.query);
  if (!order)
    return order.error().code == Errc::generic_method_not_allowed ? other_method(order.error().detail)
                                                                  : refusal(order.error());
  return std::size_t{0};
}

ops::Site::LetGo Site::answer(ops::SiteRequest request, const boost::asio::ip::address&, Answered answered) {
  const Asked asked = asked_by(request);
  if (asked.is_wait()) return answer_wait(asked.query, std::move(answered));
  if (asked.is_list() || asked.is_document()) {
    answered(json_answer(200, asked.is_list() ? parts_.list_snapshots() : std::string(openapi_json())));
    return {};
  }
  auto order = parse_state_order(asked.method, asked.path, asked.query);
  const auto given =
      order ? parts_.give_order(std::move(*order),
                                [answered](const Result<std::string>& outcome) {
                                  answered(outcome ? json_answer(200, *outcome) : refusal(outcome.error()));
                                })
            : Result<void>(order.error());
  if (!given) {
    answered(refusal(given.error()));
    return {};
  }
  return [] {};  // whoever leaves does not take the order along
}

ops::Site::LetGo Site::answer_wait(std::string_view query, Answered answered) {
  auto wanted = parse_wait_request(query);
  if (!wanted) {
    answered(refusal(wanted.error()));
    return {};
  }
  const bool is_message = wanted->telemetry.has_value();
  auto begun = parts_.begin_wait(std::move(*wanted), [answered, is_message](const Result<WaitEnd>& end) {
    answered(end ? answer_of(*end, is_message) : refusal(end.error()));
  });
  if (!begun) {
    answered(refusal(begun.error()));
    return {};
  }
  return std::move(*begun);
}

}  // namespace twinhub::control
