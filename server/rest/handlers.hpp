// What every route's handler looks like; one file per noun holds them.
#pragma once

#include "protocol/ids.hpp"
#include "server/hub/twins.hpp"
#include "server/rest/request.hpp"
#include "server/rest/rest_lane.hpp"

namespace twinhub::rest {

/// What the route's pattern and the api-version said.
struct Call {
  IdentityId id;  ///< {id} and {mid}
  hub::Twins::Dialect dialect;
};

/// Answers through `reply`, now or later, exactly once.
using Handler = void (*)(Reply reply, const Request& request, const Call& call);

// devices.cpp: device and module identities
void list_devices(Reply reply, const Request& request, const Call& call);
void list_modules(Reply reply, const Request& request, const Call& call);
void put_identity(Reply reply, const Request& request, const Call& call);
void get_identity(Reply reply, const Request& request, const Call& call);
void delete_identity(Reply reply, const Request& request, const Call& call);

// certificates.cpp: CAs that devices' certificates may lead to
void list_certificates(Reply reply, const Request& request, const Call& call);
void get_certificate(Reply reply, const Request& request, const Call& call);
void put_certificate(Reply reply, const Request& request, const Call& call);
void delete_certificate(Reply reply, const Request& request, const Call& call);
void generate_verification_code(Reply reply, const Request& request, const Call& call);
void verify_certificate(Reply reply, const Request& request, const Call& call);

// twins.cpp: device and module twins
void get_twin(Reply reply, const Request& request, const Call& call);
void patch_twin(Reply reply, const Request& request, const Call& call);
void replace_twin(Reply reply, const Request& request, const Call& call);

}  // namespace twinhub::rest
