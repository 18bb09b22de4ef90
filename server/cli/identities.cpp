#include "server/cli/identities.hpp"

#include "protocol/iothub/connection_string.hpp"
#include "protocol/iothub/property_bag.hpp"
#include "protocol/utf8.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/query_pages.hpp"
#include "server/cli/request_bodies.hpp"
#include "server/cli/text_output.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <string_view>

namespace twinhub::cli {
namespace {

std::string path_of(const IdentityId& id) {
  std::string path = "/devices/" + iothub::percent_encode(id.device);
  if (id.is_module()) path += "/modules/" + iothub::percent_encode(id.module);
  return path;
}

/// The columns of a device in the table and with --json; `device show` prints the rest.
constexpr std::string_view listed =
    "deviceId, status, connectionState, lastActivityTime, authenticationType, cloudToDeviceMessageCount, version";

void add_device(Table& table, const json::Value& device) {
  table.add({text_at(device, "deviceId"), text_at(device, "status"), text_at(device, "connectionState"),
             time_cell(text_at(device, "lastActivityTime")), text_at(device, "authenticationType"),
             cell_of(device.find("cloudToDeviceMessageCount"))});
}

void print_fields(const json::Value& identity) {
  const auto line = [](std::string_view name, const std::string& value) {
    if (!value.empty())
      std::cout << std::string(name) << std::string(24 - name.size(), ' ') << visible_text(value) << "\n";
  };
  for (const std::string_view name : {"deviceId", "moduleId", "managedBy", "status", "statusReason"})
    line(name, text_at(identity, name));
  line("authentication", cell_of(value_at(identity, {"authentication", "type"})));
  line("primaryThumbprint", cell_of(value_at(identity, {"authentication", "x509Thumbprint", "primaryThumbprint"})));
  line("secondaryThumbprint", cell_of(value_at(identity, {"authentication", "x509Thumbprint", "secondaryThumbprint"})));
  line("connectionState", text_at(identity, "connectionState"));
  line("  since", time_cell(text_at(identity, "connectionStateUpdatedTime")));
  line("lastActivityTime", time_cell(text_at(identity, "lastActivityTime")));
  line("messages waiting", cell_of(identity.find("cloudToDeviceMessageCount")));
  line("iotEdge", cell_of(value_at(identity, {"capabilities", "iotEdge"})));
  line("deviceScope", text_at(identity, "deviceScope"));
  line("generationId", text_at(identity, "generationId"));
  line("etag", text_at(identity, "etag"));
}

int print_identity(const std::string& body, bool json) {
  const auto document = json::parse(body);
  if (!document) return report(document.error());
  if (json) {
    std::cout << pretty(document->root()) << "\n";
  } else {
    print_fields(document->root());
  }
  return exit_ok;
}

/// The error text for the one identity of a request that regenerates keys; nullopt = its keys were regenerated.
std::optional<std::string> key_error(const std::string& body) {
  const auto document = json::parse(body);
  const auto errors = document ? document->root().find("errors") : std::nullopt;
  if (!errors) return "the hub's answer cannot be read";
  for (const json::Value error : *errors) return text_at(error, "errorStatus");
  return std::nullopt;
}

/// The place of an error in the condition, which is all that the person has written of the query.
std::string in_condition(std::string words, std::size_t before_condition) {
  constexpr std::string_view at = "at line 1, column ";
  const std::size_t found = words.find(at);
  if (found == std::string::npos) return words;
  const std::size_t number = found + at.size(),
                    end = std::min(words.find_first_not_of("0123456789", number), words.size());
  std::size_t column = 0;
  std::from_chars(words.data() + number, words.data() + end, column);
  if (column <= before_condition) return words;
  return words.replace(found, end - found,
                       "at column " + std::to_string(column - before_condition) + " of the condition");
}

}  // namespace

int list_devices(const config::Settings& settings, const ListOptions& options) {
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  std::string query = "SELECT " + std::string(listed) + " FROM devices";
  if (!options.where.empty()) query += " WHERE ";
  const std::size_t before_condition = query.size();
  query += options.where;
  Table table({"DEVICE", "STATUS", "CONNECTION", "LAST ACTIVITY", "AUTHENTICATION", "MESSAGES"});
  JsonArray array;
  const auto done = query_pages(*hub, {.text = query, .limit = options.limit}, [&](const json::Value& page) {
    for (const json::Value device : page) {
      if (options.json) {
        array.add(device.text());
      } else {
        add_device(table, device);
      }
    }
    table.flush();
  });
  if (!done) return report(fail(done.error().code, in_condition(done.error().detail, before_condition)));
  if (options.json) {
    array.finish();
  } else {
    table.finish(options.where.empty() ? "no devices" : "no devices that meet the condition");
  }
  return exit_ok;
}

int list_modules(const config::Settings& settings, const std::string& device, bool json) {
  const auto body = call_hub(settings, "GET", path_of({device, ""}) + "/modules");
  if (!body) return report(body.error());
  const auto document = json::parse(*body);
  if (!document) return report(document.error());
  if (json) {
    std::cout << pretty(document->root()) << "\n";
    return exit_ok;
  }
  Table table({"MODULE", "CONNECTION", "LAST ACTIVITY", "MANAGED BY", "AUTHENTICATION"});
  for (const json::Value module : document->root()) {
    table.add({text_at(module, "moduleId"), text_at(module, "connectionState"),
               time_cell(text_at(module, "lastActivityTime")), text_at(module, "managedBy"),
               cell_of(value_at(module, {"authentication", "type"}))});
  }
  table.finish("no modules");
  return exit_ok;
}

int show_identity(const config::Settings& settings, const IdentityId& id, bool json) {
  const auto body = call_hub(settings, "GET", path_of(id));
  return body ? print_identity(*body, json) : report(body.error());
}

int delete_identity(const config::Settings& settings, const IdentityId& id, const std::string& etag) {
  const auto gone = call_hub(settings, "DELETE", path_of(id), {}, etag.empty() ? any_etag : '"' + etag + '"');
  return gone ? exit_ok : report(gone.error());
}

int update_device(const config::Settings& settings, const DeviceUpdate& update) {
  const IdentityId id{update.id, ""};
  auto hub = HubConnection::open(settings);
  if (!hub) return report(hub.error());
  auto answer = hub->call({.path = path_of(id)});
  if (!answer) return report(answer.error());
  if (!update.status.empty() || update.sets_reason || !update.primary_key.empty() || !update.secondary_key.empty()) {
    const auto document = json::parse(answer->body);
    if (!document) return report(document.error());
    answer = hub->call({.method = "PUT",
                        .path = path_of(id),
                        .body = updated_identity(document->root(), update),
                        .if_match = '"' + text_at(document->root(), "etag") + '"'});
    if (!answer) return report(answer.error());
  }
  if (!update.new_keys.empty()) {
    const std::string key = update.new_keys == "swap" ? "swap" : update.new_keys + "Key";
    const auto rotated =
        hub->call({.method = "POST",
                   .path = "/devices/keys/regenerate",
                   .body = R"({"policyKey":")" + key + R"(","devices":[{"id":)" + json_text(update.id) + "}]}"});
    if (!rotated) return report(rotated.error());
    if (const auto refused = key_error(rotated->body)) return report(fail(Errc::argument_invalid, *refused));
    answer = hub->call({.path = path_of(id)});
    if (!answer) return report(answer.error());
  }
  return print_identity(answer->body, update.json);
}

int create_module(const config::Settings& settings, const IdentityId& id, const std::string& managed_by) {
  std::string body = "{";
  if (!managed_by.empty()) body += R"("managedBy":)" + json_text(managed_by);
  const auto made = call_hub(settings, "PUT", path_of(id), body + "}");
  if (!made) return report(made.error());
  const auto document = json::parse(*made);
  if (!document) return report(document.error());
  const std::string key = cell_of(value_at(document->root(), {"authentication", "symmetricKey", "primaryKey"}));
  std::cout << iothub::to_string(iothub::ConnectionString{device_host_of(settings), "", id, key}) << "\n";
  return exit_ok;
}

}  // namespace twinhub::cli
