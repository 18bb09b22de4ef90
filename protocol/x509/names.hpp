// Whom a certificate names, for people.
#pragma once

#include "protocol/x509/certificate.hpp"

#include <string>

namespace twinhub::x509 {

/// "subject CN=pump-7, issuer CN=plant CA", in ASCII with escapes.
[[nodiscard]] std::string names_of(const Certificate& certificate);

}  // namespace twinhub::x509
