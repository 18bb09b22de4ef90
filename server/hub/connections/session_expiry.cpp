#include "server/hub/connections/session_expiry.hpp"

#include <vector>

namespace twinhub::hub {
namespace {

constexpr std::size_t slice = 200;  // sessions looked at per tick
constexpr std::uint64_t rounds_per_life = 8;

}  // namespace

SessionExpiry::SessionExpiry(storage::Store& store, const Clock& clock, const Presence& presence,
                             std::chrono::seconds life)
    : store_(store),
      clock_(clock),
      presence_(presence),
      life_ticks_(static_cast<std::uint64_t>(life.count()) * ticks_per_second) {}

bool SessionExpiry::is_stale(const storage::Session& session) const {
  return life_ticks_ > 0 && session.last_seen.ticks + life_ticks_ / rounds_per_life <= clock_.wall().ticks;
}

std::optional<storage::Session> SessionExpiry::revise(const IdentityId& id, storage::Session session) const {
  // Asked again for each session: the clock may be set between two of them.
  const auto settled = clock_.settled();
  if (!settled) return session;
  const Timestamp now = *settled;
  // Times were not kept while the setting was off: such a session's life begins now.
  if (session.last_seen.ticks == 0 || presence_.activity_of(id).connected) {
    if (is_stale(session)) session.last_seen = now;
    return session;
  }
  if (session.last_seen.ticks + life_ticks_ + life_ticks_ / rounds_per_life <= now.ticks) return std::nullopt;
  return session;
}

void SessionExpiry::tick() {
  if (life_ticks_ == 0) return;
  const auto settled = clock_.settled();
  if (!settled) return;  // no session ends for an age that a clock has made up
  const Timestamp now = *settled;
  if (!after_ && now < next_round_ && next_round_.ticks < now.ticks + life_ticks_) return;
  std::vector<IdentityId> seen;
  const auto scanned = store_.scan_sessions(after_ ? &*after_ : nullptr, [&](const IdentityId& id) {
    seen.push_back(id);
    return seen.size() < slice;
  });
  if (!scanned) return;  // asked again by the next tick
  for (const IdentityId& id : seen) {
    const auto revised =
        store_.revise_session(id, [&](storage::Session session) { return revise(id, std::move(session)); });
    if (!revised) return;
    after_ = id;
  }
  if (seen.size() == slice) return;
  after_.reset();
  next_round_ = {now.ticks + life_ticks_ / rounds_per_life};
}

}  // namespace twinhub::hub
