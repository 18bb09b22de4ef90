// Requests to a running hub as every sub-command sends them: as iothubowner, with an Error for any refusal.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "server/cli/rest_client.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace twinhub::cli {

inline constexpr std::string_view any_etag = "*";
inline constexpr std::string_view api_version = "api-version=2021-04-12";

/// The Error for an answer that is not 2xx, in the hub's words; its code decides the exit code.
[[nodiscard]] Error refusal_of(const RestAnswer& answer);

/// Returns the body of a 2xx answer. `path` without a query. Errors, for the person at the terminal: the hub cannot be
/// reached; it refuses, in its own words.
[[nodiscard]] Result<std::string> call_hub(const config::Settings& settings, std::string_view method,
                                           const std::string& path, std::string_view body = {},
                                           std::string_view if_match = {});

/// Several requests to one hub.
class HubConnection {
 public:
  /// Errors: those of target_of().
  [[nodiscard]] static Result<HubConnection> open(const config::Settings& settings);

  /// Returns a 2xx answer. The api-version is added to the path's query. A hub that is busy (429, 503) is asked again
  /// for a while. Errors as call_hub().
  [[nodiscard]] Result<RestAnswer> call(RestRequest request);
  /// As send(), but every answer that does not say "busy" is returned as it is, refusals too.
  [[nodiscard]] Result<RestAnswer> send(RestRequest request);

 private:
  explicit HubConnection(std::unique_ptr<RestConnection> connection) : connection_(std::move(connection)) {}
  std::unique_ptr<RestConnection> connection_;
};

}  // namespace twinhub::cli
