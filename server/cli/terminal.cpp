#include "server/cli/terminal.hpp"

#include "protocol/utf8.hpp"

#include <algorithm>
#include <ostream>
#include <streambuf>

namespace twinhub::cli {
namespace {

/// Bytes at the end that may become a character with those to come.
std::size_t open_end(std::string_view text) {
  for (std::size_t bytes = 1; bytes <= std::min<std::size_t>(text.size(), 3); ++bytes) {
    const auto lead = static_cast<unsigned char>(text[text.size() - bytes]);
    if ((lead & 0xC0U) == 0x80U) continue;
    const std::size_t whole = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return whole > bytes ? bytes : 0;
  }
  return 0;
}

}  // namespace

std::string terminal_text(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    out += visible_text(text.substr(0, end));
    if (end == text.size()) return out;
    out += text[end];
    text.remove_prefix(end + 1);
  }
}

class TerminalGuard::Buffer final : public std::streambuf {
 public:
  explicit Buffer(std::streambuf& target) : target_(target) {}

  [[nodiscard]] std::streambuf& target() { return target_; }
  void finish() {
    put(rest_);
    rest_.clear();
  }

 private:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    rest_.append(bytes, static_cast<std::size_t>(count));
    const std::size_t whole = rest_.size() - open_end(rest_);
    const bool written = put(std::string_view(rest_).substr(0, whole));
    rest_.erase(0, whole);
    return written ? count : 0;
  }
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char byte = traits_type::to_char_type(c);
    return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
  }
  int sync() override { return target_.pubsync(); }

  bool put(std::string_view text) {
    const std::string shown = terminal_text(text);
    const auto count = static_cast<std::streamsize>(shown.size());
    return target_.sputn(shown.data(), count) == count;
  }

  std::streambuf& target_;
  std::string rest_;  ///< the beginning of a character; at most three bytes
};

TerminalGuard::TerminalGuard(std::ostream& out) : out_(out), buffer_(std::make_unique<Buffer>(*out.rdbuf())) {
  out_.rdbuf(buffer_.get());
}

TerminalGuard::~TerminalGuard() {
  buffer_->finish();
  const auto state = out_.rdstate();
  out_.rdbuf(&buffer_->target());
  out_.setstate(state);
}

}  // namespace twinhub::cli
