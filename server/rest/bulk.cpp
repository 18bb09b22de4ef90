// Many identities at a time: bulk writes, new keys, statistics, and an export page by page.
#include "server/rest/handlers.hpp"

#include "server/hub/registry/bulk_registry.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <memory>

namespace twinhub::rest {
namespace {

using Count = hub::BulkRegistry::Count;
using Lines = hub::BulkRegistry::Lines;

Response bulk_response(const hub::BulkRegistry::Answer& answer) {
  Response response = json_response(answer.json);
  if (answer.successful) return response;
  response.status = 400;
  response.headers.emplace_back("iothub-errorcode", "BulkRegistryOperationFailure");
  return response;
}

Response keys_response(const std::string& json) { return json_response(json); }

template <class Work>
void on_worker(const Reply& reply, Work work) {
  boost::asio::post(reply.lane->threads().workers(), std::move(work));
}

/// Sends the response; called on a worker thread.
void send(const Reply& reply, Response response) {
  reply.lane->io().post([reply, response = std::move(response)]() mutable { reply.send(std::move(response)); });
}

void refuse(const Reply& reply, const Error& error) {
  send(reply, error_response(error, reply.lane->hub().clock.wall()));
}

/// Makes one slice on the worker pool, then goes to the end of the pool's queue.
void count_on(const Reply& reply, const std::shared_ptr<Count>& count) {
  on_worker(reply, [reply, count] {
    const auto more = count->step();
    if (!more) return refuse(reply, more.error());
    if (*more) return count_on(reply, count);
    send(reply, json_response(count->json()));
  });
}

std::size_t lines_of(const Request& request) {
  constexpr std::size_t most = hub::BulkRegistry::export_lines_max;
  const std::string_view text = request.max_item_count;
  std::size_t lines = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lines);
  if (error != std::errc{} || end != text.data() + text.size() || lines == 0) return most;
  return std::min(lines, most);
}

/// A parameter that is true or false, in any case; without it, false.
Result<bool> flag_of(const Request& request, std::string_view name) {
  const std::string_view text = request.parameter(name).value_or("false");
  if (equals_ignoring_case(text, "true")) return true;
  if (equals_ignoring_case(text, "false")) return false;
  return fail(Errc::argument_invalid, std::string(name) + " must be true or false");
}

Response lines_response(Lines lines) {
  Response response{200, std::move(lines.text), {{"Content-Type", "application/x-ndjson"}}};
  if (lines.more) response.headers.emplace_back("x-ms-continuation", std::move(lines.last_key));
  return response;
}

}  // namespace

void post_devices(Reply reply, const Request& request, const Call&) {
  on_worker(reply, [reply, body = request.body] {
    reply.lane->hub().bulk.apply(body, reply.done<hub::BulkRegistry::Answer>(bulk_response));
  });
}

void regenerate_keys(Reply reply, const Request& request, const Call&) {
  on_worker(reply, [reply, body = request.body] {
    reply.lane->hub().bulk.regenerate_keys(body, reply.done<std::string>(keys_response));
  });
}

void device_statistics(Reply reply, const Request&, const Call&) {
  auto count = reply.lane->hub().bulk.count();
  if (!count) return reply.send(error_response(count.error(), reply.lane->hub().clock.wall()));
  count_on(reply, std::make_shared<Count>(std::move(*count)));
}

void service_statistics(Reply reply, const Request&, const Call&) {
  reply.send(json_response(R"({"connectedDeviceCount":)" +
                           std::to_string(reply.lane->hub().presence.connected().devices) + "}"));
}

void export_registry(Reply reply, const Request& request, const Call&) {
  const auto without_keys = flag_of(request, "excludeKeys"), without_etags = flag_of(request, "excludeETags");
  for (const auto& flag : {without_keys, without_etags}) {
    if (!flag) return reply.send(error_response(flag.error(), reply.lane->hub().clock.wall()));
  }
  const iothub::ExportOptions options{.keys = !*without_keys, .etags = !*without_etags};
  on_worker(reply, [reply, after = request.continuation, lines = lines_of(request), options] {
    auto page = reply.lane->hub().bulk.export_lines(after, lines, options);
    if (!page) return refuse(reply, page.error());
    send(reply, lines_response(std::move(*page)));
  });
}

}  // namespace twinhub::rest
