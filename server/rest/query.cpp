#include "protocol/json/document.hpp"
#include "protocol/json/member.hpp"
#include "server/base/log.hpp"
#include "server/rest/handlers.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <memory>

namespace twinhub::rest {
namespace {

using Run = hub::Queries::Run;
using Page = hub::Queries::Page;

/// The member `query` of the body. Source of the errors: azure-iot-sdks#941, for a body without that member.
Result<std::string> query_text(std::string_view body) {
  if (body.empty()) return fail(Errc::argument_null, "BadRequest");
  const auto document = json::parse(body);
  if (!document) return document.error();
  const auto query = json::member_of(document->root(), "query");
  if (!query || query->is_null()) return fail(Errc::argument_null, "BadRequest");
  auto text = query->string();
  if (!text) return fail(Errc::argument_invalid, "BadRequest: query must be a string");
  return std::move(*text);
}

Response page_response(Page page) {
  Response response = json_response(std::move(page.json));
  response.headers.emplace_back("x-ms-item-type", page.item_type);
  if (!page.continuation.empty()) response.headers.emplace_back("x-ms-continuation", std::move(page.continuation));
  return response;
}

void answer(Reply reply, Result<Page> page) {
  RestLane& lane = *reply.lane;
  lane.io().post([reply, &lane, page = std::move(page)]() mutable {
    reply.send(page ? page_response(std::move(*page)) : error_response(page.error(), lane.hub().clock.wall()));
  });
}

/// Makes one slice on the worker pool, then goes to the end of the pool's queue.
void work(Reply reply, std::shared_ptr<Run> run) {
  boost::asio::post(reply.lane->threads().workers(), [reply, run = std::move(run)]() mutable {
    try {
      if (run->step()) return work(reply, std::move(run));
      answer(reply, run->take());
    } catch (const std::exception& unexpected) {
      log::error({.event = "request_failed"}, "query failed: {}", unexpected.what());
      answer(reply, fail(Errc::server_error, "The query failed unexpectedly."));
    }
  });
}

}  // namespace

void run_pages(Reply reply, Result<std::unique_ptr<Run>> run) {
  if (!run) return reply.send(error_response(run.error(), reply.lane->hub().clock.wall()));
  work(reply, std::move(*run));
}

std::size_t page_rows(const Request& request) {
  constexpr std::size_t most = hub::Queries::page_rows_max;
  const std::string& text = request.max_item_count;
  std::size_t rows = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rows);
  if (error != std::errc{} || end != text.data() + text.size() || rows == 0) return most;
  return std::min(rows, most);
}

void post_query(Reply reply, const Request& request, const Call& call) {
  auto text = query_text(request.body);
  if (!text) return reply.send(error_response(text.error(), reply.lane->hub().clock.wall()));
  run_pages(reply, reply.lane->hub().queries.begin({.text = std::move(*text),
                                                    .page_rows = page_rows(request),
                                                    .continuation = request.continuation,
                                                    .show_model_id = call.dialect.show_model_id}));
}

}  // namespace twinhub::rest
