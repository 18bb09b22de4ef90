// The JSON bodies of what sub-commands send to the hub, from what was typed.
#pragma once

#include "protocol/error.hpp"
#include "protocol/json/document.hpp"
#include "server/cli/commands.hpp"
#include "server/cli/configurations.hpp"
#include "server/cli/identities.hpp"
#include "server/cli/jobs.hpp"

#include <string>
#include <string_view>

namespace twinhub::cli {

/// `text` as a JSON string.
[[nodiscard]] std::string json_text(std::string_view text);
/// Of PUT /devices/{id}.
[[nodiscard]] std::string new_device_body(const NewDevice& device);
/// `identity` with what the update names, and the rest as it is.
[[nodiscard]] std::string updated_identity(const json::Value& identity, const DeviceUpdate& update);
/// Of PUT /jobs/v2/{id}. Errors: argument_invalid, naming the assignment, or the payload that is not JSON.
[[nodiscard]] Result<std::string> job_body(const NewJob& job);
/// `text`, the file's content, with the id, target condition and priority that the options name. Errors:
/// argument_invalid, naming the file that is no JSON object.
[[nodiscard]] Result<std::string> configuration_body(std::string text, const ConfigurationSet& options);

}  // namespace twinhub::cli
