// BulkRegistry::regenerate_keys(). Source: what the az iot extension sends and reads (service API 2024-03-31,
// "RegenerateDeviceKeys"); which keys it may name beside primaryKey and secondaryKey is inferred.
#include "server/hub/registry/bulk_registry.hpp"

#include "protocol/json/document.hpp"
#include "protocol/json/member.hpp"
#include "protocol/json/text.hpp"
#include "server/base/answer.hpp"
#include "server/base/error_table.hpp"
#include "server/hub/registry/identity_write.hpp"
#include "server/hub/registry/module_rules.hpp"
#include "storage/guarded.hpp"

#include <cassert>
#include <optional>
#include <set>
#include <utility>

namespace twinhub::hub {
namespace {

enum class Rotation : std::uint8_t { primary, secondary, swap };

struct KeyRequest {
  std::string policy_key;  ///< as it was sent
  Rotation rotation = Rotation::primary;
  std::vector<IdentityId> ids;
};

Error invalid(std::string detail) { return fail(Errc::argument_invalid, std::move(detail)); }

std::optional<Rotation> rotation_of(std::string_view name) {
  if (name == "primaryKey" || name == "primary") return Rotation::primary;
  if (name == "secondaryKey" || name == "secondary") return Rotation::secondary;
  if (name == "swap") return Rotation::swap;
  return std::nullopt;
}

Result<std::string> text_of(const json::Value& object, std::string_view name) {
  const auto member = json::member_of(object, name);
  if (!member || member->is_null()) return std::string();
  auto text = member->string();
  if (!text) return invalid(std::string(name) + " must be a string");
  return std::move(*text);
}

Result<std::vector<IdentityId>> read_ids(const json::Value& devices) {
  std::vector<IdentityId> ids;
  std::set<IdentityId> seen;
  for (const json::Value device : devices) {
    if (!device.is_object()) return fail(Errc::iot_hub_format_error, "Each of devices must be a JSON object");
    auto id = text_of(device, "id");
    if (!id) return id.error();
    auto module = text_of(device, "moduleId");
    if (!module) return module.error();
    ids.push_back({std::move(*id), std::move(*module)});
    if (const auto checked = check_id(ids.back()); !checked) return checked.error();
    if (!seen.insert(ids.back()).second)
      return fail(Errc::device_defined_multiple_times, "DeviceDefinedMultipleTimes, device ID " + ids.back().device);
    if (ids.size() > iothub::bulk_items_max) {
      return fail(Errc::too_many_devices,
                  "At most " + std::to_string(iothub::bulk_items_max) + " devices in one request");
    }
  }
  if (ids.empty()) return invalid("devices names none");
  return ids;
}

Result<KeyRequest> read_request(std::string_view body) {
  const auto document = json::parse(body);
  if (!document) return document.error();
  const json::Value root = document->root();
  if (!root.is_object()) return fail(Errc::iot_hub_format_error, "The body must be a JSON object");
  KeyRequest request;
  auto policy_key = text_of(root, "policyKey");
  if (!policy_key) return policy_key.error();
  const auto rotation = rotation_of(*policy_key);
  if (!rotation) return invalid("policyKey must be primaryKey, secondaryKey or swap");
  request.policy_key = std::move(*policy_key);
  request.rotation = *rotation;
  const auto devices = json::member_of(root, "devices");
  if (!devices || devices->kind() != json::Kind::array) return invalid("devices must be an array");
  auto ids = read_ids(*devices);
  if (!ids) return ids.error();
  request.ids = std::move(*ids);
  return request;
}

/// {"id":..,"moduleId":.. its brace left open.
void append_ids(std::string& out, const IdentityId& id) {
  if (out.back() != '[') out += ',';
  out += R"({"id":)";
  json::append_string(out, id.device);
  out += R"(,"moduleId":)";
  if (id.is_module()) {
    json::append_string(out, id.module);
  } else {
    out += "null";
  }
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += ',';
  json::append_key(out, name);
  json::append_string(out, text);
}

}  // namespace

/// One request at work, as BulkRegistry::Run.
class BulkRegistry::KeyRun : public std::enable_shared_from_this<KeyRun> {
 public:
  KeyRun(BulkRegistry& owner, KeyRequest request, Done<std::string> done)
      : owner_(owner),
        request_(std::move(request)),
        outcomes_(request_.ids.size(), Result<Written>(unavailable())),
        left_(request_.ids.size()),
        done_(std::move(done)) {}

