#include "protocol/iothub/sas_scope.hpp"

#include "protocol/ascii.hpp"
#include "protocol/iothub/property_bag.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace twinhub::iothub {
namespace {

/// Without the scheme that Event Hubs clients and some SDKs put in front of the host. Nowhere else: what stands behind
/// the host is anybody's choice.
std::string_view without_scheme(std::string_view resource) {
  constexpr std::array<std::string_view, 5> schemes{"sb", "amqps", "amqp", "https", "http"};
  const std::size_t end = resource.find("://");
  const bool has_scheme =
      end != std::string_view::npos && std::any_of(schemes.begin(), schemes.end(), [&](std::string_view scheme) {
        return equals_ignoring_case(scheme, resource.substr(0, end));
      });
  return has_scheme ? resource.substr(end + 3) : resource;
}

/// The path behind the host.
ResourcePath path_behind_host(std::string_view resource) {
  const std::size_t slash = resource.find('/');
  ResourcePath path;
  if (slash != std::string_view::npos) path = resource_path(resource.substr(slash));
  // Tokens made by the old portal end in "/api-version=2016-11-14" (azure-docs iot-mqtt-connect-to-iot-hub). Where an
  // id stands (every second segment) it is an id.
  constexpr std::string_view version = "api-version=";
  if (path.size() % 2 == 1 && equals_ignoring_case(path.back().substr(0, version.size()), version)) path.pop_back();
  return path;
}

/// A host can stand in front of the path: what was encoded once too often, say, names no host, and with it not the whole
/// hub.
bool has_host(std::string_view resource) {
  const std::string decoded = percent_decode(without_scheme(resource));
  std::string_view host = without_scheme(decoded);
  host = host.substr(0, host.find('/'));
  static constexpr std::string_view marks = ".-_:[]";
  return !decoded.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z') ||
           marks.find(c) != std::string_view::npos;
  });
}

/// Whole segments only: "devices/dev" covers "devices/dev/modules/m", never "devices/dev1".
bool is_prefix(const ResourcePath& of_token, const ResourcePath& wanted) {
  return of_token.size() <= wanted.size() &&
         std::equal(of_token.begin(), of_token.end(), wanted.begin(), equals_ignoring_case);
}

/// The readings of `sr`, the literal one first: as it stands where it has not been encoded as a whole, then decoded, then
/// with its segments decoded again.
std::vector<ResourcePath> readings_of(std::string_view resource) {
  std::vector<ResourcePath> readings;
  const std::string_view raw = without_scheme(resource);
  const bool may_be_literal = raw.find('/') != std::string_view::npos;
  if (may_be_literal) readings.push_back(path_behind_host(raw));
  const std::string decoded = percent_decode(raw);
  const bool is_encoded_whole = raw.size() == resource.size() && !may_be_literal;  // the scheme, too
  readings.push_back(path_behind_host(is_encoded_whole ? without_scheme(decoded) : decoded));
  ResourcePath again = readings.back();
  for (std::string& segment : again) segment = percent_decode(segment);
  readings.push_back(std::move(again));
  return readings;
}

/// Who is named by the first segments of a path; nullopt where nobody is.
std::optional<IdentityId> identity_in(const ResourcePath& path) {
  if (path.size() < 2) return std::nullopt;
  const bool of_device = equals_ignoring_case(path[0], "devices") || equals_ignoring_case(path[0], "twins") ||
                         equals_ignoring_case(path[0], "digitaltwins");
  if (!of_device) return std::nullopt;
  IdentityId id{path[1], ""};
  if (path.size() >= 4 && equals_ignoring_case(path[2], "modules")) id.module = path[3];
  return id;
}

/// `id` as it would stand in a path of the same depth as `named`.
bool is_named_by(const IdentityId& named, const IdentityId& id) {
  return named.device == id.device && (named.module.empty() || named.module == id.module);
}

}  // namespace

ResourcePath resource_path(std::string_view path) {
  ResourcePath segments;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) segments.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return segments;
}

ResourcePath resource_path(const IdentityId& id) {
  if (id.is_module()) return {"devices", id.device, "modules", id.module};
  return {"devices", id.device};
}

ResourcePath path_named_by(std::string_view resource) { return readings_of(resource).front(); }

std::optional<IdentityId> identity_named_by(const ResourcePath& path) { return identity_in(path); }

namespace {

bool names(std::string_view resource, const ResourcePath& wanted) {
  const auto readings = readings_of(resource);
  return std::any_of(readings.begin(), readings.end(), [&](const ResourcePath& reading) {
    return reading.size() == wanted.size() && is_prefix(reading, wanted);
  });
}

}  // namespace

bool names_identity(std::string_view resource, const IdentityId& id) { return names(resource, resource_path(id)); }

bool names_modules_of(std::string_view resource, const IdentityId& device) {
  return names(resource, {"devices", device.device, "modules"});
}

bool policy_covers(std::string_view resource, const ResourcePath& wanted,
                   const std::function<bool(const IdentityId&)>& exists) {
  if (!has_host(resource)) return false;
  const auto readings = readings_of(resource);
  const auto wanted_id = identity_in(wanted);
  bool covers = false;
  for (const ResourcePath& reading : readings) {
    const bool fits = is_prefix(reading, wanted);
    covers = covers || fits;
    const auto named = identity_in(reading);
    if (!named || !wanted_id) continue;
    if (is_named_by(*named, *wanted_id)) return fits;
    // Whoever bears this name is meant, and nobody that a later reading or another case would give.
    if (named->device != wanted_id->device && exists({named->device, ""})) return false;
    if (named->is_module() && exists(*named)) return false;
  }
  return covers;
}

}  // namespace twinhub::iothub
