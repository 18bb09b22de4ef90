#include "server/hub/methods/methods.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/lenient.hpp"
#include "protocol/json/text.hpp"
#include "server/base/answer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace twinhub::hub {
namespace {

/// Callers give up by their own clock, which began earlier: the hub's answer has to be there by then.
constexpr std::uint64_t early_ticks = ticks_per_second / 4;

/// A module of a device that is not there is reported as that device.
Result<void> find_target(const storage::Store& store, const IdentityId& id, storage::CommitSeq& told_after) {
  const auto read = store.read(id);
  if (!read) return unavailable();
  told_after = read->told_after;
  if (read->entity.identity) return {};
  if (!id.is_module()) return fail(Errc::device_not_found, "Device " + id.device + " not registered");
  auto device = find_target(store, {id.device, ""}, told_after);
  if (!device) return device;
  return fail(Errc::module_not_found, "Module " + id.device + "/" + id.module + " not registered");
}

std::optional<std::string> canonical(std::string_view payload) {
  const auto strict = json::strict_text_of(payload);
  const auto document = strict ? json::parse(*strict) : Result<json::Document>(Error{});
  if (!document) return std::nullopt;
  return document->text();
}

Error bad_response(std::string_view why) {
  return fail(Errc::invalid_response_while_proxying, "The device's response is not valid: " + std::string(why));
}

Result<MethodAnswer> read_answer(std::string_view status, std::string_view payload) {
  MethodAnswer answer;
  const auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), answer.status);
  if (error != std::errc{} || end != status.data() + status.size()) return bad_response("its status is not a number");
  if (json::without_trailing_nuls(payload).empty()) return answer;
  if (payload.size() > method_payload_bytes_max) return bad_response("its payload has more than 131072 bytes");
  // IoT Hub looks at a payload with its own lenient parser and hands the bytes on as they are: a caller has seen NUL
  // bytes behind the JSON (azure-iot-sdk-c#1641) and texts in single quotes (azure-iot-sdk-node#736). What that parser
  // does not take is InvalidResponseWhileProxying (azure-iot-sdk-c, pull request 6).
  if (!canonical(payload)) return bad_response("its payload is not JSON");
  answer.payload = payload;
  return answer;
}

std::uint64_t ticks(std::int64_t seconds) { return static_cast<std::uint64_t>(seconds) * ticks_per_second; }

/// Somewhere below 2^30: a device that answers a call of before the hub's restart must not meet one of after it.
std::uint64_t random_start(Random& random) {
  std::uint64_t start = 0;
  for (const char byte : random.bytes(4)) start = start << 8U | static_cast<unsigned char>(byte);
  return start & 0x3FFFFFFU;
}

}  // namespace

std::string canonical_payload(const MethodAnswer& answer) { return canonical(answer.payload).value_or("null"); }

Methods::Methods(storage::Store& store, const Clock& clock, Random& random, Presence& presence, DeviceLinks& links,
                 MethodLimits limits)
    : store_(store),
      clock_(clock),
      presence_(presence),
      links_(links),
      limits_(limits),
      next_number_(random_start(random)) {}

std::size_t Methods::shard_index(const IdentityId& id) const { return std::hash<IdentityId>{}(id) % shards_.size(); }

bool Methods::reserve(std::size_t payload_bytes) {
  if (pending_.fetch_add(1) >= limits_.calls_max) {
    --pending_;
    return false;
  }
  if (payload_bytes_.fetch_add(payload_bytes) + payload_bytes > limits_.payload_bytes_max) {
    payload_bytes_ -= payload_bytes;
    --pending_;
    return false;
  }
  return true;
}

