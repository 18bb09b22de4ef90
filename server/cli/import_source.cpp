#include "server/cli/import_source.hpp"

#include "config/settings.hpp"
#include "config/toml_json.hpp"
#include "protocol/ascii.hpp"
#include "protocol/json/lenient.hpp"
#include "protocol/json/text.hpp"
#include "server/cli/text_file.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <sstream>
#include <utility>

// A seed file, here in TOML; the same members in JSON:
//
//   [[devices]]
//   id = "thermostat-1"
//   status = "disabled"                 # as every other member of an export's line: authentication, capabilities, ...
//   primaryKey = "MDEyMzQ1Njc4OWFiY2RlZg=="   # instead of authentication; secondaryKey too, else it is the same
//   tags = { room = "attic" }
//   desired = { interval = 5 }
//   [[devices.modules]]
//   id = "camera"
//   desired = { zoom = 2 }

namespace twinhub::cli {
namespace {

Error invalid(std::string detail) { return fail(Errc::argument_invalid, std::move(detail)); }

void append(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  json::append_key(out, name);
  out += value;
}

/// The item is a device when `device` is "", else a module of that device.
Result<std::string> seed_item(const json::Value& seed, const std::string& device) {
  if (!seed.is_object()) return invalid("must be a table of members");
  const auto member = [&](std::string_view name) { return seed.find(name); };
  const auto id = member("id") ? member("id")->string() : std::nullopt;
  if (!id || id->empty()) return invalid("has no id");
  std::string quoted;
  json::append_string(quoted, device.empty() ? *id : device);
  std::string out = "{";
  append(out, "id", quoted);
  if (!device.empty()) append(out, "moduleId", member("id")->text());

  const auto desired = member("desired"), reported = member("reported");
  if (desired || reported) {
    if (member("properties")) return invalid(*id + " has both properties and desired or reported");
    std::string properties = "{";
    if (desired) append(properties, "desired", desired->text());
    if (reported) append(properties, "reported", reported->text());
    append(out, "properties", properties + "}");
  }
  const auto primary = member("primaryKey"), secondary = member("secondaryKey");
  if (secondary && !primary) return invalid(*id + " has a secondaryKey and no primaryKey");
  if (primary) {
    if (member("authentication")) return invalid(*id + " has both authentication and primaryKey");
    std::string keys = "{";
    append(keys, "primaryKey", primary->text());
    append(keys, "secondaryKey", secondary ? secondary->text() : primary->text());
    append(out, "authentication", R"({"type":"sas","symmetricKey":)" + keys + "}}");
  }
  for (const json::Value other : seed) {
    const std::string name = json::unescape(other.key_text());
    constexpr std::string_view known[] = {"id",         "moduleId",     "desired", "reported",
                                          "primaryKey", "secondaryKey", "modules"};
    if (std::find(std::begin(known), std::end(known), name) == std::end(known)) append(out, name, other.text());
  }
  return out + "}";
}

/// The lines of an export, one after the other.
class Lines final : public ImportSource {
 public:
  Lines(std::unique_ptr<std::istream> in, std::string first, bool strict)
      : in_(std::move(in)), first_(std::move(first)), strict_(strict) {}

  Result<std::optional<ImportItem>> next() override {
    std::string line;
    while (read(line)) {
      ++number_;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      drop_byte_order_mark(line);
      const std::size_t begin = line.find_first_not_of(" \t");
      if (begin == std::string::npos) continue;
      // An IoT Hub's export without keys begins with a warning in words.
      if (!strict_ && number_ == 1 && line[begin] != '{') {
        std::cerr << "twinhub: line 1 is not a device and is skipped: " << line.substr(0, 120) << "\n";
        continue;
      }
      return std::optional(ImportItem{number_, std::move(line)});
    }
    if (in_->bad()) return fail(Errc::server_error, "the file cannot be read any further");
    return std::optional<ImportItem>();
  }
  std::string_view unit() const override { return "line"; }

