#include "server/hub/limits/throttle.hpp"

#include <algorithm>

namespace twinhub::hub {
namespace {

constexpr std::uint64_t ticks_per_day = 86'400 * ticks_per_second;
constexpr std::uint64_t method_meter_bytes = 4096;

/// Operations per minute: the higher of the hub's and those of all its units.
struct PerMinute {
  double of_hub = 0;
  double of_unit = 0;
};

struct Limits {
  Operation operation;
  PerMinute s1;  ///< F1 too
  PerMinute s2;
  PerMinute s3;
};

constexpr double second = 60;  // a rate by the second, in minutes

constexpr Limits rows[] = {
    {Operation::connect, {100 * second, 12 * second}, {0, 120 * second}, {0, 6'000 * second}},
    {Operation::telemetry, {100 * second, 12 * second}, {0, 120 * second}, {0, 6'000 * second}},
    {Operation::twin_read, {100 * second, 0}, {100 * second, 10 * second}, {0, 500 * second}},
    {Operation::twin_update, {50 * second, 0}, {50 * second, 5 * second}, {0, 250 * second}},
    {Operation::registry, {0, 100}, {0, 100}, {0, 5'000}},
    {Operation::query, {0, 20}, {0, 20}, {0, 1'000}},
    // 160 KB/s, 480 KB/s, 24 MB/s, in steps of 4 KB
    {Operation::method, {0, 40 * second}, {0, 120 * second}, {0, 6'000 * second}},
    {Operation::c2d_send, {0, 100}, {0, 100}, {0, 5'000}},
    {Operation::c2d_receive, {0, 1'000}, {0, 1'000}, {0, 50'000}},
    {Operation::file_upload, {0, 100}, {0, 100}, {0, 5'000}},
    {Operation::job, {0, 100}, {0, 100}, {0, 5'000}},
    {Operation::job_device, {10 * second, 0}, {10 * second, 1 * second}, {0, 50 * second}},
    {Operation::configuration, {0, 20}, {0, 20}, {0, 20}},
};

constexpr std::string_view names[] = {"unlimited",   "connect", "telemetry",  "twin_read",    "twin_update",
                                      "registry",    "query",   "method",     "c2d_send",     "c2d_receive",
                                      "file_upload", "job",     "job_device", "configuration"};
static_assert(std::size(names) == operation_count);

/// Messages a day, and what one is metered by. The free hub has one unit.
struct Quota {
  std::uint64_t of_hub = 0;
  std::uint64_t of_unit = 0;
  std::uint64_t meter_bytes = 4096;
};

Quota quota_of(Sku sku) {
  switch (sku) {
    case Sku::f1:
      return {8'000, 0, 512};
    case Sku::s1:
      return {0, 400'000};
    case Sku::s2:
      return {0, 6'000'000};
    case Sku::s3:
      return {0, 300'000'000};
    case Sku::off:
      break;
  }
  return {};
}

/// What counts towards the day's messages. Registry and configuration operations and connections are free.
bool is_message(Operation operation) {
  switch (operation) {
    case Operation::telemetry:
    case Operation::twin_read:
    case Operation::twin_update:
    case Operation::query:
    case Operation::method:
    case Operation::c2d_send:
    case Operation::job_device:
      return true;
    default:
      return false;
  }
}

constexpr unsigned count_bits = 40;  // 300,000,000 messages of each of 200 units, and then some
constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;

std::uint64_t chunks(std::uint64_t bytes, std::uint64_t of) {
  return std::max<std::uint64_t>(1, (bytes + of - 1) / of);
}

}  // namespace

std::string_view name_of(Operation operation) { return names[static_cast<std::size_t>(operation)]; }

Throttle::Throttle(const ThrottleOptions& options, const Clock& clock)
    : clock_(clock), limits_(options.sku != Sku::off) {
  if (!limits_) return;
  burst_ticks_ = static_cast<std::uint64_t>(options.burst.count()) * ticks_per_second;
  backlog_ticks_ = static_cast<std::uint64_t>(options.backlog.count()) * ticks_per_second;
  const std::uint64_t units = options.sku == Sku::f1 ? 1 : std::max(1U, options.units);
  const Quota quota = quota_of(options.sku);
  daily_messages_ = std::max(quota.of_hub, quota.of_unit * units);
  meter_bytes_ = quota.meter_bytes;
  for (const Limits& row : rows) {
    const PerMinute& rate = options.sku == Sku::s3 ? row.s3 : options.sku == Sku::s2 ? row.s2 : row.s1;
    const double per_minute = std::max(rate.of_hub, rate.of_unit * static_cast<double>(units));
    rates_[static_cast<std::size_t>(row.operation)].interval_ticks =
        static_cast<std::uint64_t>(60.0 * static_cast<double>(ticks_per_second) / per_minute);
  }
}

Admission Throttle::take(Operation operation, std::uint64_t bytes) {
  if (!limits_) return {};
  const std::uint64_t now = clock_.steady().ticks;
  const std::uint64_t date = clock_.wall().ticks;
  // With the day's messages used up the hub does nothing at all until the next UTC day.
  if (!take_messages(0, date)) return {{}, Refusal::over_quota};
  const std::uint64_t cost = operation == Operation::method ? chunks(bytes, method_meter_bytes) : 1;
  const Admission admission = take_rate(rates_[static_cast<std::size_t>(operation)], cost, now);
  const bool counts = admission.refusal == Refusal::none && is_message(operation);
  if (counts && !take_messages(chunks(bytes, meter_bytes_), date)) return {{}, Refusal::over_quota};
  return admission;
}

Admission Throttle::take_rate(Rate& rate, std::uint64_t cost, std::uint64_t now) const {
  if (rate.interval_ticks == 0) return {};
  std::uint64_t paid_at = rate.paid_at.load(std::memory_order_relaxed);
  while (true) {
    const std::uint64_t from = std::max(paid_at, now);
    const std::uint64_t debt = from - now;
    const std::uint64_t wait = debt > burst_ticks_ ? debt - burst_ticks_ : 0;
    if (wait > backlog_ticks_) return {{}, Refusal::throttled};
    if (rate.paid_at.compare_exchange_weak(paid_at, from + cost * rate.interval_ticks, std::memory_order_relaxed)) {
      return {std::chrono::microseconds(wait / (ticks_per_second / 1'000'000)), Refusal::none};
    }
  }
}

bool Throttle::take_messages(std::uint64_t messages, std::uint64_t now) {
  const std::uint64_t day = now / ticks_per_day;
  std::uint64_t today = today_.load(std::memory_order_relaxed);
  while (true) {
    const std::uint64_t count = today >> count_bits == day ? today & count_mask : 0;
    if (count >= daily_messages_) return false;
    if (messages == 0) return true;
    const std::uint64_t after = day << count_bits | std::min(count + messages, count_mask);
    if (today_.compare_exchange_weak(today, after, std::memory_order_relaxed)) return true;
  }
}

std::uint64_t Throttle::messages_today() const {
  const std::uint64_t today = today_.load(std::memory_order_relaxed);
  return today >> count_bits == clock_.wall().ticks / ticks_per_day ? today & count_mask : 0;
}

}  // namespace twinhub::hub