void Methods::invoke(const IdentityId& id, MethodInvocation invocation, Done<MethodAnswer> done) {
  invoked_.fetch_add(1, std::memory_order_relaxed);
  if (const auto checked = check_method_invocation(invocation); !checked)
    return answer_now<MethodAnswer>(checked.error(), done);
  storage::CommitSeq told_after = 0;
  if (const auto found = find_target(store_, id, told_after); !found) {
    return answer_after<MethodAnswer>(store_, told_after, found.error(), std::move(done));
  }
  if (!reserve(invocation.payload.size())) {
    return answer_now<MethodAnswer>(fail(Errc::throttling_exception, "Too many method calls wait for their devices"),
                                    done);
  }
  const std::size_t index = shard_index(id);
  const Number number = next_number_.fetch_add(1) << shard_bits | index;
  const auto request = std::make_shared<const MethodRequest>(
      MethodRequest{number, id, std::move(invocation.name), std::move(invocation.payload),
                    [this, number](storage::Outbox& outbox) { undelivered(number, outbox); }});
  const bool waits = invocation.connect_timeout > 0;
  const std::uint64_t patience = ticks(waits ? invocation.connect_timeout : invocation.response_timeout) - early_ticks;

  Call call{.id = id,
            .request = request,
            .done = std::move(done),
            .response_timeout = invocation.response_timeout,
            .waits = waits};
  Shard& shard = shards_[index];
  bool ending = false;
  {
    const MutexLock lock(shard.mutex);
    ending = ending_;
    if (!ending) {
      Call& entered = shard.calls.emplace(number, std::move(call)).first->second;
      set_deadline(shard, entered, number, clock_.steady().ticks + patience);
      if (waits) shard.waiting[id].insert(number);
    }
  }
  if (ending) {
    release_payload(call);
    --pending_;
    return answer_now<MethodAnswer>(unavailable(), call.done);
  }
  storage::Outbox outbox;
  attempt(request, outbox);
}

void Methods::attempt(std::shared_ptr<const MethodRequest> request, storage::Outbox& outbox) {
  while (request && !links_.invoke_method(request, outbox)) request = after_failed_attempt(request->number, outbox);
}

void Methods::undelivered(std::uint64_t number, storage::Outbox& outbox) {
  attempt(after_failed_attempt(number, outbox), outbox);
}

std::shared_ptr<const MethodRequest> Methods::after_failed_attempt(Number number, storage::Outbox& outbox) {
  Shard& shard = shard_of(number);
  std::optional<Call> given_up;
  {
    const MutexLock lock(shard.mutex);
    const auto found = shard.calls.find(number);
    if (found == shard.calls.end()) return nullptr;
    Call& call = found->second;
    if (call.waits) {
      call.trying = std::exchange(call.again, false);
      return call.trying ? call.request : nullptr;
    }
    given_up = take(shard, number);
  }
  given_up->done(fail(Errc::device_not_online, ""), outbox);
  return nullptr;
}

void Methods::device_ready(const IdentityId& id, storage::Outbox& outbox) {
  Shard& shard = shards_[shard_index(id)];
  std::vector<std::shared_ptr<const MethodRequest>> requests;
  {
    const MutexLock lock(shard.mutex);
    const auto waiting = shard.waiting.find(id);
    if (waiting == shard.waiting.end()) return;
    for (const Number number : waiting->second) {
      Call& call = shard.calls.at(number);
      if (call.trying) {
        call.again = true;
      } else {
        call.trying = true;
        requests.push_back(call.request);
      }
    }
  }
  for (auto& request : requests) attempt(std::move(request), outbox);
}

bool Methods::delivering(std::uint64_t number) {
  Shard& shard = shard_of(number);
  const MutexLock lock(shard.mutex);
  const auto found = shard.calls.find(number);
  if (found == shard.calls.end()) return false;
  Call& call = found->second;
  forget_waiting(shard, call, number);
  call.waits = false;
  release_payload(call);
  set_deadline(shard, call, number, clock_.steady().ticks + ticks(call.response_timeout) - early_ticks);
  presence_.active(call.id);
  return true;
}

