#include "storage/commit/format_version.hpp"

#include <string_view>

namespace twinhub::storage {
namespace {

constexpr std::string_view format_without_deltas = "1";  // becomes the newest by being opened for writing

Result<void> write_version(Engine& engine) {
  const auto batch = engine.make_batch();
  batch->put(Family::meta, format_key, format_version);
  const auto committed = engine.commit(*batch);
  if (committed.outcome != CommitOutcome::durable) return committed.error;
  return {};
}

}  // namespace

Result<void> check_known_format(std::string_view version, const std::string& place) {
  if (version == format_version || version == format_without_deltas) return {};
  return fail(Errc::service_unavailable, "the store in " + place + " has format " + std::string(version) +
                                             "; this twinhub reads format " + std::string(format_version) +
                                             ": use the version of twinhub that wrote it, or a newer one, or restore a "
                                             "backup that was made before the upgrade");
}

Result<void> check_format_version(Engine& engine, bool read_only, const std::string& place) {
  const auto found = Reading(engine).get(
      Family::meta, format_key, [](std::string_view value) -> Result<std::string> { return std::string(value); });
  if (!found) return found.error();
  if (!read_only && (!*found || **found == format_without_deltas)) return write_version(engine);
  if (!*found) return fail(Errc::service_unavailable, "the store in " + place + " has no format version");
  return check_known_format(**found, place);
}

}  // namespace twinhub::storage
