// Why does this device not connect: how far it has come since somebody began to wait for it, in four steps. A peer that
// fails early has not said who it is, and one with a wrong name has said another, so that their notices count, too.
#pragma once

#include "protocol/ids.hpp"
#include "server/hub/hub.hpp"
#include "server/notices/notices.hpp"

#include <string>

namespace twinhub::console {

/// Both outlive the call.
struct DoctorParts {
  const hub::Hub& hub;
  const notices::Notices& notices;
};

/// {"deviceId":...,"steps":[{"step":"tcp","state":"ok","detail":"10.0.3.7"},...],"notices":[...],"revision":N}
///
///   step   tcp, tls, connect (who it is), twin (it read its twin, or sent something)
///   state  waiting, ok, failed; with `reason`, `sentence` and `hint` where there is one
[[nodiscard]] std::string doctor_json(const DoctorParts& parts, const std::string& device, Timestamp since);

}  // namespace twinhub::console