 private:
  bool read(std::string& line) {
    if (number_ == 0) {
      line = std::move(first_);
      return true;
    }
    return static_cast<bool>(std::getline(*in_, line));
  }

  std::unique_ptr<std::istream> in_;
  std::string first_;
  const bool strict_;
  std::uint64_t number_ = 0;
};

class Seed final : public ImportSource {
 public:
  explicit Seed(std::vector<std::string> items) : items_(std::move(items)) {}
  Result<std::optional<ImportItem>> next() override {
    if (number_ == items_.size()) return std::optional<ImportItem>();
    const std::uint64_t number = ++number_;
    return std::optional(ImportItem{number, std::move(items_[number - 1])});
  }
  std::string_view unit() const override { return "item"; }

 private:
  std::vector<std::string> items_;
  std::uint64_t number_ = 0;
};

Result<std::unique_ptr<ImportSource>> open_seed(std::string text, const std::string& name) {
  try {
    if (name.ends_with(".toml")) text = config::toml_as_json(text, name);
  } catch (const config::SettingsError& error) {
    return invalid(error.what());
  }
  json::make_strict(text);
  const auto document = json::parse(text);
  if (!document) return invalid(name + ": " + document.error().detail);
  auto items = seed_items(document->root());
  if (!items) return invalid(name + ": " + items.error().detail);
  return std::unique_ptr<ImportSource>(std::make_unique<Seed>(std::move(*items)));
}

/// A line of an export is an object with an id; anything else that begins as JSON is the beginning of a seed.
bool begins_seed(std::string first) {
  const std::size_t begin = first.find_first_not_of(" \t\r");
  if (begin == std::string::npos || (first[begin] != '{' && first[begin] != '[')) return false;
  json::make_strict(first);
  const auto document = json::parse(first);
  if (!document || !document->root().is_object()) return true;
  const json::Value root = document->root();
  return std::none_of(root.begin(), root.end(), [](const json::Value& member) {
    return equals_ignoring_case(json::unescape(member.key_text()), "id");
  });
}

}  // namespace

Result<std::vector<std::string>> seed_items(const json::Value& seed) {
  std::optional<json::Value> devices = seed;
  if (seed.is_object()) devices = seed.find("devices");
  if (!devices || devices->kind() != json::Kind::array) return invalid("a seed has a list of devices");
  std::vector<std::string> items;
  for (const json::Value device : *devices) {
    const std::string place = "device " + std::to_string(items.size() + 1);
    auto item = seed_item(device, "");
    if (!item) return invalid(place + ": " + item.error().detail);
    items.push_back(std::move(*item));
    const std::string id = *device.find("id")->string();
    const auto modules = device.find("modules");
    if (!modules) continue;
    if (modules->kind() != json::Kind::array) return invalid(id + ": modules must be a list");
    for (const json::Value module : *modules) {
      auto module_item = seed_item(module, id);
      if (!module_item) return invalid("a module of " + id + ": " + module_item.error().detail);
      items.push_back(std::move(*module_item));
    }
  }
  return items;
}

Result<std::unique_ptr<ImportSource>> ImportSource::open(std::unique_ptr<std::istream> in, const std::string& name,
                                                         bool strict) {
  std::string first;
  std::getline(*in, first);
  if (begins_utf16(first)) {  // its lines cannot be told apart before it is read whole
    if (!in->eof()) first += '\n';
    first.append(std::istreambuf_iterator<char>(*in), std::istreambuf_iterator<char>());
    auto text = utf8_text_of(std::move(first));
    if (!text) return invalid(name + ": " + text.error().detail);
    in = std::make_unique<std::istringstream>(std::move(*text));
    std::getline(*in, first);
  }
  drop_byte_order_mark(first);
  if (!name.ends_with(".toml") && !begins_seed(first))
    return std::unique_ptr<ImportSource>(std::make_unique<Lines>(std::move(in), std::move(first), strict));
  std::string text = std::move(first) + "\n";
  text.append(std::istreambuf_iterator<char>(*in), std::istreambuf_iterator<char>());
  return open_seed(std::move(text), name);
}

}  // namespace twinhub::cli
