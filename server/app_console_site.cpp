#include "server/app_console_site.hpp"

#include "server/console/api.hpp"
#include "server/console/site.hpp"
#include "server/serving.hpp"

#include <unistd.h>
#include <utility>

namespace twinhub {
namespace {

constexpr unsigned unavailable = 503;

/// What the console answers with may be carried out later: by then another one may be in its place.
ops::SiteAnswer bound(ops::SiteAnswer answer, Stage& stage, std::uint64_t number) {
  if (answer.stream) {
    answer.stream = [&stage, number, open = std::move(answer.stream)]() -> Result<std::unique_ptr<ops::EventSource>> {
      const auto visit = stage.visit(number);
      if (!visit) return fail(Errc::service_unavailable, std::string(being_set_back));
      return open();
    };
  }
  if (answer.take_over) {
    answer.take_over = [&stage, number, take = std::move(answer.take_over)](net::Stream::Released connection) {
      const auto visit = stage.visit(number);
      if (visit) return take(std::move(connection));
      connection.place.leave();
      ::close(connection.descriptor);
    };
  }
  return answer;
}

}  // namespace

bool ConsoleSite::has(std::string_view path) const { return console::Site::owns(path); }

std::variant<std::size_t, ops::SiteAnswer> ConsoleSite::admit(const ops::SiteHead& head, std::string_view authority,
                                                              const boost::asio::ip::address& peer) {
  const auto visit = stage_.visit();
  if (!visit) return console::message_answer(unavailable, being_set_back);
  return visit->console().admit(head, authority, peer);
}

ops::Site::LetGo ConsoleSite::answer(ops::SiteRequest request, const boost::asio::ip::address& peer,
                                     Answered answered) {
  const auto visit = stage_.visit();
  if (!visit) {
    answered(console::message_answer(unavailable, being_set_back));
    return {};
  }
  return visit->console().answer(std::move(request), peer,
                                 [&stage = stage_, number = visit.number(), answered = std::move(answered)](
                                     ops::SiteAnswer answer) { answered(bound(std::move(answer), stage, number)); });
}

}  // namespace twinhub
