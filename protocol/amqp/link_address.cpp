#include "protocol/amqp/link_address.hpp"

#include "protocol/ascii.hpp"
#include "protocol/iothub/property_bag.hpp"

#include <algorithm>

namespace twinhub::amqp {
namespace {

constexpr std::size_t address_bytes_max = 1024;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

}  // namespace

std::optional<std::vector<std::string>> parse_link_address(std::string_view address) {
  if (address.size() > address_bytes_max) return std::nullopt;
  if (const std::size_t scheme = address.find("://"); scheme != std::string_view::npos) {
    const std::size_t slash = address.find('/', scheme + 3);
    address = slash == std::string_view::npos ? std::string_view() : address.substr(slash);
  }
  std::vector<std::string> segments;
  for (const std::string_view part : split(address)) segments.push_back(iothub::percent_decode(part));
  return segments;
}

std::optional<std::vector<std::string>> match_address(std::string_view pattern,
                                                      const std::vector<std::string>& segments) {
  std::vector<std::string> taken;
  std::size_t at = 0;
  for (const std::string_view part : split(pattern)) {
    if (part == "**") {
      taken.insert(taken.end(), segments.begin() + static_cast<std::ptrdiff_t>(at), segments.end());
      return taken;
    }
    if (at == segments.size()) return std::nullopt;
    if (part == "{}") {
      taken.push_back(segments[at]);
    } else if (!equals_ignoring_case(part, segments[at])) {
      return std::nullopt;
    }
    ++at;
  }
  if (at != segments.size()) return std::nullopt;
  return taken;
}

}  // namespace twinhub::amqp
