#include "server/cli/twin.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/lasting_stream.hpp"
#include "server/cli/text_output.hpp"
#include "server/cli/twin_change.hpp"

#include <iostream>
#include <utility>

namespace twinhub::cli {
namespace {

constexpr std::string_view sources = "TwinChangeEvents,DeviceLifecycleEvents,DeviceConnectionStateEvents";

/// The events of one identity, over restarts of the hub.
class Watch {
 public:
  Watch(const config::Settings& settings, const TwinWatch& options) : settings_(settings), options_(options) {}

  int run() {
    // The stream is opened first: a change while the twin is read is shown twice rather than never.
    auto stream = LastingStream::open(settings_, query(), "now");
    if (!stream) return report(stream.error());
    if (const int shown = show(); shown != exit_ok) return shown;
    while (true) {
      const auto event = stream->next();
      if (!event) return report(event.error());
      if (!print(event->data)) continue;
      if (!output_is_open()) return exit_failed;
      if (options_.count > 0 && ++printed_ == options_.count) return exit_ok;
    }
  }

 private:
  [[nodiscard]] std::string query() const {
    return "device=" + iothub::percent_encode(options_.id.device) + "&source=" + iothub::percent_encode(sources);
  }

  int show() {
    const auto body = call_hub(settings_, "GET", twin_path(options_.id));
    if (!body) return report(body.error());
    const auto document = json::parse(*body);
    if (!document || options_.json) return exit_ok;
    const json::Value twin = document->root();
    std::cout << options_.id.device << (options_.id.is_module() ? "/" + options_.id.module : "") << "  "
              << text_at(twin, "status") << ", " << text_at(twin, "connectionState") << ", desired v"
              << cell_of(value_at(twin, {"properties", "desired", "$version"})) << ", reported v"
              << cell_of(value_at(twin, {"properties", "reported", "$version"})) << "; times are UTC" << std::endl;
    return exit_ok;
  }

  /// False: the event is of the device or another module of it, and is not printed.
  bool print(const std::string& data) const {
    const auto document = json::parse(data);
    if (!document || text_at(document->root(), "moduleId") != options_.id.module) return false;
    if (options_.json) {
      std::cout << data << std::endl;
    } else {
      std::cout << lines_of_change(document->root()) << std::flush;
    }
    return true;
  }

  const config::Settings& settings_;
  const TwinWatch& options_;
  std::uint64_t printed_ = 0;
};

}  // namespace

int watch_twin(const config::Settings& settings, const TwinWatch& options) { return Watch(settings, options).run(); }

}  // namespace twinhub::cli
