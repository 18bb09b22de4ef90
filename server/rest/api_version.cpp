#include "server/rest/api_version.hpp"

namespace twinhub::rest {
namespace {

constexpr std::string_view oldest = "2016-02-03";
constexpr std::string_view arrays_since = "2019-10-01";
constexpr std::string_view model_id_since = "2020-09-30";

bool is_version(std::string_view text) {
  constexpr std::string_view shape = "0000-00-00";
  if (text.size() < shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !is_digit : text[i] != shape[i]) return false;
  }
  const std::string_view rest = text.substr(shape.size());
  return rest.empty() || rest == "-preview";
}

}  // namespace

Result<hub::Twins::Dialect> dialect_of(const Request& request) {
  const auto version = request.parameter("api-version");
  if (!version || !is_version(*version) || version->substr(0, oldest.size()) < oldest) {
    return fail(Errc::invalid_protocol_version,
                version ? "The api-version '" + std::string(version->substr(0, 32)) + "' is not supported."
                        : "The query parameter api-version is missing.");
  }
  // Dates in this form compare as text.
  const std::string_view date = version->substr(0, oldest.size());
  return hub::Twins::Dialect{.arrays_allowed = date >= arrays_since, .show_model_id = date >= model_id_since};
}

}  // namespace twinhub::rest
