#include "config/url.hpp"

#include <algorithm>

namespace twinhub::config {
namespace {

/// Source: RFC 3986, 3.2: the authority ends at the first '/', '?' or '#'. A backslash ends it too: browsers read it so,
/// and a name before it must not be taken for the host.
struct Parts {
  std::string_view scheme;     ///< with "://"
  std::string_view authority;  ///< with what is before '@'
  std::string_view path;
  std::string_view query;  ///< with its '?' or '#'
};

Parts parts_of(std::string_view url) {
  Parts parts;
  const std::size_t colon = url.find("://");
  if (colon != std::string_view::npos) parts.scheme = url.substr(0, colon + 3);
  std::string_view rest = url.substr(parts.scheme.size());
  parts.authority = rest.substr(0, std::min(rest.find_first_of("/?#\\"), rest.size()));
  rest.remove_prefix(parts.authority.size());
  parts.path = rest.substr(0, std::min(rest.find_first_of("?#"), rest.size()));
  parts.query = rest.substr(parts.path.size());
  return parts;
}

}  // namespace

std::string shown_url(std::string_view url) {
  const Parts parts = parts_of(url);
  const std::size_t at = parts.authority.rfind('@');
  std::string shown(parts.scheme);
  shown += at == std::string_view::npos ? parts.authority : parts.authority.substr(at + 1);
  return shown.append(parts.path);
}

bool has_userinfo(std::string_view url) { return parts_of(url).authority.find('@') != std::string_view::npos; }

bool has_query(std::string_view url) { return !parts_of(url).query.empty(); }

}  // namespace twinhub::config
