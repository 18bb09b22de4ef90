#include "server/console/stream.hpp"

#include "server/console/json_object.hpp"
#include "server/notices/notices_page.hpp"

#include <utility>

namespace twinhub::console {
namespace {

/// How often the session is looked at: it may be over, or its policy's key be renewed.
constexpr std::uint64_t session_pace = ticks_per_second;
constexpr std::uint64_t snapshot_pace_ticks = Stream::snapshot_pace.count() * ticks_per_second / 1'000;
constexpr std::size_t notices_at_first = 100;
/// Another moment of activity alone is news once a second.
constexpr std::uint64_t activity_news = ticks_per_second;

void append_event(std::string& out, std::string_view name, std::string_view data) {
  while (data.ends_with('\n')) data.remove_suffix(1);
  out.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

std::string drift_json(const Drift& drift) {
  return JsonObject()
      .text("state", name_of(drift.state))
      .number("leaves", drift.leaves)
      .time("since", drift.since)
      .close();
}

}  // namespace

std::string pending_json(const PendingCount::State& state) {
  const PendingCount::Result& result = *state.result;
  return JsonObject()
      .time("countedAt", result.counted_at)
      .flag("counting", state.counting)
      .number("twins", result.twins)
      .number("pending", result.pending)
      .number("rejected", result.rejected)
      .number("diverged", result.diverged)
      .time("oldest", result.oldest)
      .raw("devices", json_array(result.devices,
                                 [](std::string& out, const PendingCount::Result::Device& device) {
                                   out += JsonObject()
                                              .text("deviceId", device.id.device)
                                              .text("moduleId", device.id.module)
                                              .text("state", name_of(device.drift.state))
                                              .number("leaves", device.drift.leaves)
                                              .time("since", device.drift.since)
                                              .close();
                                 }))
      .close();
}

std::string newest_figures_json(const ops::FiguresHistory& figures) {
  const auto newest = figures.newest();
  JsonObject values;
  for (std::size_t i = 0; i < newest.values.size(); ++i)
    values.raw(figures.infos()[i].name, json_number(static_cast<double>(newest.values[i])));
  return JsonObject().time("time", newest.at).raw("values", values.close()).close();
}

Stream::Stream(const StreamParts& parts, StreamRequest request, std::uint64_t session)
    : parts_(parts), request_(std::move(request)), session_(session) {
  for (const std::string& id : request_.devices) {
    shown_.emplace_back();
    shown_.back().id = id;
  }
}

Result<std::unique_ptr<ops::EventSource>> Stream::open(const StreamParts& parts, StreamRequest request,
                                                       std::uint64_t session) {
  std::unique_ptr<Stream> stream(new Stream(parts, std::move(request), session));  // private constructor
  if (stream->request_.events) {
    auto tail = events::EventTail::open(parts.hub.store, parts.hub_name, stream->request_.filter);
    if (!tail) return tail.error();
    stream->tail_ = std::move(*tail);
  }
  return std::unique_ptr<ops::EventSource>(std::move(stream));
}

Result<bool> Stream::read(std::string& out) {
  if (ended_) return fail(Errc::iot_hub_unauthorized_access, "the session is over");
  const Timestamp now = parts_.hub.clock.steady();
  if (now >= session_due_) {
    session_due_ = {now.ticks + session_pace};
    if (!parts_.sessions.is_alive(session_)) {
      ended_ = true;
      append_event(out, "end", R"({"why":"session"})");
      return false;
    }
  }
  if (!std::exchange(begun_, true)) append_hello(out);
  if (now >= snapshot_due_) {
    snapshot_due_ = {now.ticks + snapshot_pace_ticks};
    append_snapshots(out);
  }
  if (!tail_) return false;
  std::string events;
  const auto more = tail_->read(events);
  if (!more) return more;
  for (const auto& gap : tail_->take_gaps()) {
    append_event(out, "gap",
                 JsonObject().number("partition", gap.partition).number("from", gap.from).number("to", gap.to).close());
  }
  out += events;
  return more;
}

void Stream::append_hello(std::string& out) const {
  JsonObject hello;
  hello.text("build", parts_.build).raw("topics", json_texts(request_.topics()));
  if (tail_) hello.text("from", tail_->positions());
  append_event(out, "hello", hello.close());
}

void Stream::append_snapshots(std::string& out) {
  if (request_.state) append_states(out);
  if (request_.notices) append_notices(out);
  if (request_.figures && parts_.figures.number() != figures_number_) {
    figures_number_ = parts_.figures.number();
    append_event(out, "figures", newest_figures_json(parts_.figures));
  }
  if (request_.pending) append_pending(out);
  if (request_.doctor) append_doctor(out);
}

void Stream::append_states(std::string& out) {
  std::string devices;
  for (Shown& shown : shown_) {
    if (!look(shown)) continue;
    if (!devices.empty()) devices += ',';
    append_state(devices, shown);
  }
  if (!devices.empty()) append_event(out, "state", "{\"devices\":[" + devices + "]}");
}

/// True when there is news. What is not durable yet is news at the next look.
bool Stream::look(Shown& shown) const {
  const auto read = parts_.hub.store.read({shown.id, ""});
  if (!read || !parts_.hub.store.is_durable(read->told_after)) return false;
  const auto& [identity, twin] = read->entity;
  const iothub::Activity activity = identity ? parts_.hub.activities.of({shown.id, ""}) : iothub::Activity{};
  const bool is_other_twin = twin && (!shown.twin || twin->etag_counter != shown.twin->etag_counter ||
                                      twin->desired.version != shown.twin->desired.version ||
                                      twin->reported.version != shown.twin->reported.version);
  const bool is_other_identity = identity && (!shown.identity || identity->etag != shown.identity->etag ||
                                              identity->generation_id != shown.identity->generation_id);
  const bool is_active = activity.last_activity.ticks >= shown.activity.last_activity.ticks + activity_news;
  if (shown.any && (identity != nullptr) == shown.exists && !is_other_twin && !is_other_identity && !is_active &&
      activity.connected == shown.activity.connected &&
      activity.connection_state_updated == shown.activity.connection_state_updated &&
      activity.cloud_to_device_message_count == shown.activity.cloud_to_device_message_count)
    return false;
  if (is_other_twin) shown.drift = drift_of(twin::view_of(*twin));
  shown.any = true;
  shown.exists = identity != nullptr;
  shown.identity = identity;
  shown.twin = twin;
  shown.activity = activity;
  return true;
}

void Stream::append_state(std::string& out, const Shown& shown) {
  JsonObject object;
  object.text("deviceId", shown.id).flag("exists", shown.exists);
  if (shown.exists && shown.twin) {
    object.text("connectionState", shown.activity.connected ? "Connected" : "Disconnected")
        .time("connectionStateUpdatedTime", shown.activity.connection_state_updated)
        .time("lastActivityTime", shown.activity.last_activity)
        .number("cloudToDeviceMessageCount", shown.activity.cloud_to_device_message_count)
        .text("status", iothub::to_string(shown.identity->status))
        .number("version", shown.twin->version())
        .text("etag", twin_etag(shown.twin->etag_counter))
        .number("desiredVersion", shown.twin->desired.version)
        .number("reportedVersion", shown.twin->reported.version)
        .raw("drift", drift_json(shown.drift));
  }
  out += object.close();
}

void Stream::append_notices(std::string& out) {
  notices::NoticeQuery query;
  if (!request_.filter.device.empty()) query.device = request_.filter.device;
  query.after = notices_revision_;
  if (!notices_shown_) query.limit = notices_at_first;
  const auto found = parts_.notices.find(query);
  const bool is_first = !std::exchange(notices_shown_, true);
  notices_revision_ = found.revision;
  if (is_first || !found.notices.empty()) append_event(out, "notices", notices::notices_json(found));
}

void Stream::append_pending(std::string& out) {
  std::string now = pending_json(parts_.pending.ask());
  if (now == pending_shown_) return;
  append_event(out, "pending", now);
  pending_shown_ = std::move(now);
}

void Stream::append_doctor(std::string& out) {
  std::string now = doctor_json({parts_.hub, parts_.notices}, request_.filter.device, request_.since);
  if (now == doctor_shown_) return;
  append_event(out, "doctor", now);
  doctor_shown_ = std::move(now);
}

}  // namespace twinhub::console
