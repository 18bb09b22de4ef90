#include "tests/unit/storage/store_fixture.hpp"

#include "tests/support/cpp/temporary_folder.hpp"

#include <stdlib.h>
#include <stdexcept>

namespace twinhub::storage::testing {

TemporaryFolder::TemporaryFolder() {
  // What a disk does to the store is simulated by FaultFileSystem.
  std::string name = (test::folder_of_stores() / "twinhub-storage-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Timestamp moment(std::uint64_t seconds) {
  return timestamp_from_unix(1'795'435'200 + static_cast<std::int64_t>(seconds));
}

StoreOptions small_options(const std::filesystem::path& directory) {
  StoreOptions options;
  options.directory = directory;
  options.now = [] { return moment(); };
  options.cache_bytes = 4U << 20;
  options.memtable_bytes = 1U << 20;
  return options;
}

std::unique_ptr<Store> open(StoreOptions options, rocksdb::Env* env) {
  auto store = open_rocksdb_store_on(std::move(options), env);
  if (!store) throw std::runtime_error(store.error().detail);
  return std::move(*store);
}

std::shared_ptr<const iothub::Identity> make_identity(const IdentityId& id) {
  auto identity = std::make_shared<iothub::Identity>();
  identity->id = id;
  identity->generation_id = "638000000000000000";
  identity->etag = 17;
  identity->primary_key = "cHJpbWFyeS1rZXktcHJpbWFyeQ==";
  identity->secondary_key = "c2Vjb25kYXJ5LWtleS1zZWNvbmQ=";
  return identity;
}

std::shared_ptr<const twin::Twin> make_counter_twin(std::uint64_t counter) {
  auto twin = std::make_shared<twin::Twin>();
  twin->desired.stamps = {{moment(), 0}};
  twin->reported.text = "{\"counter\":" + std::to_string(counter) + "}";
  twin->reported.stamps = {{moment(), counter}, {moment(), counter}};
  twin->reported.version = counter;
  return twin;
}

TelemetryDraft make_telemetry(const IdentityId& id, std::string_view body) {
  TelemetryDraft telemetry;
  telemetry.device = id.device;
  telemetry.module = id.module;
  telemetry.enqueued = moment();
  telemetry.generation_id = "638000000000000000";
  telemetry.property_bag = "%24.ct=application%2Fjson&a=1&flag";
  telemetry.body = body;
  return telemetry;
}

EncodedEvent make_event(const IdentityId& id, std::string_view body) { return encode(make_telemetry(id, body)); }

Result<EntityChange> count_up(const IdentityId& id, const Entity& current) {
  EntityChange change;
  if (!current.identity) change.identity = make_identity(id);
  change.twin = make_counter_twin(counter_of(current) + 1);
  return change;
}

Decide counting(const IdentityId& id) {
  return [id](const Entity& current) { return count_up(id, current); };
}

std::uint64_t counter_of(const Entity& entity) { return entity.twin ? entity.twin->reported.version : 0; }

std::uint64_t read_counter(const Store& store, const IdentityId& id) {
  const auto read = store.read(id);
  if (!read) throw std::runtime_error(read.error().detail);
  return counter_of(read->entity);
}

OnDurable Answer::callback() {
  return [state = state_](const Result<void>& result, Outbox&) {
    const std::lock_guard lock(state->mutex);
    state->result = result;
    state->told.notify_all();
  };
}

Result<void> Answer::wait() {
  std::unique_lock lock(state_->mutex);
  state_->told.wait(lock, [this] { return state_->result.has_value(); });
  return *state_->result;
}

bool Answer::told() const {
  const std::lock_guard lock(state_->mutex);
  return state_->result.has_value();
}

Result<void> update_and_wait(Store& store, const IdentityId& id, const Decide& decide) {
  Answer answer;
  const auto result = store.update(id, decide, answer.callback());
  const auto durable = answer.wait();
  return result.decided ? durable : result.decided;
}

Result<void> erase_and_wait(Store& store, const IdentityId& id) {
  return update_and_wait(store, id, [](const Entity&) -> Result<EntityChange> {
    EntityChange change;
    change.erase = true;
    return change;
  });
}

Result<void> append_and_wait(Store& store, const TelemetryDraft& telemetry) {
  Answer answer;
  store.append_telemetry(telemetry, answer.callback());
  return answer.wait();
}

Result<void> put_session_and_wait(Store& store, const IdentityId& id, const Session* session) {
  Answer answer;
  const auto queued = store.put_session(id, session, answer.callback());
  if (!queued) return queued.error();
  return answer.wait();
}

void drain(Store& store) {
  if (const auto drained = put_session_and_wait(store, {"drain", ""}, nullptr); !drained) {
    throw std::runtime_error(drained.error().detail);
  }
}

std::vector<StoredEvent> all_events(const Store& store, std::uint32_t partition, std::uint64_t from) {
  std::vector<StoredEvent> events;
  const auto read = store.read_events(partition, from, [&](const StoredEvent& event) {
    events.push_back(event);
    return true;
  });
  if (!read) throw std::runtime_error(read.error().detail);
  return events;
}

void Semaphore::acquire() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return count_ > 0; });
  --count_;
}

void Semaphore::release() {
  const std::lock_guard lock(mutex_);
  ++count_;
  changed_.notify_one();
}

}  // namespace twinhub::storage::testing
