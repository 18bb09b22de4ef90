#include "server/cli/twin.hpp"

#include "protocol/iothub/property_bag.hpp"
#include "server/cli/command_line.hpp"
#include "server/cli/credentials.hpp"
#include "server/cli/event_stream.hpp"
#include "server/cli/hub_call.hpp"
#include "server/cli/text_output.hpp"

#include <chrono>
#include <iostream>
#include <thread>
#include <utility>

namespace twinhub::cli {
namespace {

constexpr std::chrono::seconds retry_after{1};
constexpr std::string_view sources = "TwinChangeEvents,DeviceLifecycleEvents,DeviceConnectionStateEvents";

std::string clock_of(const std::string& iso8601) {
  constexpr std::size_t begin = std::string_view("2026-11-23T").size();
  constexpr std::size_t size = std::string_view("05:40:00.123").size();
  std::string text = iso8601.size() > begin ? iso8601.substr(begin) : "";
  if (!text.empty() && text.back() == 'Z') text.pop_back();
  if (text.find('.') == std::string::npos) text += '.';
  text.resize(size, '0');
  return text;
}

std::string changed(const json::Value& section) {
  std::string text = with_member(section, "$version", "");
  const auto document = json::parse(text);
  return document ? with_member(document->root(), "$metadata", "") : text;
}

/// One line for each section of a twin that an event tells of.
void print_twin_change(const std::string& when, const json::Value& body, bool replaced) {
  const std::string_view what = replaced ? " replaced" : "";
  const auto tags = body.find("tags");
  if (tags) std::cout << when << "  tags" << what << "  " << tags->text() << "\n";
  for (const std::string_view name : {"desired", "reported"}) {
    const auto section = value_at(body, {"properties", name});
    if (!section || (replaced && name == "reported")) continue;
    std::cout << when << "  " << name << what << " v" << cell_of(section->find("$version")) << "  " << changed(*section)
              << "\n";
  }
}

void print_change(const json::Value& event) {
  const std::string when = clock_of(text_at(event, "enqueuedTime"));
  const std::string operation = cell_of(value_at(event, {"properties", "opType"}));
  const auto body = event.find("body");
  if (body && (operation == "updateTwin" || operation == "replaceTwin")) {
    print_twin_change(when, *body, operation == "replaceTwin");
  } else if (operation == "deviceConnected" || operation == "deviceDisconnected") {
    std::cout << when << "  " << (operation == "deviceConnected" ? "connected" : "disconnected") << "\n";
  } else if (operation == "createDeviceIdentity" || operation == "deleteDeviceIdentity") {
    std::cout << when << "  " << (operation == "createDeviceIdentity" ? "created" : "deleted") << "\n";
  }
  std::cout.flush();
}

/// The events of one identity, over restarts of the hub.
class Watch {
 public:
  Watch(const config::Settings& settings, const TwinWatch& options) : settings_(settings), options_(options) {}

  int run() {
    // The stream first: what changes while the twin is read is seen twice rather than never.
    auto stream = EventStream::open(settings_, query("now"));
    if (!stream) return report(stream.error());
    if (const int shown = show(); shown != exit_ok) return shown;
    while (true) {
      auto event = stream->next();
      if (!event) {
        std::cerr << "twinhub: " << event.error().detail << "; waiting for the hub\n";
        stream = open_again();
        if (!stream) return report(stream.error());
        std::cerr << "twinhub: the hub is back\n";
        continue;
      }
      position_ = event->position;
      if (!print(event->data)) continue;
      if (!output_is_open()) return exit_failed;
      if (options_.count > 0 && ++printed_ == options_.count) return exit_ok;
    }
  }

 private:
  [[nodiscard]] std::string query(const std::string& from) const {
    return "device=" + iothub::percent_encode(options_.id.device) + "&source=" + iothub::percent_encode(sources) +
           "&from=" + iothub::percent_encode(from);
  }

  int show() {
    const auto body = call_hub(settings_, "GET", twin_path(options_.id));
    if (!body) return report(body.error());
    started_ = std::chrono::system_clock::now();
    const auto document = json::parse(*body);
    if (!document || options_.json) return exit_ok;
    const json::Value twin = document->root();
    std::cout << options_.id.device << (options_.id.is_module() ? "/" + options_.id.module : "") << "  "
              << text_at(twin, "status") << ", " << text_at(twin, "connectionState") << ", desired v"
              << cell_of(value_at(twin, {"properties", "desired", "$version"})) << ", reported v"
              << cell_of(value_at(twin, {"properties", "reported", "$version"})) << "; times are UTC" << std::endl;
    return exit_ok;
  }

  /// Waits until the hub is back. A hub that answers but takes the place no more (its log has been cut) is watched from
  /// now on.
  Result<EventStream> open_again() {
    while (true) {
      std::this_thread::sleep_for(retry_after);
      std::string from = position_;
      if (from.empty()) {
        const auto ago = std::chrono::duration_cast<std::chrono::seconds>(started_.time_since_epoch()).count();
        from = to_iso8601(timestamp_from_unix(ago));
      }
      auto stream = EventStream::open(settings_, query(from));
      if (stream) return stream;
      if (stream.error().code != Errc::service_unavailable) return EventStream::open(settings_, query("now"));
    }
  }

  /// False: it is of the device or another module of it, and told to nobody.
  bool print(const std::string& data) const {
    const auto document = json::parse(data);
    if (!document || text_at(document->root(), "moduleId") != options_.id.module) return false;
    if (options_.json) {
      std::cout << data << std::endl;
    } else {
      print_change(document->root());
    }
    return true;
  }

  const config::Settings& settings_;
  const TwinWatch& options_;
  std::string position_;  ///< behind the last event; "" = there was none yet
  std::chrono::system_clock::time_point started_;
  std::uint64_t printed_ = 0;
};

}  // namespace

int watch_twin(const config::Settings& settings, const TwinWatch& options) { return Watch(settings, options).run(); }

}  // namespace twinhub::cli
