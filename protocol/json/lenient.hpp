// JSON as IoT Hub's own parser takes it on the service API: texts in single quotes, commas behind the last member,
// comments, names without quotes, a byte order mark. Here such a text becomes strict JSON, which alone is parsed, kept
// and handed on. For bodies of REST requests; a device speaks strict JSON.
//
// The grammar is that of Newtonsoft.Json's JsonTextReader, which .NET services of IoT Hub's age read bodies with
// (Microsoft's .NET tutorial for direct methods sends a payload in single quotes). Taken, beyond RFC 8259:
//   strings and names in ' or ", with \' as an escape, and control characters and line ends as they are;
//   names without quotes, of letters and digits of the Basic Multilingual Plane, _ and $;
//   one comma behind the last member or element; comments of both forms, except between a name and its colon;
//   numbers as .5, 5., -012 (decimal), 0x1F (hexadecimal) and 017 (octal), of 64 bits where they have another base;
//   the escape of half a surrogate pair, which becomes U+FFFD;
//   Unicode's white space, NUL bytes between tokens, and a byte order mark in front.
// Refused, though the reader knows them, since strict JSON cannot say them: NaN, Infinity, undefined, constructors and
// elements left out ([1,,2]). Bytes that are not UTF-8 are refused too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace twinhub::json {

/// True when lenient reading would change nothing: the text is strict JSON, or broken in ways that nobody forgives.
/// False for a few texts that are strict after all, which costs them time alone. One pass.
[[nodiscard]] bool reads_as_strict(std::string_view text);

/// The strict form of a lenient text: what parse() takes, but for numbers beyond a double and texts that are too long.
/// nullopt for a text outside of the grammar above, and for one that is nested deeper than depth_max.
[[nodiscard]] std::optional<std::string> strict_text_of(std::string_view lenient);

/// Makes `body` strict where it is lenient, and leaves it as it is where it is strict, or nothing at all: then parse()
/// says what is wrong with it.
void make_strict(std::string& body);

}  // namespace twinhub::json
