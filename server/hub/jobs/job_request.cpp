#include "server/hub/jobs/job_request.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/member.hpp"
#include "protocol/query/dates.hpp"
#include "protocol/twin/patch.hpp"
#include "server/hub/methods/method_invocation.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <string>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::size_t id_characters_max = 64;
/// A method's payload and a twin's patch have bounds of their own; this is for what is kept with them.
constexpr std::size_t body_bytes_max = 256 * 1024;
constexpr std::uint64_t start_hours_max = 168;  // IoT Hub refuses a later start
constexpr std::uint64_t execution_seconds_default = 3600;

Error invalid(std::string what) { return fail(Errc::argument_invalid, std::move(what)); }

/// A member that may be absent or null.
std::optional<json::Value> member(const json::Value& body, std::string_view name) {
  auto value = json::member_of(body, name);
  if (value && value->is_null()) value.reset();
  return value;
}

Result<std::string> read_condition(const json::Value& body) {
  const auto value = member(body, "queryCondition");
  if (!value) return fail(Errc::argument_null, "The queryCondition is missing");
  const auto text = value->string();
  if (!text) return invalid("The queryCondition must be a string");
  if (text->find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(Errc::argument_null, "The queryCondition is empty");
  return *text;
}

/// A time that is past means at once.
Result<Timestamp> read_start(const json::Value& body, const JobRequestTime& time) {
  const auto value = member(body, "startTime");
  if (!value) return time.now;
  const auto text = value->string();
  const auto start = text ? query::parse_date(*text) : std::nullopt;
  if (!start) return invalid("The startTime must be a date and time in ISO 8601");
  if (*start > Timestamp{time.now.ticks + start_hours_max * 3600 * ticks_per_second})
    return invalid("The startTime may be at most 168 hours ahead");
  return time.is_trusted ? std::max(*start, time.now) : *start;
}

Result<std::uint64_t> read_execution_seconds(const json::Value& body) {
  const auto value = member(body, "maxExecutionTimeInSeconds");
  if (!value) return execution_seconds_default;
  const auto number = json::whole_number_of(*value);
  const std::int64_t seconds = number ? number->value.value_or(0) : -1;
  if (seconds < 0 || seconds > std::numeric_limits<std::int32_t>::max())
    return invalid("maxExecutionTimeInSeconds must be a whole number of seconds");
  return seconds == 0 ? execution_seconds_default : static_cast<std::uint64_t>(seconds);
}

Result<std::string> read_update(const json::Value& body, Timestamp now, bool arrays_allowed) {
  const auto update = member(body, "updateTwin");
  if (!update) return fail(Errc::argument_null, "The updateTwin is missing");
  if (!update->is_object()) return invalid("The updateTwin must be a JSON object");
  const auto etag = member(*update, "etag");
  if (!etag || !parse_if_match(etag->string().value_or("")).any) {
    return invalid(
        "Missing or invalid etag for job type ScheduleUpdateTwin. ScheduleUpdateTwin job type is a force update, "
        "which only accepts '*' as the Etag.");
  }
  // What no twin at all can take is refused now, not once per device.
  const auto tried = twin::apply_service_patch(twin::make_twin(now), update->text(), now, {arrays_allowed});
  // A member that no twin has is ArgumentInvalid here (azure-iot-sdk-node issue 44).
  if (!tried) return tried.error().code == Errc::generic_bad_request ? invalid(tried.error().detail) : tried.error();
  return std::string(update->text());
}

Result<std::string> read_method(const json::Value& body) {
  const auto method = member(body, "cloudToDeviceMethod");
  if (!method) return fail(Errc::argument_null, "The cloudToDeviceMethod is missing");
  const auto invocation = read_method_invocation(*method);
  if (!invocation) return invocation.error();
  if (const auto checked = check_method_invocation(*invocation); !checked) return checked.error();
  return std::string(method->text());
}

}  // namespace

bool is_job_id(std::string_view id) {
  return !id.empty() && id.size() <= id_characters_max && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '\'';
  });
}

std::optional<JobType> parse_job_type(std::string_view text) {
  const auto is = [text](std::string_view name) {
    return std::equal(text.begin(), text.end(), name.begin(), name.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  };
  if (is("scheduleUpdateTwin")) return JobType::update_twin;
  if (is("scheduleDeviceMethod")) return JobType::device_method;
  return std::nullopt;
}

Result<JobRequest> read_job_request(std::string_view id, std::string_view body, const JobRequestTime& time,
                                    bool arrays_allowed) {
  if (!is_job_id(id)) {
    return invalid("The jobId must have 1 to 64 characters: letters, digits, '-' and '");
  }
  if (body.size() > body_bytes_max) return fail(Errc::message_too_large, "A job may have 262144 bytes");
  const auto document = json::parse(body);
  if (!document) return document.error();
  const json::Value root = document->root();
  if (!root.is_object()) return invalid("The job must be a JSON object");
  if (const auto own = member(root, "jobId"); own && own->string() != id)
    return invalid("The jobId of the body is not the one of the path");
  const auto type_member = member(root, "type");
  const auto type = parse_job_type(type_member ? type_member->string().value_or("") : "");
  // IoT Hub's own words (azure-docs issue 29484).
  if (!type) return fail(Errc::generic_bad_request, "BadRequest");

  auto condition = read_condition(root);
  if (!condition) return condition.error();
  const auto start = read_start(root, time);
  if (!start) return start.error();
  const auto seconds = read_execution_seconds(root);
  if (!seconds) return seconds.error();
  auto content = *type == JobType::update_twin ? read_update(root, time.now, arrays_allowed) : read_method(root);
  if (!content) return content.error();

  JobRequest request;
  request.state.type = *type;
  request.state.created = time.now;
  request.state.start = *start;
  request.definition = {*seconds, std::move(*condition), std::move(*content)};
  return request;
}

}  // namespace twinhub::hub
