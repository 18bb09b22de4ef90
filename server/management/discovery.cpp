#include "server/management/discovery.hpp"

#include "protocol/json/text.hpp"

#include <initializer_list>
#include <utility>

namespace twinhub::management {
namespace {

using Member = std::pair<std::string_view, std::string>;

std::string text_of(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

std::string object_of(std::initializer_list<Member> members) {
  std::string out = "{";
  for (const auto& [name, value] : members) {
    if (out.size() > 1) out += ',';
    json::append_key(out, name);
    out += value;
  }
  return out + "}";
}

std::string url_of(std::string_view host, std::string_view path) {
  return "https://" + std::string(host) + std::string(path);
}

/// What az and Azure PowerShell read when a cloud is registered by its Resource Manager's address alone.
std::string metadata_2015(std::string_view host) {
  const std::string here = url_of(host, "/");
  return object_of({
      {"galleryEndpoint", text_of(here)},
      {"graphEndpoint", text_of(here)},
      {"portalEndpoint", text_of(here)},
      {"authentication", object_of({
                             {"loginEndpoint", text_of(url_of(host, "/adfs"))},
                             {"audiences", "[" + text_of(here) + "]"},
                             {"tenant", text_of(adfs)},
                             {"identityProvider", text_of("ADFS")},
                         })},
  });
}

/// What Terraform's azurerm and the Go SDK read. Services that this hub has not got have empty names.
std::string metadata_2019(std::string_view host, std::string_view tenant) {
  const std::string here = url_of(host, "/");
  return object_of({
      {"name", text_of("twinhub")},
      {"resourceManager", text_of(here)},
      {"authentication", object_of({
                             {"loginEndpoint", text_of(url_of(host, ""))},
                             {"audiences", "[" + text_of(here) + "]"},
                             {"tenant", text_of(tenant)},
                             {"identityProvider", text_of("AAD")},
                         })},
      {"graph", text_of(here)},
      {"graphAudience", text_of(here)},
      {"microsoftGraphResourceId", text_of(here)},
      {"media", text_of("")},
      {"batch", text_of("")},
      {"gallery", text_of(here)},
      {"portal", text_of(here)},
      {"sqlManagement", text_of("")},
      {"suffixes", object_of({
                       {"keyVaultDns", text_of("")},
                       {"storage", text_of("")},
                       {"sqlServerHostname", text_of("")},
                       {"acrLoginServer", text_of("")},
                   })},
  });
}

}  // namespace

std::string cloud_metadata(std::string_view host, std::string_view tenant, std::string_view api_version) {
  // Versions are dates, so that their order is that of their texts.
  if (api_version >= "2022-09-01") return metadata_2019(host, tenant);
  if (api_version >= "2018-05-01") return "[" + metadata_2019(host, tenant) + "]";
  return metadata_2015(host);
}

std::string openid_configuration(std::string_view host, std::string_view tenant) {
  const std::string authority = url_of(host, "/" + std::string(tenant));
  const bool is_adfs = tenant == adfs;
  const std::string oauth2 = authority + (is_adfs ? "/oauth2" : "/oauth2/v2.0");
  return object_of({
      {"issuer", text_of(is_adfs ? authority : authority + "/v2.0")},
      {"authorization_endpoint", text_of(oauth2 + "/authorize")},
      {"token_endpoint", text_of(oauth2 + "/token")},
      {"jwks_uri", text_of(authority + "/discovery/keys")},
      {"token_endpoint_auth_methods_supported", R"(["client_secret_post"])"},
      {"grant_types_supported", R"(["client_credentials"])"},
      {"response_types_supported", R"(["token"])"},
      {"subject_types_supported", R"(["public"])"},
      {"id_token_signing_alg_values_supported", R"(["HS256"])"},
  });
}

}  // namespace twinhub::management
