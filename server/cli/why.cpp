#include "server/cli/why.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "protocol/json/document.hpp"
#include "protocol/json/text.hpp"
#include "protocol/utf8.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/ops_reader.hpp"
#include "server/cli/text_output.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <set>
#include <thread>

namespace twinhub::cli {
namespace {

constexpr std::chrono::seconds pace{1};         // of --follow
constexpr std::size_t strangers_shown_max = 5;  // peers that did not say who they are

/// The operations port's GET /connections. Errors: as OpsReader's, and the hub's refusal.
Result<json::Document> get_notices(OpsReader& reader, const std::string& query) {
  const auto answer = reader.get("/connections?" + query);
  if (!answer) return answer.error();
  if (answer->status != 200) {
    return fail(answer->status == 400 ? Errc::argument_invalid : Errc::iot_hub_unauthorized_access,
                answer->body.substr(0, answer->body.find('\n')));
  }
  return json::parse(answer->body);
}

std::string query_of(const WhyOptions& options, const std::string& device, std::uint64_t after) {
  std::string query = "device=" + iothub::percent_encode(device) + "&after=" + std::to_string(after);
  if (!options.since.empty()) query += "&since=" + iothub::percent_encode(options.since);
  return query;
}

std::uint64_t number_at(const json::Value& object, std::string_view name) {
  const auto value = object.find(name);
  return value ? static_cast<std::uint64_t>(value->integer().value_or(0)) : 0;
}

std::vector<json::Value> notices_of(const json::Document& document) {
  std::vector<json::Value> notices;
  if (const auto list = document.root().find("notices")) {
    for (const json::Value notice : *list) notices.push_back(notice);
  }
  return notices;
}

/// "ID" in a hint stands for the device.
std::string with_id(std::string hint, const std::string& id) {
  constexpr std::string_view mark = " ID";
  std::size_t at = 0;
  while (!id.empty() && (at = hint.find(mark, at)) != std::string::npos) {
    hint.replace(at + 1, mark.size() - 1, id);
    at += id.size();
  }
  return hint;
}

void print_notice(const json::Value& notice, const std::string& id) {
  std::string line = time_cell(text_at(notice, "time")) + "  " + text_at(notice, "kind") + "  ";
  const std::string address = text_at(notice, "address");
  line += (address.empty() ? "address unknown" : address) + "  " + text_at(notice, "transport") + "  " +
          text_at(notice, "reason");
  if (const std::string code = text_at(notice, "code"); !code.empty()) line += " (" + code + ")";
  if (const std::uint64_t count = number_at(notice, "count"); count > 1)
    line += ", " + std::to_string(count) + " times until " + time_cell(text_at(notice, "last"));
  std::cout << visible_text(line) << "\n";
  std::string words = text_at(notice, "sentence");
  if (const std::string detail = text_at(notice, "detail"); !detail.empty()) words += " " + detail;
  if (const std::string name = text_at(notice, "sni"); !name.empty() && text_at(notice, "stage") == "tls")
    words += " It asked for the host name '" + name + "'.";
  std::cout << "    " << visible_text(words) << "\n";
  if (const std::string hint = text_at(notice, "hint"); !hint.empty())
    std::cout << "    What to do: " << visible_text(with_id(hint, id)) << "\n";
}

/// What the registry says of it; a hub whose service API cannot be reached is no reason to say nothing.
void print_identity(const config::Settings& settings, const std::string& id) {
  const std::size_t slash = id.find('/');
  const std::string path =
      "/devices/" + iothub::percent_encode(id.substr(0, slash)) +
      (slash == std::string::npos ? std::string() : "/modules/" + iothub::percent_encode(id.substr(slash + 1)));
  const auto body = call_hub(settings, "GET", path);
  if (!body) {
    const bool is_unknown = body.error().code == Errc::device_not_found || body.error().code == Errc::module_not_found;
    std::cout << (is_unknown ? "There is no device " + visible_text(id) + " on this hub."
                             : "The registry cannot be asked: " + visible_text(body.error().detail))
              << "\n";
    return;
  }
  const auto document = json::parse(*body);
  if (!document) return;
  const json::Value device = document->root();
  const auto type = value_at(device, {"authentication", "type"});
  std::string line = id + " is " + (slash == std::string::npos ? text_at(device, "status") + ", " : std::string()) +
                     "registered for '" + cell_of(type) + "' and ";
  line += text_at(device, "connectionState") == "Connected" ? "connected" : "not connected";
  line += " since " + time_cell(text_at(device, "connectionStateUpdatedTime"));
  if (const std::string reason = text_at(device, "statusReason"); !reason.empty()) line += " (" + reason + ")";
  std::cout << visible_text(line) << ".\n";
}

std::vector<json::Value> last_refusals(const json::Document& document) {
  std::vector<json::Value> refusals;
  for (const json::Value& notice : notices_of(document)) {
    if (text_at(notice, "kind") == "refused") refusals.push_back(notice);
  }
  if (refusals.size() > strangers_shown_max)
    refusals.erase(refusals.begin(), refusals.end() - static_cast<std::ptrdiff_t>(strangers_shown_max));
  return refusals;
}

void print_all(const std::string& id, const json::Document& own, const json::Document& strangers) {
  const auto notices = notices_of(own);
  if (notices.empty()) std::cout << "Nothing was refused or has ended that named " << visible_text(id) << ".\n";
  for (const json::Value& notice : notices) print_notice(notice, id);
  const auto unnamed = last_refusals(strangers);
  if (unnamed.empty()) return;
  std::cout << "\nPeers that were refused before they said who they are; one may be this device:\n";
  for (const json::Value& notice : unnamed) print_notice(notice, "");
}

void print_json(const std::string& id, const json::Document& own, const json::Document& strangers) {
  std::string out = "{\"id\":";
  json::append_string(out, json::to_utf8(id));
  const auto list = [&out](std::string_view name, const std::vector<json::Value>& notices) {
    out += ",\"" + std::string(name) + "\":[";
    for (std::size_t i = 0; i < notices.size(); ++i) out.append(i == 0 ? "" : ",").append(notices[i].text());
    out += ']';
  };
  list("notices", notices_of(own));
  list("unnamed", last_refusals(strangers));
  std::cout << visible_text(out + "}") << "\n";
}

int follow(OpsReader& reader, const WhyOptions& options, std::uint64_t after) {
  while (output_is_open()) {
    std::this_thread::sleep_for(pace);
    const auto more = get_notices(reader, query_of(options, options.id, after));
    if (!more) return report(more.error());
    for (const json::Value& notice : notices_of(*more)) {
      if (options.json) {
        std::cout << visible_text(notice.text()) << "\n";
      } else {
        print_notice(notice, options.id);
      }
    }
    std::cout << std::flush;
    after = number_at(more->root(), "revision");
  }
  return exit_failed;  // the reader has closed the pipe
}

}  // namespace

int explain_device(const config::Settings& settings, const WhyOptions& options) {
  auto reader = OpsReader::open(settings);
  if (!reader) return report(reader.error());
  const auto own = get_notices(*reader, query_of(options, options.id, 0));
  if (!own) return report(own.error());
  const auto strangers = get_notices(*reader, query_of(options, "", 0));
  if (!strangers) return report(strangers.error());
  if (options.json) {
    print_json(options.id, *own, *strangers);
  } else {
    print_identity(settings, options.id);
    print_all(options.id, *own, *strangers);
  }
  std::cout << std::flush;
  return options.follow ? follow(*reader, options, number_at(own->root(), "revision")) : exit_ok;
}

}  // namespace twinhub::cli
