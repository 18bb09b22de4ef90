// A connection on its way to its I/O thread: closed when that thread ends before the connection comes there.
#pragma once

#include "server/net/admission.hpp"

#include <unistd.h>
#include <utility>

namespace twinhub::net {

struct Arrival {
  Arrival(int descriptor_in, Place place_in) : descriptor(descriptor_in), place(std::move(place_in)) {}
  Arrival(Arrival&& other) noexcept : descriptor(std::exchange(other.descriptor, -1)), place(std::move(other.place)) {}
  Arrival& operator=(Arrival&&) = delete;
  ~Arrival() {
    if (descriptor < 0) return;
    place.leave();
    ::close(descriptor);
  }
  /// The descriptor is the caller's from here on.
  [[nodiscard]] int release() { return std::exchange(descriptor, -1); }

  int descriptor;
  Place place;
};

}  // namespace twinhub::net
