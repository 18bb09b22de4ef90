// BulkRegistry::export_lines(). Source: azure-docs iot-hub-bulk-identity-mgmt ("Export devices", the format of
// devices.txt).
#include "server/hub/bulk_registry.hpp"

#include "protocol/json/text.hpp"
#include "server/hub/answer.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {
namespace {

/// A key of a line: the ids that it stands for, base64 of device '\0' module.
std::string key_of(const storage::StoredEntity& stored) {
  return base64_encode(std::string(stored.device()) + '\0' + std::string(stored.module()));
}

std::optional<IdentityId> id_of(std::string_view key) {
  const auto text = base64_decode(key);
  const std::size_t end = text ? text->find('\0') : std::string::npos;
  if (end == std::string::npos) return std::nullopt;
  return IdentityId{text->substr(0, end), text->substr(end + 1)};
}

void append_twin(std::string& out, const twin::TwinView& twin, const iothub::ExportOptions& options) {
  if (options.etags) out.append(R"(,"twinETag":")").append(twin_etag(twin.etag_counter)).append("\"");
  out.append(R"(,"tags":)").append(twin.tags);
  out.append(R"(,"properties":{"desired":)").append(twin.desired.text);
  out.append(R"(,"reported":)").append(twin.reported.text).append("}}\n");
}

}  // namespace

Result<BulkRegistry::Lines> BulkRegistry::export_lines(std::string_view after_key, std::size_t lines,
                                                       const iothub::ExportOptions& options) const {
  storage::ScanRequest request;
  if (!after_key.empty()) {
    request.after = id_of(after_key);
    if (!request.after) return fail(Errc::argument_invalid, "The continuation token is not one of an export");
  }
  const auto snapshot = store_.snapshot();
  if (!snapshot) return unavailable();
  Lines page;
  std::size_t count = 0;
  Result<void> decoded;
  const auto scanned = (*snapshot)->scan(request, [&](const storage::StoredEntity& stored) {
    if (count == lines || page.text.size() >= export_bytes_max) {
      page.more = true;
      return false;
    }
    const auto identity = stored.identity();
    const auto twin = stored.twin();
    if (!identity || !twin) {
      decoded = identity ? twin.error() : identity.error();
      return false;
    }
    iothub::append_export(page.text, *identity, options);
    append_twin(page.text, *twin, options);
    page.last_key = key_of(stored);
    ++count;
    return true;
  });
  if (!scanned) return scanned.error();
  if (!decoded) return decoded.error();
  return page;
}

}  // namespace twinhub::hub
