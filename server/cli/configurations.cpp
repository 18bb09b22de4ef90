#include "server/cli/configurations.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/request_bodies.hpp"
#include "server/cli/text_file.hpp"
#include "server/cli/text_output.hpp"

#include <iostream>

namespace twinhub::cli {
namespace {

std::string path_of(const std::string& id) { return "/configurations/" + iothub::percent_encode(id); }

std::string metric(const json::Value& configuration, std::string_view name) {
  return cell_of(value_at(configuration, {"systemMetrics", "results", name}));
}

void add_row(Table& table, const json::Value& configuration) {
  table.add({text_at(configuration, "id"), cell_of(configuration.find("priority")),
             text_at(configuration, "targetCondition"), metric(configuration, "targetedCount"),
             metric(configuration, "appliedCount"), time_cell(text_at(configuration, "lastUpdatedTimeUtc"))});
}

Table make_table() { return Table({"CONFIGURATION", "PRIORITY", "TARGET", "TARGETED", "APPLIED", "UPDATED"}); }

int print_one(const std::string& body, bool json) {
  const auto document = json::parse(body);
  if (!document) return report(document.error());
  if (json) {
    std::cout << document->text() << "\n";
  } else {
    std::cout << pretty(document->root()) << "\n";
  }
  return exit_ok;
}

}  // namespace

int list_configurations(const config::Settings& settings, bool json) {
  const auto body = call_hub(settings, "GET", "/configurations");
  if (!body) return report(body.error());
  if (json) return print_one(*body, true);
  const auto document = json::parse(*body);
  if (!document) return report(document.error());
  Table table = make_table();
  for (const json::Value configuration : document->root()) add_row(table, configuration);
  table.finish("no configurations");
  return exit_ok;
}

int show_configuration(const config::Settings& settings, const std::string& id, bool json) {
  const auto body = call_hub(settings, "GET", path_of(id));
  return body ? print_one(*body, json) : report(body.error());
}

int delete_configuration(const config::Settings& settings, const std::string& id, const std::string& etag) {
  const auto gone = call_hub(settings, "DELETE", path_of(id), {}, etag.empty() ? any_etag : '"' + etag + '"');
  return gone ? exit_ok : report(gone.error());
}

int set_configuration(const config::Settings& settings, const ConfigurationSet& options) {
  const auto text = read_json_file(options.file);
  if (!text) return report(text.error());
  const auto body = configuration_body(*text, options);
  if (!body) return report(body.error());
  std::string if_match;
  if (!options.etag.empty()) {
    if_match = '"' + options.etag + '"';
  } else if (call_hub(settings, "GET", path_of(options.id))) {
    if_match = any_etag;
  }
  const auto answer = call_hub(settings, "PUT", path_of(options.id), *body, if_match);
  return answer ? print_one(*answer, options.json) : report(answer.error());
}

}  // namespace twinhub::cli
