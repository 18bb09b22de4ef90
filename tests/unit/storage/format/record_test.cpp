// Stored bytes: what is written reads back; bytes that are no record give an Error and nothing worse.
#include "storage/format/record.hpp"

#include "tests/unit/storage/store_fixture.hpp"

#include <gtest/gtest.h>

namespace twinhub::storage {
namespace {

using testing::moment;

iothub::Identity full_identity() {
  iothub::Identity identity;
  identity.id = {"device", "module"};
  identity.generation_id = "638000000000000001";
  identity.etag = 0x0102'0304'0506'0708;
  identity.status = iothub::Status::disabled;
  identity.status_reason = "";
  identity.status_updated = moment(5);
  identity.authentication = iothub::AuthenticationType::self_signed;
  identity.primary_key = "k1";
  identity.secondary_key = "k2";
  identity.primary_thumbprint = std::string(40, 'A');
  identity.secondary_thumbprint = std::string(64, 'b');
  identity.iot_edge = true;
  identity.device_scope = "scope";
  identity.parent_scopes = {"one", "", "three"};
  identity.managed_by = "edge";
  return identity;
}

void expect_same(const iothub::Identity& a, const iothub::Identity& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.generation_id, b.generation_id);
  EXPECT_EQ(a.etag, b.etag);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.status_reason, b.status_reason);
  EXPECT_EQ(a.status_updated, b.status_updated);
  EXPECT_EQ(a.authentication, b.authentication);
  EXPECT_EQ(a.primary_key, b.primary_key);
  EXPECT_EQ(a.secondary_key, b.secondary_key);
  EXPECT_EQ(a.primary_thumbprint, b.primary_thumbprint);
  EXPECT_EQ(a.secondary_thumbprint, b.secondary_thumbprint);
  EXPECT_EQ(a.iot_edge, b.iot_edge);
  EXPECT_EQ(a.device_scope, b.device_scope);
  EXPECT_EQ(a.parent_scopes, b.parent_scopes);
  EXPECT_EQ(a.managed_by, b.managed_by);
}

twin::Twin full_twin() {
  twin::Twin twin;
  twin.etag_counter = 9;
  twin.tags = R"({"site":"A"})";
  twin.tags_size_bytes = 5;
  twin.desired = {R"({"a":{"b":1}})", {{moment(), 3}, {moment(1), 2}, {moment(2), 3}}, 3, 3};
  twin.reported = {R"({"c":"d"})", {{moment(3), 0}, {moment(4), 1}}, 12, 2};
  twin.model_id = "dtmi:com:example:Thermostat;1";
  twin.configurations = R"({"c1":{"status":"Applied"}})";
  return twin;
}

template <class T>
std::string bytes_of(const T& value) {
  std::string bytes;
  encode(bytes, value);
  return bytes;
}

TEST(StorageRecord, AnIdentityReadsBackWhole) {
  const auto identity = full_identity();
  const auto read = decode_identity(identity.id, bytes_of(identity));
  ASSERT_TRUE(read);
  expect_same(*read, identity);
}

TEST(StorageRecord, AnIdentityWithNothingSetReadsBack) {
  iothub::Identity identity;
  identity.id = {"d", ""};
  const auto read = decode_identity(identity.id, bytes_of(identity));
  ASSERT_TRUE(read);
  expect_same(*read, identity);
}

TEST(StorageRecord, ALeafReadsWithOneParentUnderBothNames) {
  const auto read = [](bool iot_edge, const std::string& scope, std::vector<std::string> parents) {
    iothub::Identity identity;
    identity.id = {"leaf", ""};
    identity.iot_edge = iot_edge;
    identity.device_scope = scope;
    identity.parent_scopes = std::move(parents);
    const auto decoded = decode_identity(identity.id, bytes_of(identity));
    EXPECT_TRUE(decoded);
    return std::pair(decoded->device_scope, decoded->parent_scopes);
  };
  using Scopes = std::pair<std::string, std::vector<std::string>>;
  EXPECT_EQ(read(false, "s", {}), (Scopes{"s", {"s"}}));
  EXPECT_EQ(read(false, "", {"s"}), (Scopes{"s", {"s"}}));
  EXPECT_EQ(read(false, "s", {"t"}), (Scopes{"s", {"s"}}));
  EXPECT_EQ(read(false, "", {}), (Scopes{"", {}}));
  EXPECT_EQ(read(true, "own", {"s"}), (Scopes{"own", {"s"}})) << "an edge device has a scope of its own";
}

