// Conditions of message routes: the query language's expressions over one message.
// Source: azure-docs iot-hub-devguide-routing-query-syntax.
//
//   auto condition = query::RoutingCondition::parse("$body.temperature > 30 AND level = 'high'");
//   if (!condition) ...  // condition.error().position, .what; query::to_error(condition.error(), text) is the answer
//   class MyMessage : public query::MessageView { ... };
//   switch (condition->evaluate(message)) ...
//
// Names: `$contentType` and its kin are system properties, or an application property "$contentType" when the message
// has no such system property; `$body.a.b[0]` reads a JSON body, `$twin.tags.x`, `$twin.properties.reported.y` the twin
// of the sender; anything else is an application property, dots included. Names of properties are case-insensitive;
// keys inside body and twin are taken as written. Values of properties are strings: `AS_NUMBER(level) > 2`.
#pragma once

#include "protocol/query/ast.hpp"
#include "protocol/query/parse.hpp"
#include "protocol/query/row.hpp"
#include "protocol/query/syntax_error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub::query {

/// One message, as a condition sees it. Each part is asked for only when the condition names it. What is returned stays
/// valid during one evaluate().
class MessageView {
 public:
  virtual ~MessageView() = default;
  /// `name` without its '$', in the documentation's spelling when that knows it (contentType, contentEncoding,
  /// connectionDeviceId, connectionModuleId, connectionAuthMethod, connectionDeviceGenerationId, enqueuedTime,
  /// messageId, correlationId, userId, dt-dataschema, dt-subject, iothub-message-source, creationTimeUtc), else as
  /// written: compare ignoring case.
  [[nodiscard]] virtual std::optional<std::string_view> system_property(std::string_view name) = 0;
  /// REQUIRED to ignore case (equals_ignoring_case in lexer.hpp).
  [[nodiscard]] virtual std::optional<std::string_view> application_property(std::string_view name) = 0;
  [[nodiscard]] virtual std::string_view body() = 0;
  /// The sender's twin (TwinRow); null when it is gone. Called at most once per evaluate(), and only for `$twin`.
  [[nodiscard]] virtual Row* twin() = 0;
};

/// Immutable: any thread may evaluate it.
class RoutingCondition {
 public:
  /// `strict`: no more than IoT Hub takes (no STARTSWITH, no IN).
  [[nodiscard]] static Parsed<RoutingCondition> parse(std::string_view text, ParseOptions options = {});

  enum class Outcome : std::uint8_t {
    matched,
    not_matched,
    undefined,  ///< null or undefined: no match, and IoT Hub counts an error
  };
  /// `$body` is undefined unless contentType is application/json, contentEncoding is utf-8, utf-16 or utf-32 (in any
  /// case) and the body is JSON.
  [[nodiscard]] Outcome evaluate(MessageView& message) const;

  [[nodiscard]] bool reads_body() const { return reads_body_; }
  [[nodiscard]] bool reads_twin() const { return reads_twin_; }

 private:
  Expr expression_;
  bool reads_body_ = false;
  bool reads_twin_ = false;
};

/// The value of an enrichment's path, e.g. "$twin.tags.location": the characters of a string, else JSON text. nullopt:
/// the path is none of `$twin...`, or nothing is there.
[[nodiscard]] std::optional<std::string> twin_value(std::string_view path, Row& twin);

}  // namespace twinhub::query
