#include "protocol/configuration/configuration.hpp"

#include "protocol/json/member.hpp"
#include "protocol/json/text.hpp"
#include "protocol/query/parse.hpp"

#include <algorithm>
#include <limits>

namespace twinhub::configuration {
namespace {

constexpr std::size_t id_bytes_max = 128;
constexpr std::size_t metric_name_bytes_max = 128;
constexpr std::size_t schema_version_bytes_max = 128;
constexpr std::size_t labels_bytes_max = 8 * 1024;  // as JSON text; IoT Hub documents no ceiling

Error invalid(std::string why) { return fail(Errc::argument_invalid, std::move(why)); }

Error invalid_target(std::string why) {
  return fail(Errc::invalid_configuration_target_condition, "Invalid targetCondition. " + std::move(why));
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// nullopt: absent or null.
Result<std::optional<std::string>> text_member(const json::Value& object, std::string_view name) {
  const auto member = json::member_of(object, name);
  if (!member || member->is_null()) return std::optional<std::string>{};
  auto text = member->string();
  if (!text) return invalid(std::string(name) + " must be a string");
  return text;
}

Result<std::uint32_t> priority_of(const json::Value& root) {
  const auto member = json::member_of(root, "priority");
  if (!member) return 0;
  const auto number = json::whole_number_of(*member);
  const std::int64_t priority = number ? number->value.value_or(0) : -1;
  if (priority < 0 || priority > std::numeric_limits<std::int32_t>::max())
    return invalid("priority must be a whole number, 0 or greater");
  return static_cast<std::uint32_t>(priority);
}

Result<std::string> labels_of(const json::Value& root) {
  const auto member = json::member_of(root, "labels");
  if (!member || member->is_null()) return std::string("null");
  if (!member->is_object()) return invalid("labels must be an object");
  for (const json::Value label : *member) {
    if (label.kind() != json::Kind::string) return invalid("labels must be strings");
  }
  if (member->text().size() > labels_bytes_max) return invalid("labels have more than 8192 bytes of JSON text");
  return std::string(member->text());
}

/// The object of queries by name; nullopt: absent or null.
Result<std::optional<json::Value>> queries_of(const std::optional<json::Value>& member, std::string_view name) {
  if (!member || member->is_null()) return std::optional<json::Value>{};
  if (!member->is_object()) return invalid(std::string(name) + " must be an object");
  return member;
}

Result<std::vector<Metric>> metrics_of(const json::Value& root, bool strict) {
  const auto metrics = queries_of(json::member_of(root, "metrics"), "metrics");
  if (!metrics) return metrics.error();
  if (!*metrics) return std::vector<Metric>{};
  const auto queries = queries_of(json::member_of(**metrics, "queries"), "metrics.queries");
  if (!queries) return queries.error();
  std::vector<Metric> all;
  if (!*queries) return all;
  for (const json::Value member : **queries) {
    const std::string name = json::unescape(member.key_text());
    const auto text = member.string();
    if (name.empty() || name.size() > metric_name_bytes_max) return invalid("a metric's name has 1 to 128 characters");
    if (!text) return invalid("a metric's query must be a string");
    auto metric = parse_metric(name, *text, strict);
    if (!metric) return metric.error();
    all.push_back(std::move(*metric));
  }
  if (all.size() > metrics_max) return invalid("a configuration has at most 5 custom metrics");
  return all;
}

/// A system metric, whose query is known to parse.
Metric own_metric(std::string_view name, std::string text) {
  Metric metric{std::string(name), std::move(text), nullptr};
  if (metric.text.empty()) return metric;
  if (auto query = query::parse_query(metric.text))
    metric.query = std::make_shared<const query::Query>(std::move(*query));
  return metric;
}

/// targetedCount: the condition as a query. Not parsed anew, since it may be as long as a query may be.
Metric targeted(const Configuration& configuration) {
  Metric metric{"targetedCount", {}, nullptr};
  if (!configuration.target) return metric;
  const query::Condition& target = *configuration.target;
  query::Query query;
  query.from = configuration.content.form == Form::module ? query::Collection::modules : query::Collection::devices;
  query.where = target.where;
  const bool all = !target.where.has_value();
  if (configuration.content.form == Form::module) {
    metric.text = "select deviceId, moduleId ";
    metric.text += target.from == query::Collection::modules ? configuration.target_condition : "from devices.modules";
  } else if (configuration.content.form == Form::device) {
    metric.text = "select deviceId from devices" + (all ? std::string() : " where " + configuration.target_condition);
  } else {
    constexpr std::string_view is_edge = "capabilities.iotEdge = true";
    metric.text = "select deviceId from devices where " + std::string(is_edge) +
                  (all ? std::string() : " and (" + configuration.target_condition + ")");
    query::Expr edge =
        std::move(*query::parse_query("select deviceId from devices where " + std::string(is_edge))->where);
    if (all) {
      query.where = std::move(edge);
    } else {
      query::Logic both;
      both.operands.push_back(std::move(edge));
      both.operands.push_back(*target.where);
      query.where = query::Expr{0, std::move(both)};
    }
  }
  metric.query = std::make_shared<const query::Query>(std::move(query));
  return metric;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  json::append_key(out, name);
  json::append_string(out, text);
  out += ',';
}

void append_metrics(std::string& out, std::string_view name, const MetricResults& results,
                    const std::vector<Metric>& metrics) {
  json::append_key(out, name);
  out += R"({"results":{)";
  for (const auto& [metric, count] : results) {
    if (out.back() != '{') out += ',';
    json::append_key(out, metric);
    out += std::to_string(count);
  }
  out += R"(},"queries":{)";
  for (const Metric& metric : metrics) {
    if (out.back() != '{') out += ',';
    json::append_key(out, metric.name);
    json::append_string(out, metric.text);
  }
  out += "}},";
}

}  // namespace

bool is_valid_configuration_id(std::string_view id) {
  constexpr std::string_view marks = "-+%_*!'";
  return !id.empty() && id.size() <= id_bytes_max && std::all_of(id.begin(), id.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
  });
}

bool Configuration::outranks(const Configuration& other) const {
  if (priority != other.priority) return priority > other.priority;
  if (created != other.created) return created > other.created;
  return id > other.id;
}

std::vector<Metric> Configuration::system_metrics() const {
  std::vector<Metric> all{targeted(*this)};
  if (content.form != Form::modules) {
    const std::string from =
        content.form == Form::module ? "deviceId, moduleId from devices.modules" : "deviceId from devices";
    all.push_back(
        own_metric("appliedCount", "select " + from + " where configurations.[[" + id + "]].status = 'Applied'"));
    return all;
  }
  const std::string applied =
      "select deviceId from devices.modules where moduleId = '$edgeAgent' and configurations.[[" + id +
      "]].status = 'Applied'";
  const std::string reported = applied +
                               " and properties.desired.$version = properties.reported.lastDesiredVersion and "
                               "properties.reported.lastDesiredStatus.code ";
  all.push_back(own_metric("appliedCount", applied));
  all.push_back(own_metric("reportedSuccessfulCount", reported + "= 200"));
  all.push_back(own_metric("reportedFailedCount", reported + "!= 200"));
  return all;
}

Result<std::shared_ptr<const query::Condition>> parse_target(std::string_view text, Form form, bool strict) {
  if (is_blank(text)) return std::shared_ptr<const query::Condition>();
  auto condition = query::parse_target_condition(text, {.strict = strict});
  if (!condition) return invalid_target(query::to_error(condition.error(), text).detail);
  const bool of_modules = condition->from == query::Collection::modules;
  if (of_modules && form != Form::module) return invalid_target("It targets modules; the content is for devices.");
  // "*" does not say whether devices or modules are meant.
  if (!of_modules && form == Form::module && condition->where)
    return invalid_target("For moduleContent it must begin with FROM devices.modules WHERE.");
  return std::make_shared<const query::Condition>(std::move(*condition));
}

Result<Metric> parse_metric(std::string_view name, std::string_view text, bool strict) {
  const auto refuse = [&](const std::string& why) {
    return fail(Errc::invalid_configuration_custom_metrics_query, "Metric '" + std::string(name) + "': " + why);
  };
  auto query = query::parse_query(text, {.strict = strict});
  if (!query) return refuse(query::to_error(query.error(), text).detail);
  if (query->from == query::Collection::jobs) return refuse("it must be over devices or devices.modules");
  return Metric{std::string(name), std::string(text), std::make_shared<const query::Query>(std::move(*query))};
}

Result<Configuration> parse_configuration(std::string_view id, std::string_view body, bool strict_queries) {
  if (!is_valid_configuration_id(id)) return invalid("A configuration's id is 1 to 128 of a-z 0-9 - + % _ * ! '");
  const auto document = json::parse(body);
  if (!document) return document.error();
  const json::Value root = document->root();
  if (!root.is_object()) return fail(Errc::iot_hub_format_error, "The body must be a JSON object");
  Configuration configuration;
  configuration.id = id;

  const auto body_id = text_member(root, "id");
  if (!body_id) return body_id.error();
  if (*body_id && **body_id != id) return invalid("The configuration's id is not that of the path");
  auto schema_version = text_member(root, "schemaVersion");
  if (!schema_version) return schema_version.error();
  if (*schema_version && (*schema_version)->size() > schema_version_bytes_max)
    return invalid("schemaVersion has more than 128 bytes");
  configuration.schema_version = std::move(*schema_version);
  auto labels = labels_of(root);
  if (!labels) return labels.error();
  configuration.labels = std::move(*labels);
  const auto priority = priority_of(root);
  if (!priority) return priority.error();
  configuration.priority = *priority;

  const auto content = json::member_of(root, "content");
  auto parsed = parse_content(content ? content->text() : "null");
  if (!parsed) return parsed.error();
  configuration.content = std::move(*parsed);

  auto target_condition = text_member(root, "targetCondition");
  if (!target_condition) return target_condition.error();
  configuration.target_condition = target_condition->value_or("");
  auto target = parse_target(configuration.target_condition, configuration.content.form, strict_queries);
  if (!target) return target.error();
  configuration.target = std::move(*target);
  auto metrics = metrics_of(root, strict_queries);
  if (!metrics) return metrics.error();
  configuration.metrics = std::move(*metrics);
  return configuration;
}

void append_configuration(std::string& out, const Configuration& configuration, const MetricResults& system,
                          const MetricResults& custom) {
  out += '{';
  append_member(out, "id", configuration.id);
  if (configuration.schema_version) {
    append_member(out, "schemaVersion", *configuration.schema_version);
  } else {
    out += R"("schemaVersion":null,)";
  }
  out += R"("labels":)" + configuration.labels + R"(,"content":)" + configuration.content.text() + ",";
  append_member(out, "targetCondition", configuration.target_condition);
  append_member(out, "createdTimeUtc", to_iso8601(configuration.created));
  append_member(out, "lastUpdatedTimeUtc", to_iso8601(configuration.updated));
  out += R"("priority":)" + std::to_string(configuration.priority) + ",";
  append_metrics(out, "systemMetrics", system, configuration.system_metrics());
  append_metrics(out, "metrics", custom, configuration.metrics);
  append_member(out, "etag", identity_etag(configuration.etag));
  out.back() = '}';
}

Result<std::string> test_queries(std::string_view body, bool strict) {
  const auto document = json::parse(body);
  if (!document) return document.error();
  const json::Value root = document->root();
  if (!root.is_object()) return fail(Errc::iot_hub_format_error, "The body must be a JSON object");
  const auto target = text_member(root, "targetCondition");
  if (!target) return target.error();
  const auto queries = queries_of(json::member_of(root, "customMetricQueries"), "customMetricQueries");
  if (!queries) return queries.error();

  std::string out = R"({"targetConditionError":)";
  const std::string text = target->value_or("");
  const auto condition = query::parse_target_condition(text, {.strict = strict});
  if (is_blank(text)) {
    out += "null";
  } else if (!condition) {
    json::append_string(out, query::to_error(condition.error(), text).detail);
  } else if (!condition->where && condition->from == query::Collection::devices) {
    // "*" is for configurations alone, as in the cloud.
    json::append_string(out, "BadRequest: '*' is no condition that can be tested");
  } else {
    out += "null";
  }
  out += R"(,"customMetricQueryErrors":{)";
  if (*queries) {
    for (const json::Value member : **queries) {
      const auto query = member.string();
      if (!query) return invalid("a metric's query must be a string");
      const auto metric = parse_metric(json::unescape(member.key_text()), *query, strict);
      if (metric) continue;
      if (out.back() != '{') out += ',';
      out.append("\"").append(member.key_text()).append("\":");
      json::append_string(out, metric.error().detail);
    }
  }
  return out + "}}";
}

}  // namespace twinhub::configuration
