#include "server/cli/jobs.hpp"
#include "protocol/utf8.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/progress.hpp"
#include "server/cli/query_pages.hpp"
#include "server/cli/request_bodies.hpp"
#include "server/cli/text_output.hpp"
#include "server/cli/twin.hpp"

#include <chrono>
#include <iostream>
#include <thread>

namespace twinhub::cli {
namespace {

constexpr std::chrono::milliseconds poll_every{500};

std::string path_of(const std::string& id) { return "/jobs/v2/" + iothub::percent_encode(id); }

std::string count_at(const json::Value& job, std::string_view name) {
  return cell_of(value_at(job, {"deviceJobStatistics", name}));
}

/// "3 of 10, 1 failed"; "" before it runs.
std::string progress_of(const json::Value& job) {
  const std::string all = count_at(job, "deviceCount");
  if (all.empty()) return "";
  std::string text = count_at(job, "succeededCount") + " of " + all;
  const std::string failed = count_at(job, "failedCount");
  return failed.empty() || failed == "0" ? text : text + ", " + failed + " failed";
}

std::vector<std::string> row_of_job(const json::Value& job) {
  return {text_at(job, "jobId"), text_at(job, "type"), text_at(job, "status"), time_cell(text_at(job, "startTime")),
          progress_of(job)};
}

bool has_ended(const std::string& status) {
  return status == "completed" || status == "failed" || status == "cancelled";
}

int print_job(const std::string& body, bool json) {
  const auto document = json::parse(body);
  if (!document) return report(document.error());
  const json::Value job = document->root();
  if (json) {
    std::cout << job.text() << "\n";
    return exit_ok;
  }
  Table table({"JOB", "TYPE", "STATUS", "START", "DEVICES"});
  table.add(row_of_job(job));
  table.flush();
  for (const std::string_view name : {"failureReason", "statusMessage"}) {
    if (const std::string text = text_at(job, name); !text.empty())
      std::cout << name << ": " << visible_text(text) << "\n";
  }
  return exit_ok;
}

/// The exit code: 0 when the job was done at every device.
int wait_for(HubConnection& hub, const NewJob& options) {
  Progress progress;
  while (true) {
    const auto answer = hub.call({.path = path_of(options.id)});
    if (!answer) return report(answer.error());
    const auto document = json::parse(answer->body);
    if (!document) return report(document.error());
    const json::Value job = document->root();
    const std::string status = text_at(job, "status");
    if (has_ended(status)) {
      progress.clear();
      const int printed = print_job(answer->body, options.json);
      const std::string failed = count_at(job, "failedCount");
      return status == "completed" && (failed.empty() || failed == "0") ? printed : exit_failed;
    }
    progress.show(options.id + " is " + status + "  " + progress_of(job));
    std::this_thread::sleep_for(poll_every);
  }
}

}  // namespace

int list_jobs(const config::Settings& settings, const JobList& options) {
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  std::string path = "/jobs/v2/query";
  if (!options.type.empty()) path += "?jobType=" + iothub::percent_encode(options.type);
  if (!options.status.empty()) {
    path += (options.type.empty() ? "?" : "&") + ("jobStatus=" + iothub::percent_encode(options.status));
  }
  Table table({"JOB", "TYPE", "STATUS", "START", "DEVICES"});
  JsonArray array;
  std::string continuation;
  do {
    RestRequest request{.path = path};
    if (!continuation.empty()) request.headers = {{"x-ms-continuation", continuation}};
    const auto answer = hub->call(std::move(request));
    if (!answer) return report(answer.error());
    const auto document = json::parse(answer->body);
    if (!document) return report(document.error());
    for (const json::Value job : document->root()) {
      if (options.json) {
        array.add(job.text());
      } else {
        table.add(row_of_job(job));
      }
    }
    table.flush();
    continuation = answer->continuation;
  } while (!continuation.empty() && output_is_open());
  if (options.json) {
    array.finish();
  } else {
    table.finish("no jobs");
  }
  return exit_ok;
}

int show_job(const config::Settings& settings, const std::string& id, bool json) {
  const auto body = call_hub(settings, "GET", path_of(id));
  if (!body) return report(body.error());
  const auto document = json::parse(*body);
  // An unknown job is no error to IoT Hub.
  if (document && text_at(document->root(), "status") == "unknown")
    return report(fail(Errc::device_not_found, "there is no job '" + id + "'"));
  return print_job(*body, json);
}

int cancel_job(const config::Settings& settings, const std::string& id) {
  const auto body = call_hub(settings, "POST", path_of(id) + "/cancel");
  return body ? exit_ok : report(body.error());
}

int list_job_devices(const config::Settings& settings, const std::string& id, bool json) {
  std::string text = "SELECT * FROM devices.jobs WHERE jobId = ";
  json::append_string(text, json::to_utf8(id));  // the query language's strings have JSON's escapes
  return run_query(settings, {.text = std::move(text), .limit = 0, .json = json});
}

int create_job(const config::Settings& settings, const NewJob& job) {
  const auto body = job_body(job);
  if (!body) {
    report(body.error());
    return exit_usage;
  }
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  const auto answer = hub->call({.method = "PUT", .path = path_of(job.id), .body = *body});
  if (!answer) return report(answer.error());
  return job.wait ? wait_for(*hub, job) : print_job(answer->body, job.json);
}

}  // namespace twinhub::cli
