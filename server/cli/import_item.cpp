#include "server/cli/import_item.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/lenient.hpp"
#include "protocol/json/text.hpp"

#include <cctype>
#include <utility>

namespace twinhub::cli {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

Result<ReadyItem> make_ready(ImportItem item, const std::string& mode) {
  std::string text = item.text;
  json::make_strict(text);
  const auto document = json::parse(text);
  if (!document) return fail(Errc::argument_invalid, "it is no JSON: " + document.error().detail);
  const json::Value root = document->root();
  if (!root.is_object()) return fail(Errc::argument_invalid, "it is no JSON object");
  ReadyItem ready{item.number, "", std::move(item.text), "{"};
  std::string own_mode = mode, module;
  for (const json::Value member : root) {
    const std::string name = lower(json::unescape(member.key_text()));
    if (name == "id") ready.id = member.string().value_or("");
    if (name == "moduleid") module = member.string().value_or("");
    if (name != "importmode" || member.is_null()) continue;
    const auto named = member.string();
    if (!named) return fail(Errc::argument_invalid, "its importMode must be a string");
    own_mode = *named;
  }
  if (ready.id.empty()) return fail(Errc::argument_invalid, "it has no id");
  if (ready.id.size() + module.size() > 256) return fail(Errc::argument_invalid, "its id is too long");
  if (!module.empty()) ready.id += "/" + module;
  const bool matches_etag = lower(own_mode).ends_with("ifmatchetag");
  for (const json::Value member : root) {
    const std::string name = lower(json::unescape(member.key_text()));
    if (name == "importmode" || (!matches_etag && (name == "etag" || name == "twinetag"))) continue;
    if (ready.text.size() > 1) ready.text += ',';
    ready.text.append("\"").append(member.key_text()).append("\":").append(member.text());
  }
  if (!own_mode.empty()) {
    ready.text += R"(,"importMode":)";
    json::append_string(ready.text, own_mode);
  }
  ready.text += '}';
  if (ready.text.size() > batch_bytes_max) return fail(Errc::argument_invalid, "it is too long");
  return ready;
}

}  // namespace twinhub::cli
