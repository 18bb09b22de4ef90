// What clients read before they log in: where the token endpoint is, and what a token is to be asked for.
//
// The authority looks like an ADFS server (a log-in endpoint that ends in /adfs): MSAL asks login.microsoftonline.com
// about every other host that it does not know, which no local hub can wait for. The shape of Microsoft Entra ID,
// /{tenant}/oauth2/v2.0, is answered beside it for clients that can be told not to ask.
// Source: azure-cli core/cloud.py, msal authority.py, go-azure-sdk sdk/environments/metadata.go.
#pragma once

#include <string>
#include <string_view>

namespace twinhub::management {

/// The first segment of the ADFS-shaped authority's paths, and with that its tenant.
inline constexpr std::string_view adfs = "adfs";

/// GET /metadata/endpoints. `host`: what the client dialled, port included. An unknown or absent version is answered as
/// 2015-01-01, az's.
[[nodiscard]] std::string cloud_metadata(std::string_view host, std::string_view tenant, std::string_view api_version);

/// GET .../.well-known/openid-configuration of the authority `https://host/tenant`; `tenant`: a GUID, or `adfs`.
[[nodiscard]] std::string openid_configuration(std::string_view host, std::string_view tenant);

}  // namespace twinhub::management
