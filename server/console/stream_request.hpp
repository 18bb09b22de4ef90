// What one stream of the console is to show, as a request says it.
//
//   GET  ?topics=events,state&device=pump-7&source=DeviceMessages&from=now&devices=pump-1,pump-2&since=TIME
//   POST {"topics":["events","state"],"device":"pump-7","sources":["DeviceMessages"],"from":"now",
//         "devices":["pump-1","pump-2"],"since":TIME}
#pragma once

#include "protocol/error.hpp"
#include "protocol/ids.hpp"
#include "server/events/event_tail.hpp"
#include "server/hub/access/authenticator.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::console {

inline constexpr std::size_t watched_devices_max = 200;

struct StreamRequest {
  // Topics
  bool events = false;
  bool state = false;
  bool notices = false;
  bool figures = false;
  bool pending = false;
  bool doctor = false;

  events::EventTail::Filter filter;  ///< of events; its device is that of notices and of the doctor, too
  std::vector<std::string> devices;  ///< of state
  Timestamp since;                   ///< of the doctor; 0 = now

  [[nodiscard]] std::vector<std::string_view> topics() const;
};

/// `query`: without its '?'. Errors: argument_invalid, in words for the one who asks.
[[nodiscard]] Result<StreamRequest> parse_stream_query(std::string_view query);
[[nodiscard]] Result<StreamRequest> parse_stream_body(std::string_view json);
/// Whether a policy with these rights may see all of it.
[[nodiscard]] bool may_see(const StreamRequest& request, hub::Right rights);

}  // namespace twinhub::console
