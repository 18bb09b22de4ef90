#include "server/hub/jobs/job_record.hpp"

#include "storage/format/bytes.hpp"

namespace twinhub::hub {
namespace {

constexpr std::uint8_t record_version = 1;

Error damaged(std::string_view what) {
  return fail(Errc::server_error, "a job's " + std::string(what) + " record is damaged or of a newer version");
}

std::uint8_t bit(bool value) { return value ? 1 : 0; }

Timestamp read_time(storage::ByteReader& reader) { return {reader.integer<std::uint64_t>()}; }

bool read_bit(storage::ByteReader& reader) {
  const auto value = reader.integer<std::uint8_t>();
  if (value > 1) reader.fail();
  return value == 1;
}

}  // namespace

std::string encode(const JobDefinition& definition) {
  std::string record;
  storage::ByteWriter writer(record);
  writer.integer(record_version);
  writer.integer(definition.execution_seconds_max);
  writer.text(definition.condition);
  writer.text(definition.content);
  return record;
}

Result<JobDefinition> decode_job_definition(std::string_view record) {
  storage::ByteReader reader(record);
  if (reader.integer<std::uint8_t>() != record_version) return damaged("definition");
  JobDefinition definition;
  definition.execution_seconds_max = reader.integer<std::uint64_t>();
  definition.condition = reader.text();
  definition.content = reader.text();
  if (!reader.ok() || reader.left() > 0) return damaged("definition");
  return definition;
}

std::string encode(const JobState& state) {
  std::string record;
  storage::ByteWriter writer(record);
  writer.integer(record_version);
  writer.integer(state.type);
  writer.integer(state.status);
  writer.integer(bit(state.gathering));
  for (const Timestamp at : {state.created, state.start, state.started, state.ended}) writer.integer(at.ticks);
  for (const std::uint64_t count : {state.devices, state.succeeded, state.failed}) writer.integer(count);
  writer.text(state.settled_up_to);
  writer.text(state.failure_reason);
  return record;
}

Result<JobState> decode_job_state(std::string_view record) {
  storage::ByteReader reader(record);
  if (reader.integer<std::uint8_t>() != record_version) return damaged("state");
  JobState state;
  state.type = reader.enumerator(JobType::device_method);
  state.status = reader.enumerator(JobStatus::cancelled);
  state.gathering = read_bit(reader);
  for (Timestamp* at : {&state.created, &state.start, &state.started, &state.ended}) *at = read_time(reader);
  for (std::uint64_t* count : {&state.devices, &state.succeeded, &state.failed})
    *count = reader.integer<std::uint64_t>();
  state.settled_up_to = reader.text();
  state.failure_reason = reader.text();
  if (!reader.ok() || reader.left() > 0) return damaged("state");
  return state;
}

std::string encode(const DeviceJob& row) {
  std::string record;
  storage::ByteWriter writer(record);
  writer.integer(record_version);
  writer.integer(row.status);
  if (row.status == DeviceJobStatus::pending) return record;
  writer.integer(row.started.ticks);
  writer.integer(row.ended.ticks);
  writer.integer(bit(row.method_status.has_value()));
  if (row.method_status) {
    writer.integer(*row.method_status);
    writer.text(row.method_payload);
  }
  writer.text(row.error_code);
  if (!row.error_code.empty()) writer.text(row.error_description);
  return record;
}

Result<DeviceJob> decode_device_job(std::string_view record) {
  storage::ByteReader reader(record);
  if (reader.integer<std::uint8_t>() != record_version) return damaged("device");
  DeviceJob row;
  row.status = reader.enumerator(DeviceJobStatus::failed);
  if (row.status != DeviceJobStatus::pending) {
    row.started = read_time(reader);
    row.ended = read_time(reader);
    if (read_bit(reader)) {
      row.method_status = reader.integer<std::int32_t>();
      row.method_payload = reader.text();
    }
    row.error_code = reader.text();
    if (!row.error_code.empty()) row.error_description = reader.text();
  }
  if (!reader.ok() || reader.left() > 0) return damaged("device");
  return row;
}

}  // namespace twinhub::hub
