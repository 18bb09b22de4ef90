// Back ends query; an operation is one query with all its pages.
#include "bench/load/registry.hpp"
#include "bench/load/scenario.hpp"

namespace twinhub::load {
namespace {

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

class Query final : public Scenario {
 public:
  explicit Query(World& world) : world_(world) {}

  void prepare() override {
    if (!world_.options.create) return;
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < world_.options.devices; ++i) ids.push_back(world_.options.device_id(i));
    create_devices(world_, ids);
  }

  bool begin(Clock::time_point intended) override {
    world_.started();
    ask({}, 0, intended);
    return true;
  }

 private:
  void ask(const std::string& continuation, std::size_t rows, Clock::time_point intended) {
    std::string headers = "x-ms-max-item-count: 100\r\n";
    if (!continuation.empty()) headers += "x-ms-continuation: " + continuation + "\r\n";
    world_.back_ends().request({"POST", "/devices/query?api-version=2021-04-12", std::move(headers),
                                R"({"query":")" + world_.options.query + "\"}"},
                               [this, rows, intended](const HttpAnswer* answer) { on_page(answer, rows, intended); });
  }

  void on_page(const HttpAnswer* answer, std::size_t rows, Clock::time_point intended) {
    if (answer == nullptr) return world_.gave_up(1);
    if (answer->status != 200) {
      world_.errors.add(Wrong::refused, "query: " + std::string(answer->body));
      return world_.gave_up(1);
    }
    rows += count_of(answer->body, "\"deviceId\":");
    const std::string continuation(answer->header("x-ms-continuation"));
    if (!continuation.empty()) return ask(continuation, rows, intended);
    if (rows != world_.options.rows) {
      world_.errors.add(rows < world_.options.rows ? Wrong::lost : Wrong::unexpected,
                        "the query gave " + std::to_string(rows) + " rows");
    }
    world_.ended(intended, Clock::now());
  }

  World& world_;
};

}  // namespace

std::unique_ptr<Scenario> make_query(World& world) { return std::make_unique<Query>(world); }

}  // namespace twinhub::load
