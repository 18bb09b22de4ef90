// CA certificates, by the paths, bodies and answers of Azure Resource Manager's IoT Hub certificates, without the part
// of the path that names a subscription.
#include "server/rest/handlers.hpp"

namespace twinhub::rest {
namespace {

using Answer = hub::Certificates::Answer;

hub::Certificates& certificates_of(const Reply& reply) { return reply.lane->hub().certificates; }

/// The {name} of /certificates/{name}...
const std::string& name_of(const Request& request) { return request.segments[1]; }

Response certificate_response(const Answer& answer) {
  Response response = json_response(answer.json, answer.etag);
  if (answer.created) response.status = 201;
  return response;
}

}  // namespace

void list_certificates(Reply reply, const Request&, const Call&) {
  reply.send(json_response(certificates_of(reply).list()));
}

void get_certificate(Reply reply, const Request& request, const Call&) {
  const auto answer = certificates_of(reply).get(name_of(request));
  reply.send(answer ? certificate_response(*answer) : error_response(answer.error(), reply.lane->hub().clock.wall()));
}

void put_certificate(Reply reply, const Request& request, const Call&) {
  certificates_of(reply).put(name_of(request), request.body, request.if_match,
                             reply.done<Answer>(certificate_response));
}

void delete_certificate(Reply reply, const Request& request, const Call&) {
  certificates_of(reply).remove(name_of(request), request.if_match, reply.done<bool>([](bool existed) {
    return Response{existed ? 200U : 204U, {}, {}};
  }));
}

void generate_verification_code(Reply reply, const Request& request, const Call&) {
  certificates_of(reply).generate_verification_code(name_of(request), request.if_match,
                                                    reply.done<Answer>(certificate_response));
}

void verify_certificate(Reply reply, const Request& request, const Call&) {
  certificates_of(reply).verify(name_of(request), request.body, request.if_match,
                                reply.done<Answer>(certificate_response));
}

}  // namespace twinhub::rest
