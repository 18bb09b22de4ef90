#include "server/console/assets.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <array>
#include <boost/beast/http/field.hpp>

namespace twinhub::console {
namespace {

namespace http = boost::beast::http;

// printf 'hello, page' | gzip -9n
constexpr unsigned char page_gzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb,
                                       0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0x28, 0x48, 0x4c, 0x4f, 0x05,
                                       0x00, 0x98, 0x71, 0x52, 0x72, 0x0b, 0x00, 0x00, 0x00};
constexpr Asset table[] = {{"assets/app-1.js", "text/javascript; charset=utf-8", "aa11", page_gzip},
                           {"index.html", "text/html; charset=utf-8", "bb22", page_gzip}};

struct AssetsTest : testing::Test {
  ops::SiteAnswer get(std::string_view path) { return assets.answer(path, head); }
  static std::string header(const ops::SiteAnswer& answer, std::string_view name) {
    const auto found = std::find_if(answer.headers.begin(), answer.headers.end(),
                                    [name](const auto& each) { return each.first == name; });
    return found == answer.headers.end() ? "(absent)" : found->second;
  }
  Assets assets{{"cafe", table}};
  ops::SiteHead head;
};

TEST_F(AssetsTest, EveryPathOfTheConsoleIsThePageAndOnlyAssetsAreFiles) {
  for (const char* path : {"/console/", "/console/devices/pump-1", "/console/devices/pump.js", "/console/index.html"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 200U) << path;
    EXPECT_EQ(header(answer, "Content-Type"), "text/html; charset=utf-8") << path;
    EXPECT_EQ(answer.body, "hello, page") << path;
  }
  EXPECT_EQ(header(get("/console/assets/app-1.js"), "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(get("/console/assets/app-2.js").status, 404U);
  EXPECT_EQ(get("/console/assets/../index.html").status, 404U);
  EXPECT_EQ(get("/console").status, 308U);
  EXPECT_EQ(header(get("/console"), "Location"), "/console/");
}

TEST_F(AssetsTest, AFileWithItsHashInItsNameIsKeptForGoodAndThePageIsAskedForEachTime) {
  EXPECT_EQ(header(get("/console/assets/app-1.js"), "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header(get("/console/"), "Cache-Control"), "no-cache");
  EXPECT_EQ(header(get("/console/"), "ETag"), "\"cafe\"");
}

TEST_F(AssetsTest, ThePageIsNotSentAgainToWhomHasIt) {
  for (const char* known : {"\"cafe\"", "W/\"cafe\"", "\"x\", \"cafe\"", "*"}) {
    head.set(http::field::if_none_match, known);
    const auto answer = get("/console/");
    EXPECT_EQ(answer.status, 304U) << known;
    EXPECT_EQ(answer.body, "") << known;
  }
  head.set(http::field::if_none_match, "\"older\"");
  EXPECT_EQ(get("/console/").status, 200U);
}

TEST_F(AssetsTest, WhoTakesGzipGetsTheBytesAsTheyLie) {
  head.set(http::field::accept_encoding, "br, gzip;q=0.5");
  const auto answer = get("/console/");
  EXPECT_EQ(header(answer, "Content-Encoding"), "gzip");
  EXPECT_TRUE(std::equal(answer.body.begin(), answer.body.end(), std::begin(page_gzip), std::end(page_gzip),
                         [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; }));
}

TEST(TakesGzip, ReadsTheListOfCodings) {
  for (const char* yes : {"gzip", "GZIP", "deflate, gzip", "gzip;q=0.1", "*", "br , gzip ; q=1"})
    EXPECT_TRUE(takes_gzip(yes)) << yes;
  for (const char* no : {"", "br", "gzip;q=0", "gzip; q=0.0", "x-gzipped"}) EXPECT_FALSE(takes_gzip(no)) << no;
}

TEST(Assets, WithoutPagesThePathSaysHowToBuildThem) {
  const auto answer = Assets({}).answer("/console/", {});
  EXPECT_EQ(answer.status, 404U);
  EXPECT_NE(answer.body.find("TWINHUB_CONSOLE=ON"), std::string::npos);
}

}  // namespace
}  // namespace twinhub::console
