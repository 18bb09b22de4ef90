#include "server/notices/notices.hpp"

#include "server/base/log.hpp"

#include <algorithm>
#include <utility>

namespace twinhub::notices {
namespace {

constexpr std::chrono::minutes minute{1};
constexpr std::size_t party_share = 8;     // of the ring, that refusals of one address may take within a minute
constexpr std::size_t id_bytes_max = 260;  // two ids of 128 bytes
constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t code_bytes_max = 64;
constexpr std::size_t tracking_id_bytes_max = 128;
constexpr std::size_t detail_bytes_max = 480;
constexpr std::size_t looked_at_bytes_max = 4096;  // of a text, before it is cut

Timestamp wall() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  return timestamp_from_unix(seconds.count(),
                             static_cast<std::uint32_t>(std::chrono::nanoseconds(now - seconds).count()));
}

log::Level level_of(Kind kind, Reason reason, ConnectionLines lines) {
  if (kind == Kind::refused) return log::Level::warn;
  if (kind == Kind::connected) return log::Level::info;
  if (is_ordinary(kind, reason)) return lines == ConnectionLines::all ? log::Level::info : log::Level::debug;
  const bool is_fault = reason == Reason::protocol_fault || reason == Reason::forbidden_topic ||
                        reason == Reason::slow_reader || reason == Reason::store_unavailable;
  return is_fault ? log::Level::warn : log::Level::info;
}

/// Of the log's lines.
std::string_view event_of(Kind kind) {
  switch (kind) {
    case Kind::refused:
      return "connection_refused";
    case Kind::ended:
      return "connection_ended";
    case Kind::connected:
      return "connected";
  }
  return "";
}

std::string_view port_cut_off(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  return address.starts_with('[') || address.find(':') == colon ? address.substr(0, colon) : address;
}

Notice notice_of(const Happening& what, const Way& way) {
  Notice notice;
  notice.first = notice.last = wall();
  notice.stage = what.stage;
  notice.kind = what.kind;
  notice.reason = what.reason;
  notice.id = safe_text(without_secrets(what.id.substr(0, looked_at_bytes_max), Says::id), id_bytes_max);
  notice.address = way.address;
  if (way.port != 0)
    notice.address = (way.address.find(':') == std::string::npos ? way.address : '[' + way.address + ']') + ':' +
                     std::to_string(way.port);
  notice.transport = transport_name(what.protocol, way);
  notice.sni = safe_text(way.sni, name_bytes_max);
  notice.code = safe_text(what.code, code_bytes_max);
  notice.detail = safe_text(without_secrets(what.detail.substr(0, looked_at_bytes_max)), detail_bytes_max);
  notice.tracking_id = safe_text(what.tracking_id, tracking_id_bytes_max);
  return notice;
}

bool is_of(const std::string& id, const std::string& device) {
  return id == device ||
         (!device.empty() && id.size() > device.size() && id.starts_with(device) && id[device.size()] == '/');
}

/// "pump-7, 10.0.3.7:51234, mqtts"
std::string who(const Notice& notice) {
  std::string text = notice.id.empty() ? std::string("unknown peer") : notice.id;
  if (!notice.address.empty()) text += ", " + notice.address;
  return text + ", " + notice.transport;
}

std::string line_of(const Notice& notice) {
  std::string line = std::string(name_of(notice.kind)) + ": " + who(notice);
  if (notice.kind == Kind::connected) return line + (notice.detail.empty() ? "" : ": " + notice.detail);
  line += ": " + std::string(name_of(notice.reason));
  if (!notice.code.empty()) line += " (" + notice.code + ')';
  line += ": " + std::string(sentence_of(notice.reason));
  if (!notice.detail.empty()) line += ' ' + notice.detail;
  if (!notice.sni.empty() && notice.stage == Stage::tls) line += " Asked for " + notice.sni + '.';
  return line;
}

}  // namespace

