// Sockets that are kept open after a last answer: closing one over unread bytes would take it back.
#pragma once

#include <chrono>
#include <cstddef>

namespace twinhub::wire {

struct LingerLimits {
  std::size_t sockets_max = 512;  ///< of one door and I/O thread; beyond, they are closed at once
  std::chrono::seconds time{2};
};

}  // namespace twinhub::wire
