#include "protocol/iothub/connection_string.hpp"

#include <gtest/gtest.h>

#include <string>

namespace twinhub::iothub {
namespace {

TEST(ConnectionStringText, IsReadAsItIsWritten) {
  ConnectionString device;
  device.host_name = "hub.local";
  device.id = {"d", "m"};
  device.shared_access_key = "AAAA==";
  const auto read = parse_connection_string(to_string(device));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->host_name, "hub.local");
  EXPECT_EQ(read->id, device.id);
  EXPECT_EQ(read->shared_access_key, "AAAA==");
  EXPECT_FALSE(read->x509);
}

/// .NET's builders compare names so, and write a truth as "True".
TEST(ConnectionStringText, NamesAndTruthsCountInAnyCase) {
  for (const std::string text :
       {"HostName=h;DeviceId=d;x509=true", "HOSTNAME=h;deviceid=d;X509=True", "hostName=h;DeviceID=d;x509=TRUE;"}) {
    const auto read = parse_connection_string(text);
    ASSERT_TRUE(read) << text;
    EXPECT_TRUE(read->x509) << text;
    EXPECT_EQ(read->host_name, "h") << text;
    EXPECT_EQ(read->id.device, "d") << text;
  }
  EXPECT_FALSE(parse_connection_string("HostName=h;DeviceId=d;x509=false")) << "there is nothing to authenticate by";
  EXPECT_FALSE(parse_connection_string("HostName=h;DeviceId=d;x509=yes"));
  EXPECT_FALSE(parse_connection_string("HostName"));
}

}  // namespace
}  // namespace twinhub::iothub
