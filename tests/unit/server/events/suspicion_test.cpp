// The search for the event that the other side cannot take, step by step.
#include "server/events/suspicion.hpp"

#include <gtest/gtest.h>
#include <cstddef>
#include <vector>

namespace twinhub::events {
namespace {

using Next = Suspicion::Next;

/// Three lost batches from `front` on.
Suspicion suspecting(std::uint64_t front) {
  Suspicion suspicion;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(suspicion.next(front), Next::batch);
    suspicion.batch_lost(front, front + 10);
  }
  return suspicion;
}

TEST(Suspicion, AfterThreeLossesInOnePlaceEventsGoAloneToTheEndOfTheBatch) {
  const Suspicion suspicion = suspecting(5);
  EXPECT_EQ(suspicion.next(5), Next::alone);
  EXPECT_EQ(suspicion.next(14), Next::alone);
  EXPECT_EQ(suspicion.next(15), Next::batch);
}

TEST(Suspicion, LossesInDifferentPlacesAreAWeakNetwork) {
  Suspicion suspicion;
  for (std::uint64_t front = 0; front < 20; ++front) {
    suspicion.batch_lost(front, front + 10);
    EXPECT_EQ(suspicion.next(front), Next::batch);
  }
}

TEST(Suspicion, AnEventIsRefusedWhenItFailsAgainBehindAWitness) {
  Suspicion suspicion = suspecting(5);
  EXPECT_FALSE(suspicion.lost_alone(5));
  EXPECT_EQ(suspicion.next(5), Next::alone);
  EXPECT_FALSE(suspicion.lost_alone(5));
  EXPECT_EQ(suspicion.next(5), Next::witness);
  suspicion.witness_passed();
  EXPECT_EQ(suspicion.next(5), Next::alone);
  EXPECT_TRUE(suspicion.lost_alone(5));
  EXPECT_EQ(suspicion.next(6), Next::alone);
}

TEST(Suspicion, AWitnessFromBeforeTheEventFailedAloneProvesNothing) {
  Suspicion suspicion = suspecting(5);
  suspicion.witness_passed();
  EXPECT_FALSE(suspicion.lost_alone(5));
  suspicion.witness_passed();
  EXPECT_FALSE(suspicion.lost_alone(5));
  EXPECT_FALSE(suspicion.lost_alone(5));
}

TEST(Suspicion, WithoutAWitnessNothingIsEverRefused) {
  Suspicion suspicion = suspecting(5);
  for (int i = 0; i < 1000; ++i) {
    if (suspicion.next(5) == Next::witness) {
      suspicion.witness_lost();
      EXPECT_EQ(suspicion.next(5), Next::alone);
    }
    ASSERT_FALSE(suspicion.lost_alone(5));
  }
  EXPECT_FALSE(suspicion.is_patient());
}

/// A device that is poisonous goes on being so: its next event costs one failure and one witness, and waits for no batch.
TEST(Suspicion, CloseBehindARefusedEventOneFailureAndAWitnessAreEnough) {
  Suspicion suspicion = suspecting(5);
  EXPECT_FALSE(suspicion.lost_alone(5));
  EXPECT_FALSE(suspicion.lost_alone(5));
  suspicion.witness_passed();
  ASSERT_TRUE(suspicion.lost_alone(5));
  for (std::uint64_t front = 6; front <= 5 + Suspicion::careful; front += 7) {
    EXPECT_EQ(suspicion.next(front), Next::alone);
    EXPECT_FALSE(suspicion.lost_alone(front)) << "not without a witness";
    EXPECT_EQ(suspicion.next(front), Next::witness);
    EXPECT_FALSE(suspicion.lost_alone(front)) << "not without a witness";
    suspicion.witness_passed();
    EXPECT_EQ(suspicion.next(front), Next::alone);
    EXPECT_TRUE(suspicion.lost_alone(front));
  }
}

TEST(Suspicion, FarBehindARefusedEventTheSearchBeginsAnew) {
  Suspicion suspicion = suspecting(5);
  EXPECT_FALSE(suspicion.lost_alone(5));
  EXPECT_FALSE(suspicion.lost_alone(5));
  suspicion.witness_passed();
  ASSERT_TRUE(suspicion.lost_alone(5));
  const std::uint64_t far = 6 + Suspicion::careful;
  EXPECT_EQ(suspicion.next(far), Next::batch);
  for (int i = 0; i < 3; ++i) suspicion.batch_lost(far, far + 10);
  EXPECT_FALSE(suspicion.lost_alone(far));
  EXPECT_EQ(suspicion.next(far), Next::alone);
}

std::vector<std::size_t> next_witnesses(Suspicion& suspicion, std::size_t count) {
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i <= count; ++i) {
    asked.push_back(suspicion.witness_among(count));
    suspicion.witness_lost();
  }
  return asked;
}

TEST(Suspicion, WitnessesOfOtherDevicesAreNearAndThoseOfItsOwnFarAway) {
  Suspicion suspicion = suspecting(5);
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(suspicion.lost_alone(5));
  EXPECT_EQ(next_witnesses(suspicion, 5), (std::vector<std::size_t>{0, 1, 2, 3, 4, 0}));
  Suspicion of_its_own_device = suspecting(5);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(of_its_own_device.lost_alone(5));
  EXPECT_EQ(next_witnesses(of_its_own_device, 5), (std::vector<std::size_t>{4, 0, 3, 1, 2, 4}));
}

}  // namespace
}  // namespace twinhub::events
