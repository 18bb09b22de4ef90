// Jobs v2: twin updates and direct methods over many devices. Source: service API 2021-04-12 ("Jobs").
#include "server/hub/jobs/jobs.hpp"

#include "server/rest/handlers.hpp"

namespace twinhub::rest {
namespace {

Response job_response(const std::string& json) { return json_response(json); }

}  // namespace

void put_job(Reply reply, const Request& request, const Call& call) {
  reply.lane->hub().jobs.create(call.names[0], request.body, call.dialect.arrays_allowed,
                                reply.done<std::string>(job_response));
}

void get_job(Reply reply, const Request&, const Call& call) {
  reply.lane->hub().jobs.get(call.names[0], reply.done<std::string>(job_response));
}

void cancel_job(Reply reply, const Request&, const Call& call) {
  reply.lane->hub().jobs.cancel(call.names[0], reply.done<std::string>(job_response));
}

void list_jobs(Reply reply, const Request& request, const Call&) {
  run_pages(reply, reply.lane->hub().jobs.list({.type = std::string(request.parameter("jobType").value_or("")),
                                                .status = std::string(request.parameter("jobStatus").value_or("")),
                                                .page_rows = page_rows(request),
                                                .continuation = request.continuation}));
}

}  // namespace twinhub::rest
