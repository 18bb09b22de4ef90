// Operations on many identities at once: the items of POST /devices, which are also the lines of an import or export.
// Source: service API 2021-04-12 ("ExportImportDevice"); azure-docs iot-hub-bulk-identity-mgmt ("Import behavior").
#pragma once

#include "protocol/error.hpp"
#include "protocol/iothub/identity.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::iothub {

inline constexpr std::size_t bulk_items_max = 100;

enum class ImportMode : std::uint8_t {
  create,
  update,
  update_if_match_etag,
  create_or_update,  ///< when an item names none
  create_or_update_if_match_etag,
  delete_identity,
  delete_if_match_etag,
  update_twin,
  update_twin_if_match_etag,
};

[[nodiscard]] constexpr bool is_delete(ImportMode mode) {
  return mode == ImportMode::delete_identity || mode == ImportMode::delete_if_match_etag;
}
[[nodiscard]] constexpr bool is_twin_only(ImportMode mode) {
  return mode == ImportMode::update_twin || mode == ImportMode::update_twin_if_match_etag;
}
[[nodiscard]] constexpr bool may_create(ImportMode mode) {
  return mode == ImportMode::create || mode == ImportMode::create_or_update ||
         mode == ImportMode::create_or_update_if_match_etag;
}

/// One item of a bulk request: the change of one identity.
struct BulkItem {
  IdentityId id;
  ImportMode mode = ImportMode::create_or_update;
  /// The identity's etag that must be there: the modes that name an etag look at it. Without one, nothing has to match.
  IfMatch if_match;
  /// The twin's. In the modes that create or update an identity it is taken where it is given.
  IfMatch twin_if_match;
  IdentityRequest request;  ///< of modes that write the identity
  /// {"tags":{..},"properties":{"desired":{..}}}, a patch of the twin; "" = the item holds no twin data. Null members
  /// are absent ones: whoever writes out a device without a twin does not want to lose it.
  std::string twin_patch;
  /// The reported properties to start with, as an object; "" = none. Only a twin that is being created takes them.
  std::string reported;
  std::optional<Error> refusal;  ///< the item alone is not valid, for this reason
};

/// Reads the body of POST /devices: a JSON array of 1 to bulk_items_max items. Names of members that say what to do
/// match case-insensitively, as tools spell them differently. Errors, of the whole: iot_hub_format_error (no array of
/// objects), argument_invalid (no item; an item without an id, with an import mode that is none),
/// too_many_devices, device_defined_multiple_times.
[[nodiscard]] Result<std::vector<BulkItem>> parse_bulk(std::string_view body);

/// One identity that could not be written.
struct BulkError {
  IdentityId id;
  std::string_view code;  ///< "DeviceNotFound"
  std::string status;     ///< in words
};
/// BulkRegistryOperationResult: {"isSuccessful":..,"errors":[..],"warnings":[]}.
[[nodiscard]] std::string bulk_result(const std::vector<BulkError>& errors);

/// The parts of an export's line for one identity.
struct ExportOptions {
  bool keys = true;   ///< symmetric keys; without them they are null, and an import makes new ones
  bool etags = true;  ///< eTag and twinETag; without them, equal contents give equal bytes
};
/// The identity's part of an export's line, its brace left open:
/// {"id":..,"moduleId":..,"eTag":..,"status":..,"statusReason":..,"authentication":{..},..
void append_export(std::string& out, const Identity& identity, const ExportOptions& options);

}  // namespace twinhub::iothub
