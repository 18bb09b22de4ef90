#include "protocol/twin/metadata.hpp"

#include "protocol/twin/scan.hpp"

#include <string_view>

namespace twinhub::twin {
namespace {

class Writer {
 public:
  Writer(std::string& out, const Section& section, bool with_versions)
      : out_(out), stamp_(section.stamps.data()), with_versions_(with_versions) {}

  /// The node of the value at `at`; returns the place behind the value.
  const char* node(const char* at) {
    const Stamp& stamp = *stamp_++;
    out_ += R"({"$lastUpdated":")";
    append_time(stamp.at);
    out_ += '"';
    if (with_versions_ && stamp.version > 0) {
      out_ += R"(,"$lastUpdatedVersion":)";
      out_ += std::to_string(stamp.version);
    }
    const char* end = *at == '{' ? members(at + 1) : measure(at).end;
    out_ += '}';
    return end;
  }

 private:
  const char* members(const char* at) {
    while (*at != '}') {
      if (*at == ',') ++at;
      const char* colon = end_of_string(at + 1) + 1;
      out_ += ',';
      out_.append(at, colon + 1);
      at = node(colon + 1);
    }
    return at + 1;
  }

  /// Neighbours mostly carry one time: its text is made once.
  void append_time(Timestamp at) {
    if (time_text_.empty() || at != time_) {
      time_ = at;
      time_text_ = to_iso8601(at);
    }
    out_ += time_text_;
  }

  std::string& out_;
  const Stamp* stamp_;
  bool with_versions_;
  Timestamp time_;
  std::string time_text_;
};

}  // namespace

void append_metadata(std::string& out, const Section& section, bool with_versions) {
  Writer(out, section, with_versions).node(section.text.data());
}

}  // namespace twinhub::twin
