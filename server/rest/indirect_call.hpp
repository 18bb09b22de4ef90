// A request that came in at another door, in the place of a connection among a lane's sessions: handlers answer it as
// they answer any.
#pragma once

#include "server/rest/http_session.hpp"
#include "server/rest/rest_door.hpp"

#include <cstdint>
#include <memory>

namespace twinhub::rest {

[[nodiscard]] std::shared_ptr<HttpSession> make_indirect_call(RestLane& lane, std::uint64_t id, IndirectRequest call);

}  // namespace twinhub::rest
