#include "server/rest/handlers.hpp"

namespace twinhub::rest {
namespace {

Response twin_response(const hub::Twins::Answer& answer) { return json_response(answer.json, answer.etag); }

}  // namespace

void get_twin(Reply reply, const Request&, const Call& call) {
  reply.lane->hub().twins.get(call.id, call.dialect, reply.done<hub::Twins::Answer>(twin_response));
}

void patch_twin(Reply reply, const Request& request, const Call& call) {
  reply.lane->hub().twins.patch(call.id, request.body, request.if_match, call.dialect,
                                reply.done<hub::Twins::Answer>(twin_response));
}

void replace_twin(Reply reply, const Request& request, const Call& call) {
  reply.lane->hub().twins.replace(call.id, request.body, request.if_match, call.dialect,
                                  reply.done<hub::Twins::Answer>(twin_response));
}

}  // namespace twinhub::rest
