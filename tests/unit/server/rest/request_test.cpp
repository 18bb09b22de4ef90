#include "server/rest/request.hpp"

#include "server/rest/api_version.hpp"

#include <gtest/gtest.h>

namespace twinhub::rest {
namespace {

Request read(std::string_view target) {
  Request request;
  read_target(target, request);
  return request;
}

using Segments = std::vector<std::string>;

TEST(RequestTarget, IsDecodedOnceAndThenSplit) {
  EXPECT_EQ(read("/devices/d1").segments, (Segments{"devices", "d1"}));
  EXPECT_EQ(read("/devices%2Fd1").segments, (Segments{"devices", "d1"})) << "the whole path as one segment";
  EXPECT_EQ(read("/devices/d1/").segments, (Segments{"devices", "d1"})) << "a trailing slash";
  EXPECT_EQ(read("/devices/a%2525b").segments, (Segments{"devices", "a%25b"})) << "once, not twice";
  EXPECT_EQ(read("/devices/a+b%2Bc").segments, (Segments{"devices", "a+b+c"})) << "'+' stays '+'";
  EXPECT_EQ(read("/devices//d1").segments, (Segments{"devices", "", "d1"}));
  EXPECT_EQ(read("/").segments, Segments{""});
}

TEST(RequestTarget, QueryParametersAreFoundWhateverTheirCase) {
  const Request request = read("/x?api-version=2021-04-12&reject&top=5");
  EXPECT_EQ(request.parameter("API-Version"), "2021-04-12");
  EXPECT_EQ(request.parameter("reject"), "");
  EXPECT_EQ(request.parameter("top"), "5");
  EXPECT_FALSE(request.parameter("missing"));
}

TEST(ApiVersion, TheFirstOneIsTakenAndNoneBeforeIt) {
  for (const char* version : {"2016-02-03", "2016-04-30", "2016-11-14", "2021-04-12"})
    EXPECT_TRUE(dialect_of(read("/x?api-version=" + std::string(version)))) << version;
  for (const char* version : {"2015-08-15-preview", "2016-02-02"})
    EXPECT_FALSE(dialect_of(read("/x?api-version=" + std::string(version)))) << version;
}

TEST(ApiVersion, AnyDateFrom2016On) {
  for (const char* version :
       {"2016-11-14", "2017-11-08-preview", "2018-06-30", "2021-04-12", "2024-03-31", "2030-01-01"}) {
    EXPECT_TRUE(dialect_of(read("/x?api-version=" + std::string(version)))) << version;
  }
  for (const char* target : {"/x", "/x?api-version=", "/x?api-version=2015-01-01", "/x?api-version=latest",
                             "/x?api-version=2021-4-12", "/x?api-version=2021-04-12x"}) {
    const auto dialect = dialect_of(read(target));
    ASSERT_FALSE(dialect) << target;
    EXPECT_EQ(dialect.error().code, Errc::invalid_protocol_version);
  }
}

TEST(ApiVersion, SaysWhichDialect) {
  const auto dialect = [](const char* version) { return *dialect_of(read("/x?api-version=" + std::string(version))); };
  EXPECT_FALSE(dialect("2018-06-30").arrays_allowed);
  EXPECT_TRUE(dialect("2019-10-01").arrays_allowed);
  EXPECT_FALSE(dialect("2019-10-01").show_model_id);
  EXPECT_TRUE(dialect("2020-09-30").show_model_id);
}

}  // namespace
}  // namespace twinhub::rest
