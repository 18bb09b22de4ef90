#include "tests/unit/storage/engine/engine_harness.hpp"

#include "storage/rocksdb/rocksdb_engine.hpp"
#include "tests/unit/storage/fault_file_system.hpp"
#include "tests/unit/storage/store_fixture.hpp"

namespace twinhub::storage::testing {
namespace {

Result<std::unique_ptr<Engine>> open_rocksdb(const StoreOptions& options, rocksdb::Env* env) {
  auto engine = RocksdbEngine::open(options, env);
  if (!engine) return engine.error();
  return std::unique_ptr<Engine>(std::move(*engine));
}

class RocksdbOnDisk final : public FailingEngineHarness {
 public:
  Result<std::unique_ptr<Engine>> open(bool read_only) override {
    auto options = small_options(folder_ / "db");
    options.read_only = read_only;
    return open_rocksdb(options, env_.get());
  }
  void break_commits() override { system_->fail_log_syncs(rocksdb::IOStatus::IOError("injected")); }
  void heal() override { system_->fail_log_syncs(std::nullopt); }

 private:
  const TemporaryFolder folder_;
  const std::shared_ptr<FaultFileSystem> system_ = std::make_shared<FaultFileSystem>();
  const std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(system_);
};

class RocksdbInMemory final : public EngineHarness {
 public:
  Result<std::unique_ptr<Engine>> open(bool read_only) override {
    auto options = small_options({});
    options.durability = Durability::memory;
    options.read_only = read_only;
    return open_rocksdb(options, nullptr);
  }
};

}  // namespace

std::vector<EngineKind<EngineHarness>> all_engines() {
  std::vector<EngineKind<EngineHarness>> kinds;
  for (const auto& kind : durable_engines()) kinds.push_back({kind.name, kind.make});
  kinds.push_back({"RocksdbInMemory", [] { return std::make_unique<RocksdbInMemory>(); }});
  return kinds;
}

std::vector<EngineKind<FailingEngineHarness>> durable_engines() {
  return {{"RocksdbOnDisk", [] { return std::make_unique<RocksdbOnDisk>(); }}};
}

}  // namespace twinhub::storage::testing
