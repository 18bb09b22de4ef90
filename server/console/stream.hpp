// One stream of the console: events of the log, which have ids and are resumed, and snapshots of what changes - states,
// notices, figures - of which the newest wins. A slow browser costs positions and fingerprints, never a queue.
#pragma once

#include "server/console/doctor.hpp"
#include "server/console/pending_count.hpp"
#include "server/console/sessions.hpp"
#include "server/console/stream_request.hpp"
#include "server/hub/hub.hpp"
#include "server/notices/notices.hpp"
#include "server/ops/event_streams.hpp"
#include "server/ops/figures_history.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twinhub::console {

/// All outlives the streams.
struct StreamParts {
  hub::Hub& hub;
  const notices::Notices& notices;
  const ops::FiguresHistory& figures;
  PendingCount& pending;
  Sessions& sessions;
  std::string hub_name;
  std::string build;
};

/// {"countedAt":...}, as GET pending answers.
[[nodiscard]] std::string pending_json(const PendingCount::State& state);
/// {"time":...,"values":{...}}
[[nodiscard]] std::string newest_figures_json(const ops::FiguresHistory& figures);

class Stream final : public ops::EventSource {
 public:
  static constexpr std::chrono::milliseconds snapshot_pace{200};

  /// `session`: the number of the one that asks; the stream ends with it. Errors: those of events::EventTail::open().
  [[nodiscard]] static Result<std::unique_ptr<ops::EventSource>> open(const StreamParts& parts, StreamRequest request,
                                                                      std::uint64_t session);

  [[nodiscard]] Result<bool> read(std::string& out) override;
  [[nodiscard]] std::chrono::milliseconds pace() const override { return snapshot_pace; }

 private:
  /// What was shown of a device last.
  struct Shown {
    std::string id;
    bool any = false;
    bool exists = false;
    std::shared_ptr<const iothub::Identity> identity;
    std::shared_ptr<const twin::Twin> twin;
    Drift drift;
    iothub::Activity activity;
  };

  Stream(const StreamParts& parts, StreamRequest request, std::uint64_t session);
  void append_hello(std::string& out) const;
  void append_snapshots(std::string& out);
  void append_states(std::string& out);
  [[nodiscard]] bool look(Shown& shown) const;
  static void append_state(std::string& out, const Shown& shown);
  void append_notices(std::string& out);
  void append_pending(std::string& out);
  void append_doctor(std::string& out);

  const StreamParts& parts_;
  const StreamRequest request_;
  const std::uint64_t session_;
  std::optional<events::EventTail> tail_;
  std::vector<Shown> shown_;
  bool begun_ = false;
  bool ended_ = false;
  // On the hub's steady clock.
  Timestamp session_due_;
  Timestamp snapshot_due_;
  std::uint64_t figures_number_ = 0;
  std::uint64_t notices_revision_ = 0;
  bool notices_shown_ = false;
  std::string pending_shown_;
  std::string doctor_shown_;
};

}  // namespace twinhub::console
