// Text files as people have them: editors and shells put a byte order mark in front, and PowerShell writes UTF-16.
#pragma once

#include "protocol/error.hpp"

#include <string>
#include <string_view>

namespace twinhub::cli {

/// A byte order mark says that UTF-16 follows.
[[nodiscard]] bool begins_utf16(std::string_view bytes);

/// UTF-8 without a byte order mark, whatever `bytes` were. Errors: argument_invalid for UTF-16 that is broken.
[[nodiscard]] Result<std::string> utf8_text_of(std::string bytes);

/// For a line of a file that several files were put together to.
void drop_byte_order_mark(std::string& line);

/// The whole of a JSON file, or of the standard input for "-", as strict JSON where the hub would take it (see
/// protocol/json/lenient.hpp), else as it is. Errors: argument_invalid, with the file's name.
[[nodiscard]] Result<std::string> read_json_file(const std::string& file);

}  // namespace twinhub::cli
