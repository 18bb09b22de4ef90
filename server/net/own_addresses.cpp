#include "server/net/own_addresses.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <array>
#include <cstdint>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include <arpa/inet.h>

namespace twinhub::net {
namespace {

/// A machine of containers may have hundreds of bridges; a certificate is sent with every handshake.
constexpr std::size_t addresses_max = 32;

/// Of /proc/net/if_inet6, whose lines are: 32 hexadecimal digits of the address, interface, prefix, scope, flags, name.
std::set<std::string> temporary_addresses() {
  constexpr unsigned long temporary = 0x01, deprecated = 0x20;  // IFA_F_TEMPORARY, IFA_F_DEPRECATED
  std::set<std::string> all;
  std::ifstream lines("/proc/net/if_inet6");
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string digits, index, prefix, scope;
    unsigned long flags = 0;
    words >> digits >> index >> prefix >> scope >> std::hex >> flags;
    if (words && (flags & (temporary | deprecated)) != 0) all.insert(digits);
  }
  return all;
}

std::string digits_of(const in6_addr& address) {
  constexpr char hexadecimal[] = "0123456789abcdef";
  std::string digits;
  for (const std::uint8_t byte : address.s6_addr) {
    digits += hexadecimal[byte >> 4U];
    digits += hexadecimal[byte & 15U];
  }
  return digits;
}

std::string text_of(int family, const void* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, bytes, text.data(), text.size()) == nullptr ? "" : text.data();
}

std::string v4_of(const sockaddr* address) {
  const in_addr& own = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  constexpr std::uint32_t link_local = 0xA9FE;  // 169.254.0.0/16
  return (ntohl(own.s_addr) >> 16U) == link_local ? "" : text_of(AF_INET, &own);
}

std::string v6_of(const sockaddr* address, const std::set<std::string>& temporary) {
  const in6_addr& own = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  const bool is_usable = !IN6_IS_ADDR_LINKLOCAL(&own) && !temporary.contains(digits_of(own));
  return is_usable ? text_of(AF_INET6, &own) : "";
}

}  // namespace

std::vector<std::string> own_addresses(const std::string& listen) {
  const bool all = listen == "::";
  if (listen != "0.0.0.0" && !all) return {listen};
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list(first, ::freeifaddrs);
  const std::set<std::string> temporary = all ? temporary_addresses() : std::set<std::string>{};
  std::set<std::string> found;
  for (const ifaddrs* each = first; each != nullptr && found.size() < addresses_max; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0 || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
    if (each->ifa_addr->sa_family == AF_INET) found.insert(v4_of(each->ifa_addr));
    if (all && each->ifa_addr->sa_family == AF_INET6) found.insert(v6_of(each->ifa_addr, temporary));
  }
  found.erase("");
  return {found.begin(), found.end()};
}

}  // namespace twinhub::net
