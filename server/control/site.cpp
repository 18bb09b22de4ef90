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

namespace http = boost::beast::http;

constexpr std::string_view root = "/control/";
constexpr std::string_view wait_path = "/control/wait";
constexpr std::string_view openapi_path = "/control/openapi.json";

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

ops::SiteAnswer refusal(const Error& error) { return refusal(hub::row_of(error.code).http_status, error.detail); }

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
  const net::RequestTarget target = net::split_target(view_of(head.target()));
  const std::string_view path = path_in(target.path);
  if (path != wait_path && path != openapi_path)
    return refusal(404, "there is no such path; /control/openapi.json names those that there are");
  if (head.method() != http::verb::get) {
    auto answer = refusal(405, "it is asked with GET");
    answer.headers.emplace_back("Allow", "GET");
    return answer;
  }
  return std::size_t{0};
}

ops::Site::LetGo Site::answer(ops::SiteRequest request, const boost::asio::ip::address&, Answered answered) {
  const net::RequestTarget target = net::split_target(view_of(request.target()));
  if (path_in(target.path) == openapi_path) {
    answered(json_answer(200, std::string(openapi_json())));
    return {};
  }
  auto wanted = parse_wait_request(query_in(target.path));
  if (!wanted) {
    answered(refusal(wanted.error()));
    return {};
  }
  const bool is_message = wanted->telemetry.has_value();
  auto begun = begin_wait_(std::move(*wanted), [answered, is_message](const Result<WaitEnd>& end) {
    answered(end ? answer_of(*end, is_message) : refusal(end.error()));
  });
  if (!begun) {
    answered(refusal(begun.error()));
    return {};
  }
  return std::move(*begun);
}

}  // namespace twinhub::control
