#include "protocol/query/twin_row.hpp"

#include "protocol/twin/metadata.hpp"

namespace twinhub::query {
namespace {

Value number(std::uint64_t value) { return Value::of(static_cast<double>(value)); }

}  // namespace

Value TwinRow::value_of(const Path& path, Scratch& scratch) {
  switch (path.root) {
    case Root::tags: {
      const std::string_view tags = parts_.twin().tags;
      return tags.size() > 2 ? follow(tags, path, 1, scratch) : Value{};  // the view leaves empty tags out
    }
    case Root::configurations: {
      const std::string_view configurations = parts_.twin().configurations;
      return configurations.size() > 2 ? follow(configurations, path, 1, scratch) : Value{};
    }
    case Root::desired:
    case Root::reported:
      return section_value(path, scratch);
    case Root::desired_metadata:
    case Root::reported_metadata:
      return metadata_value(path, scratch);
    case Root::document:
      return follow(whole(), path, 0, scratch);
    case Root::body:
    case Root::system_property:
    case Root::application_property:
      return {};
    default:
      return path.steps.size() == path.root_steps ? scalar(path, scratch) : Value{};
  }
}

Value TwinRow::scalar(const Path& path, Scratch& scratch) {
  switch (path.root) {
    case Root::device_id:
      return Value::of(parts_.device_id());
    case Root::module_id:
      return parts_.module_id().empty() ? Value{} : Value::of(parts_.module_id());
    case Root::status:
      return Value::of(iothub::to_string(parts_.identity().status));
    case Root::authentication_type:
      return Value::of(iothub::to_string(parts_.identity().authentication));
    case Root::iot_edge:
      return parts_.module_id().empty() ? Value::of(parts_.identity().iot_edge) : Value{};
    case Root::connection_state:
      return Value::of(std::string_view(parts_.activity().connected ? "Connected" : "Disconnected"));
    case Root::last_activity_time:
      return Value::of(scratch.keep(to_iso8601(parts_.activity().last_activity)));
    case Root::cloud_to_device_message_count:
      return number(parts_.activity().cloud_to_device_message_count);
    case Root::etag:
      return Value::of(scratch.keep(twin_etag(parts_.twin().etag_counter)));
    case Root::model_id:
      return Value::of(parts_.twin().model_id);
    case Root::version:
      return number(parts_.twin().version());
    case Root::desired_version:
      return number(parts_.twin().desired.version);
    case Root::reported_version:
      return number(parts_.twin().reported.version);
    default:
      return {};
  }
}

Value TwinRow::section_value(const Path& path, Scratch& scratch) {
  // The section as such is shown with $metadata and $version.
  if (path.steps.size() == 2) return follow(whole(), path, 0, scratch);
  const auto& twin = parts_.twin();
  return follow(path.root == Root::desired ? twin.desired.text : twin.reported.text, path, 2, scratch);
}

Value TwinRow::metadata_value(const Path& path, Scratch& scratch) {
  const bool desired = path.root == Root::desired_metadata;
  const auto& section = desired ? parts_.twin().desired : parts_.twin().reported;
  // The section's own time needs no text of all the others.
  if (path.steps.size() == 4 && path.is_date && section.stamp_count() > 0)
    return Value::of(scratch.keep(to_iso8601(section.stamp(0).at)));
  auto& text = desired ? desired_metadata_ : reported_metadata_;
  if (!text) twin::append_metadata(text.emplace(), section.copy(), desired);
  return follow(*text, path, 3, scratch);
}

const std::string& TwinRow::whole() {
  if (!whole_) whole_ = parts_.service_view();
  return *whole_;
}

}  // namespace twinhub::query
