#include "storage/format/keys.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <string>
#include <vector>

namespace twinhub::storage {
namespace {

TEST(StorageKeys, KeyOrderIsIdOrder) {
  std::vector<IdentityId> ids = {{"a", ""},  {"a", "m"}, {"a", "m!"}, {"a!", ""}, {"a!", "z"}, {"a-b", ""},
                                 {"ab", ""}, {"b", ""},  {"A", "q"},  {"A", ""},  {"a$", "m"}, {"~", ""}};
  std::sort(ids.begin(), ids.end());
  std::vector<std::string> keys;
  for (const auto& id : ids) keys.push_back(entity_key(id));
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(StorageKeys, AKeyReadsBackAsItsId) {
  for (const IdentityId& id :
       {IdentityId{"a", ""}, IdentityId{"a", "m"}, IdentityId{std::string(128, 'x'), std::string(128, 'y')}}) {
    EXPECT_EQ(parse_entity_key(entity_key(id)), id);
  }
}

TEST(StorageKeys, AKeyWithoutDeviceOrSeparatorIsNone) {
  EXPECT_EQ(parse_entity_key(""), std::nullopt);
  EXPECT_EQ(parse_entity_key("device"), std::nullopt);
  EXPECT_EQ(parse_entity_key(std::string_view("\0module", 7)), std::nullopt);
}

TEST(StorageKeys, ADevicesPrefixCoversItsModulesAndNoOtherDevice) {
  const std::string prefix = device_prefix("dev");
  EXPECT_TRUE(entity_key({"dev", ""}).starts_with(prefix));
  EXPECT_TRUE(entity_key({"dev", "module"}).starts_with(prefix));
  EXPECT_FALSE(entity_key({"dev1", ""}).starts_with(prefix));
  EXPECT_FALSE(entity_key({"de", "v"}).starts_with(prefix));
}

TEST(StorageKeys, EventKeysSortByPartitionThenNumber) {
  EXPECT_LT(event_key(0, 255), event_key(0, 256));
  EXPECT_LT(event_key(0, 0xFFFF'FFFF'FFFF'FFFF), event_key(1, 0));
  EXPECT_LT(event_key(127, 5), event_key(128, 0));
  EXPECT_EQ(event_key(1, 0x0203), std::string("\0\0\0\x01\0\0\0\0\0\0\x02\x03", 12));
  const auto key = parse_event_key(event_key(7, 0x1122'3344'5566'7788));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->partition, 7U);
  EXPECT_EQ(key->sequence_number, 0x1122'3344'5566'7788U);
  EXPECT_FALSE(parse_event_key("short"));
}

TEST(StorageKeys, NamesForMessages) {
  EXPECT_EQ(name_of({"d", ""}), "d");
  EXPECT_EQ(name_of({"d", "m"}), "d/m");
}

}  // namespace
}  // namespace twinhub::storage
