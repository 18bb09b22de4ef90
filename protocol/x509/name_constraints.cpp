#include "protocol/x509/name_constraints.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <algorithm>
#include <memory>

namespace twinhub::x509 {
namespace {

using Constraints = std::unique_ptr<NAME_CONSTRAINTS, decltype(&NAME_CONSTRAINTS_free)>;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string_view without_last_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

bool is_within(std::string_view name, std::string_view base) {
  name = without_last_dot(name);
  base = without_last_dot(base);
  if (base.empty()) return true;
  if (name.size() < base.size()) return false;
  const std::string_view end = name.substr(name.size() - base.size());
  if (!std::equal(end.begin(), end.end(), base.begin(), [](char a, char b) { return lower(a) == lower(b); }))
    return false;
  return end.size() == name.size() || base.front() == '.' || name[name.size() - base.size() - 1] == '.';
}

enum class Subtrees { none_of_dns, matched, not_matched, unreadable };

/// What the list's DNS entries say of `name`.
Subtrees look_up(const STACK_OF(GENERAL_SUBTREE) * list, std::string_view name) {
  auto outcome = Subtrees::none_of_dns;
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(list); ++i) {
    const GENERAL_SUBTREE* subtree = sk_GENERAL_SUBTREE_value(list, i);
    if (subtree->base->type != GEN_DNS) continue;
    if (subtree->maximum != nullptr || (subtree->minimum != nullptr && ASN1_INTEGER_get(subtree->minimum) != 0))
      return Subtrees::unreadable;
    const ASN1_IA5STRING* base = subtree->base->d.dNSName;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(base)),
                                static_cast<std::size_t>(ASN1_STRING_length(base)));
    if (is_within(name, text)) {
      outcome = Subtrees::matched;
    } else if (outcome == Subtrees::none_of_dns) {
      outcome = Subtrees::not_matched;
    }
  }
  return outcome;
}

}  // namespace

bool allows_device_id(const Certificate& ca, std::string_view device_id) {
  int found = 0;
  const Constraints constraints(
      static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(ca.get(), NID_name_constraints, &found, nullptr)),
      &NAME_CONSTRAINTS_free);
  if (!constraints) {
    ERR_clear_error();
    return found == -1;  // the CA has none; else: twice, or not to be read
  }
  const Subtrees excluded = look_up(constraints->excludedSubtrees, device_id);
  if (excluded == Subtrees::matched || excluded == Subtrees::unreadable) return false;
  const Subtrees permitted = look_up(constraints->permittedSubtrees, device_id);
  return permitted == Subtrees::none_of_dns || permitted == Subtrees::matched;
}

}  // namespace twinhub::x509
