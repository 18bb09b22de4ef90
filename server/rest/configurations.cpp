// Automatic device management. Source: service API 2021-04-12 ("Configuration").
#include "server/base/log.hpp"
#include "server/rest/handlers.hpp"

#include <boost/asio/post.hpp>
#include <memory>

namespace twinhub::rest {
namespace {

using Answer = hub::ConfigurationStore::Answer;
using Run = hub::ConfigurationReports::Run;

/// The {id} of /configurations/{id}.
const std::string& id_of(const Call& call) { return call.names.front(); }

Response configuration_response(const Answer& answer) { return json_response(answer.json, answer.etag); }

Response no_content() { return Response{204, {}, {}}; }

void refuse(const Reply& reply, const Error& error) {
  reply.send(error_response(error, reply.lane->hub().clock.wall()));
}

void answer(Reply reply, Result<Answer> result) {
  RestLane& lane = *reply.lane;
  lane.io().post([reply, result = std::move(result)] {
    if (!result) return refuse(reply, result.error());
    reply.send(configuration_response(*result));
  });
}

/// Makes one slice on the worker pool, then goes to the end of the pool's queue.
void work(Reply reply, std::shared_ptr<Run> run) {
  boost::asio::post(reply.lane->threads().workers(), [reply, run = std::move(run)]() mutable {
    try {
      if (run->step()) return work(reply, std::move(run));
      answer(reply, run->take());
    } catch (const std::exception& unexpected) {
      log::error({.event = "request_failed"}, "counting metrics failed: {}", unexpected.what());
      answer(reply, fail(Errc::server_error, "Counting the metrics failed unexpectedly."));
    }
  });
}

void report(Reply reply, Result<std::unique_ptr<Run>> run) {
  if (!run) return refuse(reply, run.error());
  work(reply, std::move(*run));
}

}  // namespace

/// `top` is ignored, as in the cloud: a hub has few configurations.
void list_configurations(Reply reply, const Request&, const Call&) {
  report(reply, reply.lane->hub().configuration_reports.begin_all());
}

void get_configuration(Reply reply, const Request&, const Call& call) {
  report(reply, reply.lane->hub().configuration_reports.begin(id_of(call)));
}

void put_configuration(Reply reply, const Request& request, const Call& call) {
  reply.lane->hub().configurations.put(id_of(call), request.body, request.if_match,
                                       reply.done<Answer>(configuration_response));
}

void delete_configuration(Reply reply, const Request& request, const Call& call) {
  reply.lane->hub().configurations.remove(id_of(call), request.if_match, reply.done<void>(no_content));
}

void test_configuration_queries(Reply reply, const Request& request, const Call&) {
  auto tested = reply.lane->hub().configurations.test_queries(request.body);
  if (!tested) return refuse(reply, tested.error());
  reply.send(json_response(std::move(*tested)));
}

void apply_configuration_content(Reply reply, const Request& request, const Call& call) {
  reply.lane->hub().edge_content.apply(call.id.device, request.body, reply.done<void>(no_content));
}

}  // namespace twinhub::rest