TEST(StorageRecord, ATwinReadsBackWhole) {
  const auto read = decode_twin(bytes_of(full_twin()));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, full_twin());
}

TEST(StorageRecord, ATwinWithoutConfigurationsIsWrittenAsBeforeThereWereAny) {
  twin::Twin twin = full_twin();
  twin.configurations = "{}";
  const std::string bytes = bytes_of(twin);
  EXPECT_EQ(bytes[0], '\1');
  EXPECT_EQ(bytes.substr(bytes.size() - twin.model_id.size()), twin.model_id);
  EXPECT_EQ(*decode_twin(bytes), twin);
}

TEST(StorageRecord, ASessionReadsBackWhole) {
  const Session session{{{"$iothub/twin/res/#", 0}, {"devices/d/messages/devicebound/#", 1}}};
  const auto read = decode_session(bytes_of(session));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, session);
}

// Each kind of record as bytes, and whether given bytes are one.
struct Kind {
  const char* name;
  std::string bytes;
  bool (*decodes)(std::string_view);
};

std::vector<Kind> kinds() {
  return {
      {"identity", bytes_of(full_identity()),
       [](std::string_view bytes) {
         return decode_identity({"device", "module"}, bytes).has_value();
       }},
      {"twin", bytes_of(full_twin()), [](std::string_view bytes) { return decode_twin(bytes).has_value(); }},
      {"session", bytes_of(Session{{{"a/b", 1}, {"c", 0}}}),
       [](std::string_view bytes) { return decode_session(bytes).has_value(); }},
  };
}

TEST(StorageRecord, EveryTruncationIsAnError) {
  for (const Kind& kind : kinds()) {
    ASSERT_TRUE(kind.decodes(kind.bytes)) << kind.name;
    for (std::size_t size = 0; size < kind.bytes.size(); ++size) {
      // A copy of exactly that size, so that a sanitizer sees one byte too far.
      const std::vector<char> cut(kind.bytes.begin(), kind.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(kind.decodes({cut.data(), cut.size()})) << kind.name << " of " << size << " bytes";
    }
  }
}

TEST(StorageRecord, ATrailingByteIsAnError) {
  for (const Kind& kind : kinds()) EXPECT_FALSE(kind.decodes(kind.bytes + "x")) << kind.name;
}

TEST(StorageRecord, AnUnknownFormatVersionIsAnError) {
  for (const Kind& kind : kinds()) {
    for (const char version : {'\0', '\3', '\xFF'}) {
      std::string bytes = kind.bytes;
      bytes[0] = version;
      EXPECT_FALSE(kind.decodes(bytes)) << kind.name;
    }
  }
}

TEST(StorageRecord, NoFlippedByteDoesMoreThanChangeOrRefuseTheRecord) {
  for (const Kind& kind : kinds()) {
    for (std::size_t at = 0; at < kind.bytes.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::vector<char> bytes(kind.bytes.begin(), kind.bytes.end());
        bytes[at] = static_cast<char>(bytes[at] ^ flip);
        (void)kind.decodes({bytes.data(), bytes.size()});  // a sanitizer would stop here
      }
    }
  }
}

TEST(StorageRecord, ASessionOfTheFirstFormatHasNoLastSeenTime) {
  const Session session{{{"a/b", 1}}, {12345}};
  EXPECT_EQ(*decode_session(bytes_of(session)), session);
  std::string old = bytes_of(session).erase(1, 8);
  old[0] = 1;
  EXPECT_EQ(*decode_session(old), (Session{{{"a/b", 1}}, {}}));
}

TEST(StorageRecord, EnumeratorsBeyondTheLastAreErrors) {
  auto identity = bytes_of(full_identity());
  identity[9] = 2;  // status
  EXPECT_FALSE(decode_identity({"d", ""}, identity));
}

TEST(StorageRecord, ATwinWithoutARootStampIsRefused) {
  twin::Twin twin = full_twin();
  twin.desired.stamps.clear();
  EXPECT_FALSE(decode_twin(bytes_of(twin)));
}

}  // namespace
}  // namespace twinhub::storage
