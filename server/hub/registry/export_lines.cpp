// BulkRegistry::export_lines(). Source: azure-docs iot-hub-bulk-identity-mgmt ("Export devices", the format of
// devices.txt).
#include "server/hub/registry/bulk_registry.hpp"

#include "protocol/json/text.hpp"
#include "server/base/answer.hpp"
#include "storage/format/keys.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::hub {
namespace {

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
    if (const auto key = base64_decode(after_key)) request.after = storage::parse_entity_key(*key);
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
    page.last_key = base64_encode(storage::entity_key(stored.id()));
    ++count;
    return true;
  });
  if (!scanned) return scanned.error();
  if (!decoded) return decoded.error();
  return page;
}

}  // namespace twinhub::hub
