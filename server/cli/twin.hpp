// `twinhub twin`: show, set and watch a twin, of a device or a module.
#pragma once

#include "config/settings.hpp"
#include "protocol/error.hpp"
#include "protocol/ids.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace twinhub::cli {

struct TwinShow {
  IdentityId id;
  bool metadata = false;  ///< when each property was last written
  bool json = false;      ///< the whole twin, as the hub answers
};
[[nodiscard]] int show_twin(const config::Settings& settings, const TwinShow& options);

struct TwinSet {
  IdentityId id;
  std::vector<std::string> assignments;  ///< "desired.fan.speed=3", "tags.room=attic"
  std::string file;                      ///< a patch as REST takes it, "-" = standard input, "" = none
  bool replace = false;                  ///< members that are not named are removed
  std::string etag;                      ///< change only while the twin has this etag; "" = unconditionally
  bool json = false;
};
[[nodiscard]] int set_twin(const config::Settings& settings, const TwinSet& options);

/// The patch that assignments make: {"tags":{..},"properties":{"desired":{..}}}. A value that is JSON stands for itself
/// (null removes), anything else is taken as a string. Errors: argument_invalid, naming the assignment.
[[nodiscard]] Result<std::string> patch_of(const std::vector<std::string>& assignments);

struct TwinWatch {
  IdentityId id;
  bool json = false;
  std::uint64_t count = 0;  ///< ends after so many changes; 0 = never
};
/// Prints the twin's state, then each change as it comes: of the twin, of the connection, of the identity. When the hub
/// is started anew, goes on behind the last event that was printed.
[[nodiscard]] int watch_twin(const config::Settings& settings, const TwinWatch& options);

[[nodiscard]] std::string twin_path(const IdentityId& id);

}  // namespace twinhub::cli
