#include "server/events/event_tail.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gmock/gmock.h>
#include <memory>
#include <string>

namespace twinhub::events {
namespace {

using namespace storage::testing;
using ::testing::StartsWith;

const IdentityId device{"device", ""};

/// A log of one partition, written an hour after its events came, so that a block tells nothing of their times.
class EventTailTest : public ::testing::Test {
 protected:
  EventTailTest() {
    storage::StoreOptions options = small_options(folder_ / "db");
    options.event_partitions = 1;
    options.now = [] { return moment(3600); };
    store_ = open(options);
  }
  /// Event i came at second i.
  void append(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string body = "body " + std::to_string(i);  // a draft views into it
      auto telemetry = make_telemetry(device, body);
      telemetry.enqueued = moment(i);
      ASSERT_TRUE(append_and_wait(*store_, telemetry));
    }
  }
  /// What a stream from there begins with.
  std::string first_piece(const std::string& from) {
    auto tail = EventTail::open(*store_, hub_name_, {.device = "", .sources = {}, .from = from});
    if (!tail) return tail.error().detail;
    std::string out;
    EXPECT_TRUE(tail->read(out));
    return out;
  }

  const TemporaryFolder folder_;
  const std::string hub_name_ = "hub";
  std::unique_ptr<storage::Store> store_;
};

TEST_F(EventTailTest, AStreamBeginsWithItsPosition) {
  append(3);
  EXPECT_THAT(first_piece("start"), StartsWith("id: 0\n\nid: 1\nevent: DeviceMessages\ndata: {"));
  EXPECT_EQ(first_piece("now"), "id: 3\n\n");
  EXPECT_THAT(first_piece("2"), StartsWith("id: 2\n\nid: 3\n"));
  EXPECT_EQ(first_piece("17"), "id: 3\n\n");  // of another log
}

TEST_F(EventTailTest, ATimeMeansTheFirstEventOfThenWhatsoeverItsBlockHolds) {
  append(5);
  for (std::uint64_t i = 0; i < 5; ++i) {
    const std::string place = "id: " + std::to_string(i);
    const std::string event = "id: " + std::to_string(i + 1);
    EXPECT_THAT(first_piece(to_iso8601(moment(i))), StartsWith(place + "\n\n" + event + "\nevent: "));
  }
  EXPECT_EQ(first_piece(to_iso8601(moment(5))), "id: 5\n\n");
}

}  // namespace
}  // namespace twinhub::events