void Notices::note(const Happening& what, const Way& way, Clock::time_point now) {
  if (!takes(what.kind)) return;
  Notice notice = notice_of(what, way);
  if (what.kind == Kind::connected) {
    std::string words = line_of(notice);
    return write({line_about(std::move(notice), 0, std::move(words))});
  }
  Lines lines;  // written when the lock is free: a log that nobody reads must not hold up the doors
  {
    const MutexLock lock(mutex_);
    if (now - began_ >= minute) end_minute(now, lines);
    auto& count = notice.kind == Kind::refused ? counts_.refused : counts_.ended;
    ++count[static_cast<std::size_t>(notice.reason)];
    notice.revision = ++revision_;
    take(std::move(notice), way, lines);
  }
  write(lines);
}

void Notices::take(Notice notice, const Way& way, Lines& lines) {
  // Peers that do not say who they are are told apart by the name that they dialled.
  AlikeKey key{notice.id.empty() ? '\n' + notice.sni : notice.id, way.address, notice.reason, notice.kind};
  const bool seen = count_alike(key, notice);
  Party* party = nullptr;
  if (notice.kind == Kind::refused) {
    const auto known = parties_.find(way.party);
    if (known == parties_.end() && parties_.size() >= options_.alike_max) {
      ++counts_.left_out;
      return;
    }
    party = known != parties_.end() ? &known->second : &parties_[way.party];
  }
  if (seen) return add_line(notice, party, lines);
  if (party != nullptr) {
    if (party->alike >= options_.alike_per_party_max || party->bytes >= options_.ring_bytes_max / party_share) {
      ++counts_.left_out;
      ++unwritten_;
      return;
    }
    ++party->alike;
    party->bytes += notice.bytes();
  }
  notice.number = notice.revision;
  auto& alike = alike_[is_ordinary(notice.kind, notice.reason)];
  if (alike.size() < options_.alike_max) alike.emplace(std::move(key), notice.number);
  add_line(notice, party, lines);
  keep(std::move(notice));
}

/// True when one like it is kept already: it counts there.
bool Notices::count_alike(const AlikeKey& key, const Notice& notice) {
  auto& alike = alike_[is_ordinary(notice.kind, notice.reason)];
  const auto known = alike.find(key);
  if (known == alike.end()) return false;
  Ring& ring = ring_of(notice.kind, notice.reason);
  auto& notices = ring.notices;
  const auto found = std::lower_bound(notices.begin(), notices.end(), known->second,
                                      [](const Notice& each, std::uint64_t number) { return each.number < number; });
  if (found == notices.end() || found->number != known->second) {  // pushed out by others
    alike.erase(known);
    return false;
  }
  ring.bytes -= found->bytes();
  ++found->count;
  found->revision = notice.revision;
  found->last = notice.last;
  found->address = notice.address;
  found->code = notice.code;
  found->detail = notice.detail;
  ring.bytes += found->bytes();
  make_room(ring);
  return true;
}

void Notices::keep(Notice notice) {
  Ring& ring = ring_of(notice.kind, notice.reason);
  ring.bytes += notice.bytes();
  ring.notices.push_back(std::move(notice));
  make_room(ring);
}

void Notices::make_room(Ring& ring) const {
  while (ring.bytes > options_.ring_bytes_max / 2) {
    ring.bytes -= ring.notices.front().bytes();
    ring.notices.pop_front();
  }
}

void Notices::add_line(const Notice& notice, Party* party, Lines& lines) {
  if (options_.lines == ConnectionLines::none) return;
  const auto level = level_of(notice.kind, notice.reason, options_.lines);
  if (!spdlog::should_log(level)) return;
  if (options_.lines == ConnectionLines::all && is_ordinary(notice.kind, notice.reason)) {
    lines.push_back(line_about(notice, 0, line_of(notice)));
    return;
  }
  const LineKey key{notice.id, notice.id.empty() ? std::string(port_cut_off(notice.address)) : std::string(),
                    notice.reason, notice.kind};
  if (const auto found = lines_.find(key); found != lines_.end()) {
    ++found->second;
  } else if (lines_.size() >= options_.lines_per_minute_max ||
             (party != nullptr && party->lines >= options_.lines_per_party_max)) {
    ++unwritten_;
  } else {
    lines_.emplace(key, 1);
    if (party != nullptr) ++party->lines;
    lines.push_back(line_about(notice, 0, line_of(notice)));
  }
}

