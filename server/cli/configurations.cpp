#include "server/cli/configurations.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/text_output.hpp"

#include <fstream>
#include <iostream>
#include <sstream>

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

Result<std::string> read_body(const ConfigurationSet& options) {
  std::ostringstream content;
  if (options.file == "-") {
    content << std::cin.rdbuf();
  } else {
    std::ifstream in(options.file, std::ios::binary);
    if (!in || !(content << in.rdbuf()))
      return fail(Errc::argument_invalid, options.file + " cannot be read, or is empty");
  }
  std::string text = content.str();
  const auto set = [&text](std::string_view name, const std::string& value) -> Result<void> {
    const auto document = json::parse(text);
    if (!document) return document.error();
    if (!document->root().is_object()) return fail(Errc::argument_invalid, "it is no JSON object");
    text = with_member(document->root(), name, value);
    return {};
  };
  std::string id, target;
  json::append_string(id, options.id);
  json::append_string(target, options.target);
  for (const auto& [name, value] : {std::pair<std::string_view, std::string>{"id", id},
                                    {"targetCondition", options.target.empty() ? "" : target},
                                    {"priority", options.priority}}) {
    if (value.empty()) continue;
    if (const auto done = set(name, value); !done)
      return fail(Errc::argument_invalid, options.file + ": " + done.error().detail);
  }
  return text;
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
  table.flush();
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
  const auto body = read_body(options);
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
