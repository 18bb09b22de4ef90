#include "server/ops/figures_history.hpp"

#include <gtest/gtest.h>
#include <cmath>

namespace twinhub::ops {
namespace {

constexpr FigureInfo infos[] = {
    {"gauge", "g"}, {"rate", "r", "", FigureKind::rate}, {"mean", "m", "", FigureKind::mean}};

struct FiguresHistoryTest : testing::Test {
  void add(std::uint64_t second, double gauge, double counter, double of = 0) {
    history.add(std::vector<FiguresHistory::Sample>{{gauge}, {counter}, {counter, of}}, second,
                timestamp_from_unix(1'800'000'000 + static_cast<std::int64_t>(second)));
  }
  [[nodiscard]] float fine(std::size_t figure, std::size_t back) const {
    const auto series = history.series(FiguresHistory::fine);
    return series.values[figure][FiguresHistory::fine.steps - 1 - back];
  }
  [[nodiscard]] float coarse(std::size_t figure, std::size_t back) const {
    const auto series = history.series(FiguresHistory::coarse);
    return series.values[figure][FiguresHistory::coarse.steps - 1 - back];
  }
  FiguresHistory history{infos};
};

TEST_F(FiguresHistoryTest, AHistoryWithoutSamplesHasNoValueAtAll) {
  const auto series = history.series(FiguresHistory::fine);
  EXPECT_EQ(series.ends_at.ticks, 0U);
  ASSERT_EQ(series.values.size(), 3U);
  ASSERT_EQ(series.values[0].size(), FiguresHistory::fine.steps);
  for (const float value : series.values[0]) EXPECT_TRUE(std::isnan(value));
}

TEST_F(FiguresHistoryTest, AGaugeIsShownAsItStands) {
  add(100, 5, 0);
  add(101, 7, 0);
  EXPECT_EQ(fine(0, 0), 7);
  EXPECT_EQ(fine(0, 1), 5);
  EXPECT_TRUE(std::isnan(fine(0, 2)));
}

TEST_F(FiguresHistoryTest, ARateIsTheGrowthPerSecondAlsoAcrossSecondsThatWereSkipped) {
  add(100, 0, 1000);
  EXPECT_TRUE(std::isnan(fine(1, 0))) << "one value has no growth";
  add(101, 0, 1010);
  EXPECT_EQ(fine(1, 0), 10);
  add(105, 0, 1050);
  EXPECT_EQ(fine(1, 0), 10);
  EXPECT_TRUE(std::isnan(fine(1, 1))) << "nothing was seen in that second";
  EXPECT_EQ(fine(1, 4), 10);
}

TEST_F(FiguresHistoryTest, ACounterThatBeganAnewHasNoRate) {
  add(100, 0, 1000);
  add(101, 0, 3);
  EXPECT_TRUE(std::isnan(fine(1, 0)));
}

TEST_F(FiguresHistoryTest, AMeanDividesByTheOtherCountersGrowth) {
  add(100, 0, 2, 10);
  add(101, 0, 3, 14);
  EXPECT_EQ(fine(2, 0), 0.25F);
  add(102, 0, 3, 14);
  EXPECT_TRUE(std::isnan(fine(2, 0))) << "nothing happened";
}

TEST_F(FiguresHistoryTest, ACoarseStepIsTheMeanOfItsSeconds) {
  for (std::uint64_t second = 150; second < 165; ++second) add(second, static_cast<double>(second - 150), 0);
  EXPECT_EQ(coarse(0, 0), 7);
  add(165, 100, 0);
  EXPECT_EQ(coarse(0, 0), 100);
  EXPECT_EQ(coarse(0, 1), 7);
}

TEST_F(FiguresHistoryTest, WhatIsOlderThanTheRingIsGone) {
  add(10, 1, 0);
  add(11, 2, 0);
  add(10 + FiguresHistory::fine.steps, 3, 0);
  EXPECT_EQ(fine(0, 0), 3);
  EXPECT_EQ(fine(0, FiguresHistory::fine.steps - 1), 2);
  add(10 + 5 * FiguresHistory::fine.steps, 4, 0);
  EXPECT_EQ(fine(0, 0), 4);
  for (std::size_t back = 1; back < FiguresHistory::fine.steps; ++back) EXPECT_TRUE(std::isnan(fine(0, back)));
}

TEST_F(FiguresHistoryTest, TheNewestHasANumberThatGrows) {
  EXPECT_EQ(history.number(), 0U);
  add(100, 5, 0);
  add(100, 6, 0);  // the same second
  EXPECT_EQ(history.number(), 1U);
  EXPECT_EQ(history.newest().values[0], 5);
  EXPECT_EQ(history.newest().at, timestamp_from_unix(1'800'000'100));
}

}  // namespace
}  // namespace twinhub::ops
