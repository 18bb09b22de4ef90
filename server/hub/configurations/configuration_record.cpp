#include "server/hub/configurations/configuration_record.hpp"

#include "storage/format/bytes.hpp"

#include <utility>

namespace twinhub::hub {
namespace {

using configuration::Configuration;

constexpr std::uint8_t record_version = 1;

}  // namespace

std::string encode_configuration(const Configuration& configuration) {
  std::string record;
  storage::ByteWriter writer(record);
  writer.integer(record_version);
  writer.integer(static_cast<std::uint8_t>(configuration.schema_version ? 1 : 0));
  writer.text(configuration.schema_version.value_or(""));
  writer.text(configuration.labels);
  writer.text(configuration.content.text());
  writer.text(configuration.target_condition);
  writer.integer(configuration.created.ticks);
  writer.integer(configuration.updated.ticks);
  writer.integer(configuration.priority);
  writer.integer(configuration.etag);
  writer.integer(static_cast<std::uint32_t>(configuration.metrics.size()));
  for (const configuration::Metric& metric : configuration.metrics) {
    writer.text(metric.name);
    writer.text(metric.text);
  }
  return record;
}

Result<Configuration> decode_configuration(std::string_view id, std::string_view record) {
  const Error damaged = fail(Errc::service_unavailable,
                             "the configuration record '" + std::string(id) + "' is damaged or of a newer version");
  storage::ByteReader reader(record);
  if (reader.integer<std::uint8_t>() != record_version) return damaged;
  Configuration configuration;
  configuration.id = id;
  const bool has_schema_version = reader.integer<std::uint8_t>() != 0;
  std::string schema_version = reader.text();
  if (has_schema_version) configuration.schema_version = std::move(schema_version);
  configuration.labels = reader.text();
  const std::string content = reader.text();
  configuration.target_condition = reader.text();
  configuration.created.ticks = reader.integer<std::uint64_t>();
  configuration.updated.ticks = reader.integer<std::uint64_t>();
  configuration.priority = reader.integer<std::uint32_t>();
  configuration.etag = reader.integer<std::uint64_t>();
  const auto metrics = reader.integer<std::uint32_t>();
  for (std::uint32_t i = 0; i < metrics && reader.ok(); ++i) {
    const std::string name = reader.text();
    // What was taken once stays good when the hub is made stricter.
    auto metric = configuration::parse_metric(name, reader.text(), false);
    if (!metric) return damaged;
    configuration.metrics.push_back(std::move(*metric));
  }
  if (!reader.ok() || reader.left() > 0) return damaged;
  auto parsed = configuration::parse_content(content);
  if (!parsed) return damaged;
  configuration.content = std::move(*parsed);
  auto target = configuration::parse_target(configuration.target_condition, configuration.content.form, false);
  if (!target) return damaged;
  configuration.target = std::move(*target);
  return configuration;
}

}  // namespace twinhub::hub
