#include "server/hub/jobs/job_views.hpp"

#include "protocol/json/text.hpp"

#include <algorithm>
#include <array>

namespace twinhub::hub {
namespace {

constexpr std::array<std::string_view, 5> status_names{"queued", "running", "completed", "failed", "cancelled"};
constexpr std::array<std::string_view, 4> device_status_names{"pending", "running", "completed", "failed"};

/// Appends `,"name":` or, as the first member, `"name":`.
void append_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  json::append_key(out, name);
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
  append_name(out, name);
  json::append_string(out, text);
}

/// null when empty.
void append_text_or_null(std::string& out, std::string_view name, std::string_view text) {
  append_name(out, name);
  if (text.empty()) {
    out += "null";
  } else {
    json::append_string(out, text);
  }
}

void append_time(std::string& out, std::string_view name, Timestamp at) { append_text(out, name, to_iso8601(at)); }

void append_number(std::string& out, std::string_view name, std::uint64_t number) {
  append_name(out, name);
  out += std::to_string(number);
}

}  // namespace

std::string_view name_of(JobType type) {
  return type == JobType::update_twin ? "scheduleUpdateTwin" : "scheduleDeviceMethod";
}

std::string_view shown_status(const JobState& state, Timestamp wall) {
  if (state.status == JobStatus::waiting && !state.is_for_at_once() && state.start > wall) return "scheduled";
  return status_names[static_cast<std::size_t>(state.status)];
}

void append_job(std::string& out, std::string_view id, const JobState& state, const JobDefinition& definition,
                const JobStatistics& statistics, std::string_view status) {
  const bool updates = state.type == JobType::update_twin;
  out += '{';
  append_text(out, "jobId", id);
  append_text(out, "queryCondition", definition.condition);
  append_time(out, "createdTime", state.created);
  append_time(out, "startTime", state.start);
  append_text_or_null(out, "endTime", state.ended.ticks == 0 ? "" : to_iso8601(state.ended));
  append_number(out, "maxExecutionTimeInSeconds", definition.execution_seconds_max);
  append_text(out, "type", name_of(state.type));
  append_name(out, "cloudToDeviceMethod");
  out += updates ? "null" : definition.content;
  append_name(out, "updateTwin");
  out += updates ? definition.content : "null";
  append_text(out, "status", status);
  append_text_or_null(out, "failureReason", state.failure_reason);
  append_text_or_null(out, "statusMessage", "");
  append_name(out, "deviceJobStatistics");
  out += '{';
  append_number(out, "deviceCount", statistics.devices);
  append_number(out, "failedCount", statistics.failed);
  append_number(out, "succeededCount", statistics.succeeded);
  append_number(out, "runningCount", statistics.running);
  const std::uint64_t begun = statistics.failed + statistics.succeeded + statistics.running;
  append_number(out, "pendingCount", statistics.devices - std::min(begun, statistics.devices));
  out += "}}";
}

std::string unknown_job(std::string_view id) {
  std::string out = "{";
  append_text(out, "jobId", json::to_utf8(id));
  append_text(out, "type", "unknown");
  append_text(out, "status", "unknown");
  return out + '}';
}

std::string device_job_json(std::string_view job, const JobState& state, const IdentityId& target,
                            const DeviceJob& row) {
  std::string out = "{";
  append_text(out, "deviceId", target.device);
  if (target.is_module()) append_text(out, "moduleId", target.module);
  append_text(out, "jobId", job);
  append_text(out, "jobType", name_of(state.type));
  append_text(out, "status", device_status_names[static_cast<std::size_t>(row.status)]);
  append_time(out, "startTimeUtc", row.started);
  append_time(out, "endTimeUtc", row.ended);
  append_time(out, "createdDateTimeUtc", state.created);
  append_time(out, "lastUpdatedDateTimeUtc", std::max({row.started, row.ended, state.started}));
  if (row.method_status) {
    append_name(out, "outcome");
    out += R"({"deviceMethodResponse":{"status":)" + std::to_string(*row.method_status) + R"(,"payload":)" +
           row.method_payload + "}}";
  }
  if (!row.error_code.empty()) {
    append_name(out, "error");
    out += '{';
    append_text(out, "code", row.error_code);
    append_text(out, "description", row.error_description);
    out += '}';
  }
  return out + '}';
}

}  // namespace twinhub::hub