Notices::Line Notices::line_about(Notice notice, std::uint64_t count, std::string words) const {
  const auto level = level_of(notice.kind, notice.reason, options_.lines);
  const auto reason = notice.kind == Kind::connected ? std::string_view() : name_of(notice.reason);
  return {level, event_of(notice.kind), reason, std::move(notice), count, std::move(words)};
}

void Notices::write(const Lines& lines) {
  for (const Line& line : lines) {
    const auto level = static_cast<log::Level>(line.level);
    if (!spdlog::should_log(level)) continue;
    log::write(level,
               {.event = line.event,
                .device = line.of.id,
                .address = line.of.address,
                .transport = line.of.transport,
                .reason = line.reason,
                .code = line.of.code,
                .tracking_id = line.of.tracking_id,
                .count = line.count},
               line.words);
  }
}

void Notices::tick(Clock::time_point now) {
  Lines lines;
  {
    const MutexLock lock(mutex_);
    if (now - began_ >= minute) end_minute(now, lines);
  }
  write(lines);
}

void Notices::end_minute(Clock::time_point now, Lines& lines) {
  for (const auto& [key, count] : lines_) {
    if (count < 2) continue;
    const auto& [id, address, reason, kind] = key;
    Notice more;
    more.kind = kind;
    more.reason = reason;
    more.id = id;
    more.address = address;
    const std::string& who = id.empty() ? address : id;
    lines.push_back(line_about(std::move(more), count - 1,
                               std::string(name_of(kind)) + ": " + (who.empty() ? "unknown peer" : who) + ": " +
                                   std::string(name_of(reason)) + ": " + std::to_string(count - 1) +
                                   " more within a minute"));
  }
  if (unwritten_ > 0) {
    lines.push_back({log::Level::warn,
                     "connection_notices_left_out",
                     {},
                     {},
                     unwritten_,
                     "connection notices of other ids and addresses: " + std::to_string(unwritten_) +
                         " within a minute (GET /connections)"});
  }
  lines_.clear();
  for (auto& alike : alike_) alike.clear();
  parties_.clear();
  unwritten_ = 0;
  began_ = now;
}

void Notices::clear() {
  const MutexLock lock(mutex_);
  rings_ = {};
  alike_ = {};
  parties_.clear();
}

Notices::Found Notices::find(const NoticeQuery& query) const {
  Found found;
  const MutexLock lock(mutex_);
  found.revision = revision_;
  std::vector<const Notice*> matching;
  for (const Ring& ring : rings_) {
    for (const Notice& notice : ring.notices) {
      if (query.device && !is_of(notice.id, *query.device)) continue;
      if (query.reason && notice.reason != *query.reason) continue;
      if (notice.last < query.since || notice.revision <= query.after) continue;
      matching.push_back(&notice);
    }
  }
  std::sort(matching.begin(), matching.end(), [](const Notice* a, const Notice* b) { return a->number < b->number; });
  const std::size_t left_out = matching.size() - std::min(matching.size(), query.limit);
  for (std::size_t i = left_out; i < matching.size(); ++i) found.notices.push_back(*matching[i]);
  return found;
}

Notices::Figures Notices::figures() const {
  const MutexLock lock(mutex_);
  Figures now = counts_;
  for (const Ring& ring : rings_) now.bytes += ring.bytes;
  for (const auto& alike : alike_) now.alike += alike.size();
  return now;
}

}  // namespace twinhub::notices
