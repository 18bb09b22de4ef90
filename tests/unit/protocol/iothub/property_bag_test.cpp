#include "protocol/iothub/property_bag.hpp"

#include <gtest/gtest.h>

namespace twinhub::iothub {
namespace {

/// "name=value|name|...", a name alone where there is no value.
std::string shown(std::string_view bag) {
  std::string out;
  for (const Property& property : parse_property_bag(bag)) {
    if (!out.empty()) out += '|';
    out += property.name + (property.value ? "=" + *property.value : "");
  }
  return out;
}

TEST(PropertyBag, DecodesNamesAndValues) {
  EXPECT_EQ(shown("%24.ct=application%2fjson&%24.ce=utf8"), "$.ct=application/json|$.ce=utf8");
  EXPECT_EQ(shown("$.ct=a"), "$.ct=a");
  EXPECT_EQ(shown("%C3%A9=%e6%bc%a2"), "é=漢");
  EXPECT_EQ(shown("a key=a value&é= ;/?"), "a key=a value|é= ;/?");  // azure-iot-sdk-c encodes only when asked to
}

TEST(PropertyBag, ANameAloneHasAnEmptyValueAndPairsSplitAtTheFirstEquals) {
  EXPECT_EQ(shown("LWT"), "LWT=");
  EXPECT_EQ(shown("a&b=&c=d=e&%24.ct"), "a=|b=|c=d=e|$.ct=");
}

TEST(PropertyBag, AQuestionMarkInFrontBelongsToTheName) { EXPECT_EQ(shown("?k=v&?"), "?k=v|?="); }

TEST(PropertyBag, LeavesPlusAloneAndIgnoresEmptyPairs) { EXPECT_EQ(shown("&a=1+2&&b=%2B&"), "a=1+2|b=+"); }

TEST(PropertyBag, KeepsDuplicatesInOrder) { EXPECT_EQ(shown("a=1&a=2"), "a=1|a=2"); }

TEST(PropertyBag, MalformedEscapesStayAsTheyAre) {
  EXPECT_EQ(shown("a=%&b=%4&c=%zz&d=100%25"), "a=%|b=%4|c=%zz|d=100%");
}

TEST(PercentCoding, GoesThereAndBackForEveryByte) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a/b c"), "a%2Fb%20c");
}

}  // namespace
}  // namespace twinhub::iothub