  void start() {
    for (std::size_t i = 0; i < request_.ids.size(); ++i) begin(i);
  }

 private:
  using Written = std::shared_ptr<const iothub::Identity>;

  void begin(std::size_t i) {
    const IdentityId& id = request_.ids[i];
    const auto device = owner_.store_.read(device_of(id));
    if (!device) return finish_now(i, unavailable());
    const bool device_exists = device->entity.identity != nullptr;
    const DrawnValues drawn = draw_values(owner_.random_);
    const auto outcome = std::make_shared<IdentityOutcome>();
    const auto refusal = std::make_shared<std::optional<Error>>();
    const auto decision = [&](const storage::Entity& current) -> Result<storage::EntityChange> {
      *outcome = {};
      refusal->reset();
      auto rotated = rotate(current, id, device_exists, drawn);
      if (!rotated) {
        *refusal = rotated.error();
        return rotated.error();
      }
      outcome->before = current.identity;
      outcome->now = *rotated;
      storage::EntityChange change;
      change.identity = *rotated;
      return change;
    };
    owner_.store_.update(id, decision,
                         [self = shared_from_this(), i, outcome, refusal](const Result<void>& durable, auto& outbox) {
                           if (!durable) return self->finish(i, unavailable(), outbox);
                           if (*refusal) return self->finish(i, std::move(**refusal), outbox);
                           outcome->announce(self->request_.ids[i], self->owner_.links_, outbox);
                           self->finish(i, outcome->now, outbox);
                         });
  }

  [[nodiscard]] Result<Written> rotate(const storage::Entity& current, const IdentityId& id, bool device_exists,
                                       const DrawnValues& drawn) const {
    if (!current.identity) return not_found(id, device_exists);
    if (current.identity->authentication != iothub::AuthenticationType::sas)
      return fail(Errc::argument_invalid, "It authenticates by certificate: it has no keys");
    auto after = std::make_shared<iothub::Identity>(*current.identity);
    after->etag = next_etag(current.identity->etag, drawn);
    switch (request_.rotation) {
      case Rotation::primary:
        after->primary_key = drawn.primary_key;
        break;
      case Rotation::secondary:
        after->secondary_key = drawn.primary_key;
        break;
      case Rotation::swap:
        std::swap(after->primary_key, after->secondary_key);
        break;
    }
    return Written(std::move(after));
  }

  void finish_now(std::size_t i, Result<Written> outcome) {
    storage::Outbox outbox;
    finish(i, std::move(outcome), outbox);
  }
  void finish(std::size_t i, Result<Written> outcome, storage::Outbox& outbox) {
    std::string answer;
    {
      const MutexLock lock(mutex_);
      assert(left_ > 0);
      outcomes_[i] = std::move(outcome);
      if (--left_ > 0) return;
      answer = json();
    }
    done_(std::move(answer), outbox);
  }

  [[nodiscard]] std::string json() const REQUIRES(mutex_) {
    std::string keys = R"("rotatedKeys":[)", errors = R"("errors":[)";
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      if (outcomes_[i]) {
        append_ids(keys, request_.ids[i]);
        append_member(keys, "primaryKey", (*outcomes_[i])->primary_key);
        append_member(keys, "secondaryKey", (*outcomes_[i])->secondary_key);
        keys += '}';
      } else {
        const Error& error = outcomes_[i].error();
        append_ids(errors, request_.ids[i]);
        append_member(errors, "errorCode", row_of(error.code).name);
        append_member(errors, "errorStatus", detail_for_peers(error));
        errors += '}';
      }
    }
    std::string out = R"({"policyKey":)";
    json::append_string(out, request_.policy_key);
    return out + "," + keys + "]," + errors + "]}";
  }

  BulkRegistry& owner_;
  const KeyRequest request_;
  Mutex mutex_;
  std::vector<Result<Written>> outcomes_ GUARDED_BY(mutex_);
  std::size_t left_ GUARDED_BY(mutex_);  // identities without an outcome
  Done<std::string> done_;
};

void BulkRegistry::regenerate_keys(std::string_view body, Done<std::string> done) {
  auto request = read_request(body);
  if (!request) return answer_now<std::string>(request.error(), done);
  std::make_shared<KeyRun>(*this, std::move(*request), std::move(done))->start();
}

}  // namespace twinhub::hub
