// An automatic configuration: its target condition, content and metrics; and its JSON on the service API.
// Source: azure-docs iot-hub-automatic-device-management; service API 2021-04-12 ("Configuration").
#pragma once

#include "protocol/configuration/content.hpp"
#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "protocol/query/ast.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace twinhub::configuration {

inline constexpr std::size_t metrics_max = 5;  ///< custom ones. Source: "Specify metrics"

/// A query whose rows are counted.
struct Metric {
  std::string name;
  std::string text;  ///< "" = counts nothing: the result is 0
  std::shared_ptr<const query::Query> query;
};

struct Configuration {
  std::string id;
  std::optional<std::string> schema_version;
  std::string labels = "null";  ///< canonical JSON: an object of strings, or null
  Content content;
  std::string target_condition;  ///< the text as sent; "" = targets nothing
  /// The condition, parsed; nullptr for "".
  std::shared_ptr<const query::Condition> target;
  Timestamp created;  ///< the newest of equal priority wins
  Timestamp updated;
  std::uint32_t priority = 0;
  std::vector<Metric> metrics;  ///< custom
  std::uint64_t etag = 1;       ///< shown by identity_etag()

  /// targetedCount and appliedCount; of edge deployments reportedSuccessfulCount and reportedFailedCount, too.
  [[nodiscard]] std::vector<Metric> system_metrics() const;
  /// True when this configuration wins over `other`: a higher priority, or the same and newer.
  [[nodiscard]] bool outranks(const Configuration& other) const;
};

/// Lower-case letters, digits and - + % _ * ! ' ; 1 to 128 of them.
[[nodiscard]] bool is_valid_configuration_id(std::string_view id);

/// Reads the body of PUT /configurations/{id}: id, created, updated and etag are not set from it but `id`. Read-only
/// and unknown members are passed over. Errors: iot_hub_format_error, argument_invalid,
/// invalid_configuration_target_condition, invalid_configuration_content, invalid_configuration_custom_metrics_query.
[[nodiscard]] Result<Configuration> parse_configuration(std::string_view id, std::string_view body,
                                                        bool strict_queries);

/// Reads a target condition for a form of content; nullptr for "", which targets nothing. Errors:
/// invalid_configuration_target_condition.
[[nodiscard]] Result<std::shared_ptr<const query::Condition>> parse_target(std::string_view text, Form form,
                                                                           bool strict);
/// Reads a custom metric. Errors: invalid_configuration_custom_metrics_query.
[[nodiscard]] Result<Metric> parse_metric(std::string_view name, std::string_view text, bool strict);

/// Results of metrics by name, in order.
using MetricResults = std::vector<std::pair<std::string, std::uint64_t>>;

/// Appends the object as GET /configurations/{id} answers it, fields in IoT Hub's order.
void append_configuration(std::string& out, const Configuration& configuration, const MetricResults& system,
                          const MetricResults& custom);

/// The answer of POST /configurations/testQueries: what is wrong with a target condition and with metrics. Errors:
/// iot_hub_format_error, argument_invalid (a member of another type).
[[nodiscard]] Result<std::string> test_queries(std::string_view body, bool strict);

}  // namespace twinhub::configuration
