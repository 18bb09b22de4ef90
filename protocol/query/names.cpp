#include "protocol/query/names.hpp"

#include "protocol/json/text.hpp"
#include "protocol/query/lexer.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace twinhub::query {
namespace {

struct RootName {
  std::string_view written;   ///< in any case
  std::string_view spelling;  ///< in the document
  Root root = Root::document;
  bool is_date = false;
};

constexpr RootName twin_roots[] = {
    {"deviceId", "deviceId", Root::device_id},
    {"id", "deviceId", Root::device_id},  // the .NET RegistryManagerSample writes it so
    {"moduleId", "moduleId", Root::module_id},
    {"etag", "etag", Root::etag},
    {"deviceEtag", "deviceEtag"},
    {"status", "status", Root::status},
    {"statusReason", "statusReason"},
    {"statusUpdateTime", "statusUpdateTime", Root::document, true},
    {"statusUpdatedTime", "statusUpdateTime", Root::document, true},  // Azure IoT Explorer writes it so
    {"connectionState", "connectionState", Root::connection_state},
    {"lastActivityTime", "lastActivityTime", Root::last_activity_time, true},
    {"cloudToDeviceMessageCount", "cloudToDeviceMessageCount", Root::cloud_to_device_message_count},
    {"authenticationType", "authenticationType", Root::authentication_type},
    {"x509Thumbprint", "x509Thumbprint"},
    {"modelId", "modelId", Root::model_id},
    {"version", "version", Root::version},
    {"tags", "tags", Root::tags},
    {"properties", "properties"},
    {"capabilities", "capabilities"},
    {"deviceScope", "deviceScope"},
    {"parentScopes", "parentScopes"},
    {"configurations", "configurations", Root::configurations},
};

constexpr RootName job_roots[] = {
    {"deviceId", "deviceId"},
    {"moduleId", "moduleId"},
    {"jobId", "jobId"},
    {"jobType", "jobType"},
    {"status", "status"},
    {"startTimeUtc", "startTimeUtc", Root::document, true},
    {"endTimeUtc", "endTimeUtc", Root::document, true},
    {"createdDateTimeUtc", "createdDateTimeUtc", Root::document, true},
    {"createdTimeUtc", "createdDateTimeUtc", Root::document, true},  // the documentation's example
    {"lastUpdatedDateTimeUtc", "lastUpdatedDateTimeUtc", Root::document, true},
    {"outcome", "outcome"},
    {"error", "error"},
};

// In the spelling of the documentation; a MessageView is asked for these.
constexpr std::string_view system_properties[] = {"contentType",
                                                  "contentEncoding",
                                                  "connectionDeviceId",
                                                  "connectionModuleId",
                                                  "connectionAuthMethod",
                                                  "enqueuedTime",
                                                  "messageId",
                                                  "connectionDeviceGenerationId",
                                                  "correlationId",
                                                  "userId",
                                                  "dt-dataschema",
                                                  "dt-subject",
                                                  "creationTimeUtc",
                                                  "iothub-message-source"};

/// The step that has this name, in the hub's spelling.
void respell(Step& step, std::initializer_list<std::string_view> spellings) {
  for (const std::string_view spelling : spellings) {
    if (equals_ignoring_case(step.key, spelling)) step.key = spelling;
  }
}

bool is_name(const Path& path, std::size_t step, std::string_view key) {
  return step < path.steps.size() && !path.steps[step].is_index && path.steps[step].key == key;
}

void take_root(Path& path, Root root, std::size_t steps) {
  path.root = root;
  path.root_steps = static_cast<std::uint8_t>(steps);
}

/// properties.desired..., properties.reported...
void bind_properties(Path& path) {
  if (path.steps.size() < 2) return;
  respell(path.steps[1], {"desired", "reported"});
  const bool desired = is_name(path, 1, "desired");
  if (!desired && !is_name(path, 1, "reported")) return;
  take_root(path, desired ? Root::desired : Root::reported, 2);
  if (path.steps.size() == 2) return;
  respell(path.steps[2], {"$metadata", "$version"});
  if (is_name(path, 2, "$version")) take_root(path, desired ? Root::desired_version : Root::reported_version, 3);
  if (!is_name(path, 2, "$metadata")) return;
  take_root(path, desired ? Root::desired_metadata : Root::reported_metadata, 3);
  respell(path.steps.back(), {"$lastUpdated", "$lastUpdatedVersion"});
  path.is_date = is_name(path, path.steps.size() - 1, "$lastUpdated");
}

void bind_known_members(Path& path) {
  if (path.steps.size() < 2) return;
  if (is_name(path, 0, "capabilities")) {
    respell(path.steps[1], {"iotEdge"});
    if (is_name(path, 1, "iotEdge")) take_root(path, Root::iot_edge, 2);
  }
  if (is_name(path, 0, "x509Thumbprint")) respell(path.steps[1], {"primaryThumbprint", "secondaryThumbprint"});
}

/// `raw`: of a twin's document, from its root on.
void bind_twin(Path& path, std::span<const RootName> roots) {
  Step& first = path.steps.front();
  const auto known = std::find_if(roots.begin(), roots.end(),
                                  [&](const RootName& root) { return equals_ignoring_case(first.key, root.written); });
  if (known == roots.end()) return;
  // An own name for a field (`id`) stays the name of the member that shows it.
  if (path.steps.size() == 1)
    path.name = equals_ignoring_case(known->written, known->spelling) ? known->spelling : known->written;
  first.key = known->spelling;
  path.is_date = known->is_date;
  if (known->root != Root::document) take_root(path, known->root, 1);
  if (first.key == "properties") bind_properties(path);
  bind_known_members(path);
  const Step& last = path.steps.back();
  if (path.steps.size() > 1 && equals_ignoring_case(path.name, last.key)) path.name = last.key;
}

Path unbound(std::span<const RawStep> raw) {
  Path path;
  path.position = raw.front().position;
  for (const RawStep& step : raw) {
    Step& made = path.steps.emplace_back();
    made.is_index = step.is_index;
    made.index = step.index;
    json::append_escaped(made.key, step.name);
    if (!step.is_index) path.name = step.name;
  }
  return path;
}

/// `devices.`, `devices.modules.`, `devices.jobs.` in front of a field say nothing.
std::size_t collection_prefix(std::span<const RawStep> raw) {
  if (!equals_ignoring_case(raw[0].name, "devices")) return 0;
  const bool nested = raw.size() > 1 && !raw[1].is_index &&
                      (equals_ignoring_case(raw[1].name, "modules") || equals_ignoring_case(raw[1].name, "jobs"));
  return nested ? 2 : 1;
}

bool is_target_root(Root root) {
  constexpr Root allowed[] = {Root::device_id, Root::module_id,        Root::tags,
                              Root::reported,  Root::reported_version, Root::reported_metadata};
  return std::find(std::begin(allowed), std::end(allowed), root) != std::end(allowed);
}

Parsed<Path> bind_field(Dialect dialect, std::span<const RawStep> raw) {
  const std::size_t prefix = collection_prefix(raw);
  if (prefix >= raw.size()) return SyntaxError{raw.front().position, "a collection where a field is needed"};
  if (raw[prefix].is_index) return SyntaxError{raw[prefix].position, "an index where a field is needed"};
  Path path = unbound(raw.subspan(prefix));
  path.position = raw.front().position;
  if (dialect == Dialect::jobs) {
    bind_twin(path, job_roots);
    const bool known = std::any_of(std::begin(job_roots), std::end(job_roots),
                                   [&](const RootName& root) { return path.steps.front().key == root.spelling; });
    if (!known) return SyntaxError{path.position, "'" + raw[prefix].name + "' is no field of devices.jobs"};
    return path;
  }
  bind_twin(path, twin_roots);
  if (dialect == Dialect::target && !is_target_root(path.root)) {
    return SyntaxError{path.position,
                       "a target condition reads deviceId, moduleId, tags and properties.reported alone"};
  }
  return path;
}

/// `a.b` without '$' is the application property "a.b".
Parsed<Path> bind_message(const std::vector<RawStep>& raw) {
  const std::string& first = raw.front().name;
  if (equals_ignoring_case(first, "$twin")) {
    if (raw.size() == 1 || raw[1].is_index) return SyntaxError{raw.front().position, "$twin without a field"};
    auto path = bind_field(Dialect::twins, std::span(raw).subspan(1));
    if (path) path->of_message_twin = true;
    return path;
  }
  if (equals_ignoring_case(first, "$body")) {
    if (raw.size() == 1) return SyntaxError{raw.front().position, "$body without a field"};
    Path path = unbound(raw);
    take_root(path, Root::body, 1);
    return path;
  }
  Path path = unbound(raw);
  path.name.clear();
  for (const RawStep& step : raw) {
    if (step.is_index) return SyntaxError{step.position, "an index into a property: its value is a string"};
    path.name += (path.name.empty() ? "" : ".") + step.name;
  }
  take_root(path, Root::application_property, path.steps.size());
  if (!first.starts_with('$')) return path;
  path.root = Root::system_property;
  path.name.erase(0, 1);
  for (const std::string_view known : system_properties) {
    if (equals_ignoring_case(path.name, known)) path.name = known;
  }
  path.is_date = path.name == "enqueuedTime" || path.name == "creationTimeUtc";
  return path;
}

}  // namespace

Parsed<Path> bind_path(Dialect dialect, const std::vector<RawStep>& steps) {
  return dialect == Dialect::routing ? bind_message(steps) : bind_field(dialect, steps);
}

}  // namespace twinhub::query
