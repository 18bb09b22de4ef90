// The values that name and date things, as distinct types: IdentityId, Timestamp, and etags with If-Match.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace twinhub {

/// The owner of a twin, a session or a connection: a device, or a module of a device. Case-sensitive.
struct IdentityId {
  std::string device;
  std::string module;  ///< empty for the device itself

  [[nodiscard]] bool is_module() const { return !module.empty(); }
  auto operator<=>(const IdentityId&) const = default;
  bool operator==(const IdentityId&) const = default;
};

/// True when `id` may name a device or module: 1 to 128 of A-Z a-z 0-9 - : . + % _ # * ? ! ( ) , = @ ; $ '.
/// Source: azure-docs iot-hub-devguide-identity-registry; azure-iot-sdk-csharp's device id pattern.
[[nodiscard]] bool is_valid_id(std::string_view id);

/// A moment in UTC as 100 ns ticks since 0001-01-01T00:00:00, as .NET and so IoT Hub count. 0 is the "null date".
struct Timestamp {
  std::uint64_t ticks = 0;

  auto operator<=>(const Timestamp&) const = default;
};

inline constexpr std::uint64_t ticks_per_second = 10'000'000;
/// Ticks from 0001-01-01 to 1970-01-01.
inline constexpr std::uint64_t unix_epoch_ticks = 621'355'968'000'000'000;

/// Appends "2026-11-23T05:40:00.1234567Z": up to 7 fractional digits, trailing zeros trimmed, none when zero.
void append_iso8601(std::string& out, Timestamp at);
[[nodiscard]] std::string to_iso8601(Timestamp at);
/// "MM/dd/yyyy HH:mm:ss", the form inside IoT Hub's tracking ids.
[[nodiscard]] std::string to_tracking_time(Timestamp at);
/// "Sat, 31 Dec 2039 23:59:59 GMT" (RFC 1123), the form of dates in Azure Resource Manager's certificates.
[[nodiscard]] std::string to_rfc1123(Timestamp at);
[[nodiscard]] Timestamp timestamp_from_unix(std::int64_t seconds, std::uint32_t nanoseconds = 0);

/// Twin etag: base64 of an 8-byte big-endian counter; 1 is "AAAAAAAAAAE=". Unquoted.
[[nodiscard]] std::string twin_etag(std::uint64_t counter);
/// Identity etag: base64 of the ASCII decimal digits of `number`. Unquoted.
[[nodiscard]] std::string identity_etag(std::uint64_t number);

/// The condition of an If-Match header.
struct IfMatch {
  bool present = false;  ///< the header was sent, with an etag in it
  bool any = false;      ///< `*` or `"*"`
  std::string etag;      ///< without its quotes, when not `any`

  /// True when a write to a record that now has `current` (unquoted) may go on. An absent header allows it.
  [[nodiscard]] bool allows(std::string_view current) const { return !present || any || etag == current; }
  /// Whether a PUT that creates or updates is an update.
  [[nodiscard]] bool wants_existing() const { return present; }
};
/// Reads the header's text; nullopt = the header is absent. Takes quoted, unquoted and weak-free forms alike. An empty
/// etag is no header: the .NET package Azure.Iot.Hub.Service sends `""` for every object whose etag it does not know, and
/// means no condition (azure-sdk-for-net, pull request 12611); the cloud answers a PUT that has it as one without (its
/// recorded sessions, such as DevicesClient_DeviceTwinLifecycle.json).
[[nodiscard]] IfMatch parse_if_match(std::optional<std::string_view> header);

/// Two upper-case digits for each byte.
[[nodiscard]] std::string hex_encode(std::string_view bytes);
[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Strict (RFC 4648, padded); nullopt for anything else.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace twinhub

template <>
struct std::hash<twinhub::IdentityId> {
  std::size_t operator()(const twinhub::IdentityId& id) const noexcept {
    const std::size_t device = std::hash<std::string>{}(id.device);
    return id.module.empty() ? device : device * 1'099'511'628'211U ^ std::hash<std::string>{}(id.module);
  }
};
