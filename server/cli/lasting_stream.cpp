#include "server/cli/lasting_stream.hpp"

#include "protocol/iothub/property_bag.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <thread>
#include <utility>
#include <vector>

namespace twinhub::cli {
namespace {

constexpr std::chrono::seconds retry_after{1};

/// "12,7,0,4"; nothing for a `from` of another form.
std::vector<std::uint64_t> numbers_of(std::string_view position) {
  std::vector<std::uint64_t> numbers;
  while (!position.empty()) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(position.data(), position.data() + position.size(), number);
    if (error != std::errc{} || (end != position.data() + position.size() && *end != ',')) return {};
    numbers.push_back(number);
    position.remove_prefix(std::min<std::size_t>(static_cast<std::size_t>(end - position.data()) + 1, position.size()));
  }
  return numbers;
}

/// What a stream that was asked to go on at `asked` has to say when it begins at `begun`; "" = it goes on there.
std::string words_about_gap(const std::string& asked, const std::string& begun) {
  const auto wanted = numbers_of(asked), got = numbers_of(begun);
  std::uint64_t missing = 0;
  for (std::size_t i = 0; i < wanted.size() && wanted.size() == got.size(); ++i) {
    if (got[i] < wanted[i]) return "its log is another one, or was restored from a backup; going on from its end";
    missing += got[i] - wanted[i];
  }
  return missing == 0 ? ""
                      : std::to_string(missing) +
                            " events of all kinds and devices are gone, by retention, before they "
                            "were read";
}

}  // namespace

LastingStream::LastingStream(const config::Settings& settings, std::string query, std::string position,
                             EventStream stream)
    : settings_(&settings), query_(std::move(query)), position_(std::move(position)), stream_(std::move(stream)) {}

std::string LastingStream::with_from(const std::string& query, const std::string& from) {
  return query + (query.empty() ? "" : "&") + "from=" + iothub::percent_encode(from);
}

Result<LastingStream> LastingStream::open(const config::Settings& settings, std::string query,
                                          const std::string& from) {
  auto stream = EventStream::open(settings, with_from(query, from));
  if (!stream) return stream.error();
  return LastingStream(settings, std::move(query), from, std::move(*stream));
}

Result<EventStream> LastingStream::open_again() const {
  while (true) {
    std::this_thread::sleep_for(retry_after);
    auto stream = EventStream::open(*settings_, with_from(query_, position_));
    if (stream || stream.error().code == Errc::service_unavailable) {
      if (stream) return stream;
      continue;
    }
    std::cerr << "twinhub: " << stream.error().detail << "; going on from now\n";
    return EventStream::open(*settings_, with_from(query_, "now"));
  }
}

void LastingStream::begin_at(const std::string& position) {
  if (is_resumed_) {
    if (const std::string words = words_about_gap(position_, position); !words.empty())
      std::cerr << "twinhub: " << words << "\n";
  }
  position_ = position;
}

Result<EventStream::Event> LastingStream::next() {
  while (true) {
    auto event = stream_.next();
    if (event && event->data.empty()) {
      begin_at(event->position);
      continue;
    }
    if (event) {
      position_ = event->position;
      return event;
    }
    std::cerr << "twinhub: " << event.error().detail << "; waiting for the hub\n";
    auto stream = open_again();
    if (!stream) return stream.error();
    stream_ = std::move(*stream);
    is_resumed_ = true;
    std::cerr << "twinhub: the hub is back\n";
  }
}

}  // namespace twinhub::cli
