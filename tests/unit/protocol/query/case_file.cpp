#include "tests/unit/protocol/query/case_file.hpp"

#include "protocol/json/document.hpp"
#include "protocol/query/dates.hpp"
#include "protocol/twin/patch.hpp"

#include <fstream>
#include <stdexcept>

namespace twinhub::query::testing {
namespace {

template <class T>
T checked(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().detail);
  return std::move(*result);
}

Timestamp moment(const std::string& text) { return parse_date(text).value(); }

std::string text_of(const json::Value& object, std::string_view key) {
  const auto found = object.find(key);
  return found ? found->string().value() : "";
}

std::map<std::string, std::string> texts_of(const json::Value& object, std::string_view key) {
  std::map<std::string, std::string> texts;
  if (const auto found = object.find(key)) {
    for (const json::Value member : *found) texts[std::string(member.key_text())] = member.string().value();
  }
  return texts;
}

iothub::Identity identity_from(const json::Value& line) {
  iothub::Identity identity;
  identity.id = {text_of(line, "deviceId"), text_of(line, "moduleId")};
  identity.etag = 580089003;
  if (text_of(line, "status") == "disabled") identity.status = iothub::Status::disabled;
  if (line.find("statusReason")) identity.status_reason = text_of(line, "statusReason");
  if (line.find("statusUpdateTime")) identity.status_updated = moment(text_of(line, "statusUpdateTime"));
  if (line.find("primaryThumbprint")) {
    identity.authentication = iothub::AuthenticationType::self_signed;
    identity.primary_thumbprint = text_of(line, "primaryThumbprint");
  }
  if (const auto edge = line.find("iotEdge")) identity.iot_edge = edge->boolean().value();
  identity.device_scope = text_of(line, "deviceScope");
  if (const auto scopes = line.find("parentScopes")) {
    for (const json::Value scope : *scopes) identity.parent_scopes.push_back(scope.string().value());
  }
  return identity;
}

Message message_from(const json::Value& line) {
  return {text_of(line, "name"), texts_of(line, "system"), texts_of(line, "properties"), text_of(line, "body"),
          text_of(line, "twin")};
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

/// Reads one file, line by line.
class Reader {
 public:
  void line(const std::string& text, const std::string& where);
  std::vector<Case> take() { return std::move(cases_); }

 private:
  Documents& grow() {
    documents_ = std::make_shared<Documents>(*documents_);
    return *documents_;
  }

  std::vector<Case> cases_;
  std::shared_ptr<Documents> documents_ = std::make_shared<Documents>();
  bool strict_ = false;
};

void Reader::line(const std::string& text, const std::string& where) {
  const std::size_t space = text.find(' ');
  const std::string word = text.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : text.substr(space + 1);
  if (word == "twin") {
    grow().twins.push_back(std::make_shared<const TwinDocument>(make_twin_document(rest)));
  } else if (word == "job") {
    grow().jobs.push_back(checked(json::parse(rest)).text());
  } else if (word == "message") {
    grow().messages.push_back(message_from(checked(json::parse(rest)).root()));
  } else if (word == "strict" || word == "lenient") {
    strict_ = word == "strict";
  } else if (word.size() == 1 && std::string(">?jtr").find(word) != std::string::npos) {
    cases_.push_back({where, word.front(), strict_, rest, documents_, {}, {}});
    replace_all(cases_.back().text, "{{tab}}", "\t");
  } else if (cases_.empty()) {
    throw std::runtime_error("nothing to go on with");
  } else if (word == "|") {
    cases_.back().text += "\n" + rest;
  } else if (word == "=") {
    cases_.back().rows.push_back(rest);
  } else if (word == "!") {
    const std::size_t end = rest.find(' ');
    cases_.back().refusal = Case::Refusal{std::stoul(rest.substr(0, end)), rest.substr(end + 1)};
  } else {
    throw std::runtime_error("what is '" + word + "'?");
  }
}

/// The members of a twin that a back end may write: the line has others beside them.
std::string writable_part(const json::Value& line) {
  std::string out = "{";
  for (const std::string_view name : {"tags", "properties"}) {
    const auto member = line.find(name);
    if (!member) continue;
    if (out.size() > 1) out += ',';
    out.append("\"").append(name).append("\":").append(member->text());
  }
  return out + "}";
}

}  // namespace

TwinDocument make_twin_document(const std::string& text) {
  const auto document = checked(json::parse(text));
  const json::Value line = document.root();
  TwinDocument made;
  made.identity = identity_from(line);
  made.twin = twin::make_twin(moment("2026-11-23T10:00:00Z"));
  made.twin.model_id = text_of(line, "modelId");
  if (const auto configurations = line.find("configurations")) made.twin.configurations = configurations->text();
  made.twin = checked(twin::apply_service_patch(made.twin, writable_part(line), moment("2026-11-23T11:00:00Z"))).after;
  const auto properties = line.find("properties");
  if (const auto reported = properties ? properties->find("reported") : std::nullopt) {
    made.twin = checked(twin::apply_reported_patch(made.twin, reported->text(), {}, moment("2026-11-23T12:00:00.5Z")));
  }
  if (const auto connected = line.find("connected")) made.activity.connected = connected->boolean().value();
  if (line.find("lastActivityTime")) made.activity.last_activity = moment(text_of(line, "lastActivityTime"));
  if (const auto count = line.find("cloudToDeviceMessageCount"))
    made.activity.cloud_to_device_message_count = static_cast<std::uint32_t>(count->integer().value());
  return made;
}

std::vector<Case> read_cases(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file);
  Reader reader;
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    if (text.empty() || text.front() == '#') continue;
    const std::string where = file.substr(file.rfind('/') + 1) + ":" + std::to_string(number);
    try {
      reader.line(text, where);
    } catch (const std::exception& error) {
      throw std::runtime_error(where + ": " + error.what());
    }
  }
  return reader.take();
}

}  // namespace twinhub::query::testing