void Methods::answered(std::uint64_t number, std::string_view status, std::string_view payload,
                       storage::Outbox& outbox) {
  Shard& shard = shard_of(number);
  std::optional<Call> call;
  {
    const MutexLock lock(shard.mutex);
    call = take(shard, number);
  }
  if (!call) return;
  presence_.active(call->id);
  call->done(read_answer(status, payload), outbox);
}

void Methods::failed(std::uint64_t number, const Error& error, storage::Outbox& outbox) {
  Shard& shard = shard_of(number);
  std::optional<Call> call;
  {
    const MutexLock lock(shard.mutex);
    call = take(shard, number);
  }
  if (call) call->done(error, outbox);
}

void Methods::tick() {
  const std::uint64_t now = clock_.steady().ticks;
  storage::Outbox outbox;
  for (Shard& shard : shards_) {
    if (now < shard.next_deadline.load(std::memory_order_relaxed)) continue;
    std::vector<std::pair<Number, Call>> due;
    {
      const MutexLock lock(shard.mutex);
      while (!shard.deadlines.empty() && shard.deadlines.begin()->first <= now) {
        const Number number = shard.deadlines.begin()->second;
        due.emplace_back(number, *take(shard, number));
      }
    }
    for (auto& [number, call] : due) {
      timed_out_.fetch_add(1, std::memory_order_relaxed);
      const bool was_delivered = call.request == nullptr;
      // Its answer may come yet, and must then find no call.
      if (was_delivered) links_.forget_method(call.id, number, outbox);
      if (ending_) {
        call.done(unavailable(), outbox);
      } else {
        call.done(fail(was_delivered || !call.waits ? Errc::gateway_timeout : Errc::device_not_online, ""), outbox);
      }
    }
  }
}

void Methods::shut_down(std::chrono::milliseconds grace) {
  constexpr std::uint64_t ticks_per_millisecond = ticks_per_second / 1000;
  ending_ = true;
  const std::uint64_t latest =
      clock_.steady().ticks + static_cast<std::uint64_t>(grace.count()) * ticks_per_millisecond;
  storage::Outbox outbox;
  for (Shard& shard : shards_) {
    std::vector<Call> refused;
    {
      const MutexLock lock(shard.mutex);
      std::vector<Number> undelivered;
      for (auto& [number, call] : shard.calls) {
        if (call.request) {
          undelivered.push_back(number);
        } else {
          set_deadline(shard, call, number, std::min(call.deadline, latest));
        }
      }
      for (const Number number : undelivered) refused.push_back(*take(shard, number));
    }
    for (Call& call : refused) call.done(unavailable(), outbox);
  }
}

std::optional<Methods::Call> Methods::take(Shard& shard, Number number) {
  const auto found = shard.calls.find(number);
  if (found == shard.calls.end()) return std::nullopt;
  Call& call = found->second;
  forget_waiting(shard, call, number);
  if (call.request) payload_bytes_ -= call.request->payload.size();
  shard.deadlines.erase({call.deadline, number});
  shard.next_deadline =
      shard.deadlines.empty() ? std::numeric_limits<std::uint64_t>::max() : shard.deadlines.begin()->first;
  Call taken = std::move(call);
  shard.calls.erase(found);
  --pending_;
  return taken;
}

void Methods::forget_waiting(Shard& shard, const Call& call, Number number) {
  if (!call.waits) return;
  const auto waiting = shard.waiting.find(call.id);
  waiting->second.erase(number);
  if (waiting->second.empty()) shard.waiting.erase(waiting);
}

void Methods::set_deadline(Shard& shard, Call& call, Number number, std::uint64_t deadline) {
  shard.deadlines.erase({call.deadline, number});
  call.deadline = deadline;
  shard.deadlines.emplace(deadline, number);
  shard.next_deadline = shard.deadlines.begin()->first;
}

void Methods::release_payload(Call& call) {
  if (call.request) payload_bytes_ -= call.request->payload.size();
  call.request = nullptr;
}

Methods::Figures Methods::figures() const {
  return {.pending = pending_, .invoked = invoked_, .timed_out = timed_out_};
}

}  // namespace twinhub::hub
