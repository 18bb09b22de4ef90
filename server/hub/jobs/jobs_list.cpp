// GET /jobs/v2/query: jobs by type and status, page by page. Filters are all there is: the query language knows jobs by
// their devices (devices.jobs).
#include "server/hub/jobs/job_request.hpp"
#include "server/hub/jobs/jobs.hpp"
#include "server/hub/queries/query_token.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace twinhub::hub {
namespace {

constexpr std::size_t lists_max = 64;         // at once; more are refused
constexpr std::size_t look_slice = 1'000;     // states read in one step
constexpr std::size_t page_bytes = 4U << 20;  // a page ends with the job that reaches it

// What IoT Hub's clients name; jobs that this room does not run are of none of its types.
constexpr std::array<std::string_view, 2> other_types{"export", "import"};
constexpr std::array<std::string_view, 8> statuses{"unknown", "enqueued",  "queued", "scheduled",
                                                   "running", "completed", "failed", "cancelled"};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

template <class List>
bool holds(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// What the continuation token is for; no query can be this text.
std::string token_text(const Jobs::ListRequest& request) { return "jobs\n" + request.type + "\n" + request.status; }

}  // namespace

class Jobs::List final : public Queries::Run {
 public:
  List(const Jobs& owner, ListRequest request, std::string last_key)
      : owner_(owner), request_(std::move(request)), looked_up_to_(std::move(last_key)) {}
  ~List() override { --owner_.lists_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool step() override {
    if (owner_.context_.stopping) {
      result_ = fail(Errc::service_unavailable, "The hub is stopping");
      return false;
    }
    std::vector<std::pair<std::string, JobState>> states;
    const auto scanned =
        owner_.context_.store.scan_records(storage::RecordKind::jobs, std::string(1, job_state_prefix), looked_up_to_,
                                           [&](std::string_view key, std::string_view record) {
                                             if (auto state = decode_job_state(record))
                                               states.emplace_back(key.substr(1), std::move(*state));
                                             looked_up_to_ = key;
                                             return states.size() < look_slice;
                                           });
    if (!scanned) {
      result_ = scanned.error();
      return false;
    }
    for (auto& [id, state] : states) {
      if (!add(id, std::move(state))) return false;
    }
    return states.size() == look_slice;
  }

  Result<Queries::Page> take() override {
    if (!result_) return result_.error();
    json_ += ']';
    std::string continuation;
    if (more_) continuation = write_query_token({last_key_, rows_}, token_text(request_));
    return Queries::Page{std::move(json_), "JobResponse", std::move(continuation)};
  }

 private:
  /// False: enough, or failed.
  bool add(const std::string& id, JobState state) {
    Shown shown{std::move(state), {}};
    shown.statistics = {shown.state.devices, shown.state.succeeded, shown.state.failed, 0};
    if (auto active = owner_.shown_active(id)) shown = std::move(*active);
    const std::string_view status = shown_status(shown.state, owner_.context_.clock.wall());
    if (!request_.type.empty() && request_.type != lower(std::string(name_of(shown.state.type)))) return true;
    if (!request_.status.empty() && request_.status != status) return true;
    if (rows_ >= request_.page_rows || json_.size() >= page_bytes) {
      more_ = true;
      return false;
    }
    const auto response = owner_.response(id, shown, status);
    if (!response) {
      result_ = response.error();
      return false;
    }
    if (rows_++ > 0) json_ += ',';
    json_ += *response;
    last_key_ = job_key(job_state_prefix, id);
    return true;
  }

  const Jobs& owner_;
  const ListRequest request_;
  std::string looked_up_to_;
  std::string last_key_;
  std::size_t rows_ = 0;
  bool more_ = false;
  Result<void> result_;
  std::string json_ = "[";
};

Result<std::unique_ptr<Queries::Run>> Jobs::list(ListRequest request) const {
  request.type = lower(std::move(request.type));
  request.status = lower(std::move(request.status));
  if (!request.type.empty() && !parse_job_type(request.type) && !holds(other_types, request.type))
    return fail(Errc::argument_invalid, "BadRequest: the jobType is not one of IoT Hub's");
  if (!request.status.empty() && !holds(statuses, request.status))
    return fail(Errc::argument_invalid, "BadRequest: the jobStatus is not one of IoT Hub's");
  std::string last_key;
  if (!request.continuation.empty()) {
    auto token = read_query_token(request.continuation, token_text(request));
    if (!token) return fail(Errc::argument_invalid, "BadRequest: the continuation token is not one of this list");
    last_key = std::move(token->last_key);
  }
  // From here on the List gives the place back.
  if (lists_.fetch_add(1) >= lists_max) {
    --lists_;
    return fail(Errc::generic_too_many_requests, "Too many lists are made at once; try again");
  }
  return std::unique_ptr<Queries::Run>(std::make_unique<List>(*this, std::move(request), std::move(last_key)));
}

}  // namespace twinhub::hub
