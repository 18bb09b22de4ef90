#include "server/console/site.hpp"

#include "server/base/log.hpp"
#include "server/net/request_head.hpp"
#include "server/ops/visitor.hpp"

#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <optional>
#include <utility>

namespace twinhub::console {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::address;

/// What a device has sent is never run as a script, and nothing that the page loads comes from elsewhere.
constexpr std::pair<std::string_view, std::string_view> security_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri "
     "'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

constexpr std::string_view other_host =
    "the Host of the request is no address, not localhost and no host name of this hub; names that it may be called "
    "by: "
    "setting console.hosts";

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

ops::SiteAnswer secured(ops::SiteAnswer answer) {
  for (const auto& [name, value] : security_headers) answer.headers.emplace_back(name, value);
  return answer;
}

std::string_view path_in(std::string_view target) { return target.substr(0, target.find('?')); }

bool is_api(std::string_view path) { return path.starts_with(api_root); }

}  // namespace

std::variant<std::size_t, ops::SiteAnswer> Site::admit(const ops::SiteHead& head, std::string_view authority,
                                                       const address& peer) {
  const std::string_view target = net::split_target(view_of(head.target())).path;
  const std::string_view path = path_in(target);
  const auto refuse = [](unsigned status, std::string_view words, Reason noted) {
    ops::SiteAnswer answer = message_answer(status, words);
    answer.noted = noted;
    return secured(std::move(answer));
  };
  const std::string_view host = authority.empty() ? view_of(head[http::field::host]) : authority;
  if (!ops::is_host_of_hub(host, options_.host_names)) return refuse(421, other_host, Reason::wrong_host);
  // A link to a page may stand in a chat; whoever follows it sees no more than the log-in.
  if (is_api(path) || !ops::is_navigation(head)) {
    if (const auto refusal = ops::check_site(head); refusal.status != 0)
      return refuse(refusal.status, refusal.words, Reason::wrong_host);
  }
  if (is_api(path)) {
    auto admitted = api_.admit({head, target, host, peer});
    if (auto* refused = std::get_if<ops::SiteAnswer>(&admitted)) return secured(std::move(*refused));
    return std::get<std::size_t>(admitted);
  }
  if (head.method() == http::verb::get || head.method() == http::verb::head) return std::size_t{0};
  ops::SiteAnswer answer = message_answer(405, "GET and HEAD only");
  answer.headers.emplace_back("Allow", "GET, HEAD");
  return secured(std::move(answer));
}

void Site::respond(ops::SiteRequest request, const address& peer, Answered answered) {
  const Answered send = [answered = std::move(answered)](ops::SiteAnswer answer) {
    answered(secured(std::move(answer)));
  };
  const net::RequestTarget whole = net::split_target(view_of(request.target()));
  const std::string target(whole.path);
  const std::string host(whole.authority.empty() ? view_of(request[http::field::host]) : whole.authority);
  try {
    if (!is_api(path_in(target))) return send(assets_.answer(path_in(target), request.base()));
    api_.answer({request.base(), target, host, peer}, request, send);
  } catch (const std::exception& unexpected) {
    log::error({.event = "request_failed", .transport = "console"}, "console: request failed: {}", unexpected.what());
    send(message_answer(500, "the request failed unexpectedly; the hub's log says more"));
  }
}

}  // namespace twinhub::console
