#include "server/rest/handlers.hpp"

#include <boost/asio/post.hpp>
#include <charconv>

namespace twinhub::rest {
namespace {

constexpr std::size_t list_max = 1000;

/// `top`, or list_max when `top` is absent, not a number or out of range.
std::size_t top_of(const Request& request) {
  const auto text = request.parameter("top");
  std::size_t top = 0;
  if (!text) return list_max;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), top);
  if (error != std::errc{} || end != text->data() + text->size() || top < 1 || top > list_max) return list_max;
  return top;
}

/// A scan takes long, so it runs on the worker pool.
template <class List>
void answer_from_worker(Reply reply, List list) {
  RestLane& lane = *reply.lane;
  boost::asio::post(lane.threads().workers(), [reply, &lane, list = std::move(list)] {
    lane.io().post([reply, &lane, listed = list(lane.hub().registry)] {
      reply.send(listed ? json_response(*listed) : error_response(listed.error(), lane.hub().clock.wall()));
    });
  });
}

hub::RegistryAuthor author_of(const Call& call) {
  return call.login ? hub::RegistryAuthor::own_device : hub::RegistryAuthor::back_end;
}

Response identity_response(const hub::Registry::Answer& answer) { return json_response(answer.json, answer.etag); }

}  // namespace

void list_devices(Reply reply, const Request& request, const Call&) {
  answer_from_worker(reply, [top = top_of(request)](const hub::Registry& registry) { return registry.list(top); });
}

void list_modules(Reply reply, const Request&, const Call& call) {
  answer_from_worker(
      reply, [device = call.id.device](const hub::Registry& registry) { return registry.list_modules(device); });
}

void put_identity(Reply reply, const Request& request, const Call& call) {
  reply.lane->hub().registry.put(call.id, request.body, request.if_match,
                                 reply.done<hub::Registry::Answer>(identity_response), author_of(call));
}

void get_identity(Reply reply, const Request&, const Call& call) {
  reply.lane->hub().registry.get(call.id, reply.done<hub::Registry::Answer>(identity_response));
}

void delete_identity(Reply reply, const Request& request, const Call& call) {
  reply.lane->hub().registry.remove(call.id, request.if_match, reply.done<void>([] {
    return Response{204, {}, {}};
  }),
                                    author_of(call));
}

}  // namespace twinhub::rest
