#include "protocol/query/dates.hpp"

#include <chrono>
#include <cstdint>

namespace twinhub::query {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  /// Exactly `count` digits, worth at most `max`.
  unsigned digits(std::size_t count, unsigned max) {
    unsigned value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
        ok_ = false;
        return 0;
      }
      value = value * 10 + static_cast<unsigned>(rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (value > max) ok_ = false;
    return value;
  }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void need(char wanted) { ok_ = take(wanted) && ok_; }
  /// Ticks of a fraction of a second, any number of digits.
  std::uint64_t fraction() {
    std::uint64_t ticks = 0;
    std::uint64_t unit = ticks_per_second;
    bool any = false;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; rest_.remove_prefix(1)) {
      any = true;
      unit /= 10;
      ticks += unit * static_cast<std::uint64_t>(rest_.front() - '0');
    }
    if (!any) ok_ = false;
    return ticks;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

/// Minutes east of UTC.
std::int64_t read_zone(Reader& reader) {
  if (reader.at_end() || reader.take('Z') || reader.take('z')) return 0;
  const bool east = reader.take('+');
  if (!east) reader.need('-');
  const std::int64_t hours = reader.digits(2, 14);
  reader.take(':');
  const std::int64_t minutes = hours * 60 + reader.digits(2, 59);
  return east ? minutes : -minutes;
}

}  // namespace

std::optional<Timestamp> parse_date(std::string_view text) {
  namespace chrono = std::chrono;
  Reader reader(text);
  const chrono::year year{static_cast<int>(reader.digits(4, 9999))};
  reader.need('-');
  const chrono::month month{reader.digits(2, 12)};
  reader.need('-');
  const chrono::year_month_day date = year / month / chrono::day{reader.digits(2, 31)};
  if (!reader.ok() || !date.ok()) return std::nullopt;

  std::int64_t seconds = (chrono::sys_days{date} - chrono::sys_days{chrono::year{1} / 1 / 1}).count() * 86'400;
  std::uint64_t fraction = 0;
  if (!reader.at_end()) {
    if (!reader.take('T') && !reader.take('t')) reader.need(' ');
    seconds += std::int64_t{reader.digits(2, 23)} * 3600;
    reader.need(':');
    seconds += std::int64_t{reader.digits(2, 59)} * 60;
    if (reader.take(':')) {
      seconds += reader.digits(2, 59);
      if (reader.take('.')) fraction = reader.fraction();
    }
    seconds -= read_zone(reader) * 60;
  }
  if (!reader.ok() || !reader.at_end() || seconds < 0) return std::nullopt;
  return Timestamp{static_cast<std::uint64_t>(seconds) * ticks_per_second + fraction};
}

}  // namespace twinhub::query
