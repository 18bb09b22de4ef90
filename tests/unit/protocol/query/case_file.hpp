// The files in cases/ as data: see README.md there.
#pragma once

#include "protocol/iothub/identity.hpp"
#include "protocol/twin/document.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace twinhub::query::testing {

struct TwinDocument {
  iothub::Identity identity;
  twin::Twin twin;
  iothub::Activity activity;
};

struct Message {
  std::string name;
  std::map<std::string, std::string> system;
  std::map<std::string, std::string> properties;
  std::string body;
  std::string twin;  ///< device id
};

struct Documents {
  std::vector<std::shared_ptr<const TwinDocument>> twins;
  std::vector<std::string> jobs;  ///< canonical JSON
  std::vector<Message> messages;
};

struct Case {
  std::string where;  ///< file:line
  char kind = '>';    ///< > ? j t r
  bool strict = false;
  std::string text;
  std::shared_ptr<const Documents> documents;

  std::vector<std::string> rows;  ///< as written behind '='
  struct Refusal {
    std::size_t position = 0;
    std::string words;
  };
  std::optional<Refusal> refusal;
};

/// Throws std::runtime_error, with file and line, when the file is not what README.md says.
[[nodiscard]] std::vector<Case> read_cases(const std::string& file);

/// A twin from the JSON of a `twin` line.
[[nodiscard]] TwinDocument make_twin_document(const std::string& json);

}  // namespace twinhub::query::testing
