#include "server/rest/request.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "server/net/request_head.hpp"

#include <algorithm>

namespace twinhub::rest {

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

bool is_message_header(std::string_view name) {
  constexpr std::string_view prefix = "iothub-";
  return equals_ignoring_case(name.substr(0, prefix.size()), prefix) || equals_ignoring_case(name, "content-type") ||
         equals_ignoring_case(name, "content-encoding") || equals_ignoring_case(name, "dt-subject");
}

void read_target(std::string_view target, Request& request) {
  target = net::split_target(target).path;
  const std::size_t question = target.find('?');
  if (question != std::string_view::npos) {
    for (iothub::Property& property : iothub::parse_property_bag(target.substr(question + 1))) {
      request.query.emplace_back(std::move(property.name), property.value.value_or(""));
    }
  }
  request.path = iothub::percent_decode(target.substr(0, question));
  while (request.path.size() > 1 && request.path.back() == '/') request.path.pop_back();
  std::string_view rest = request.path;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    request.segments.emplace_back(rest.substr(0, slash));
    rest.remove_prefix(slash);
  }
}

}  // namespace twinhub::rest
