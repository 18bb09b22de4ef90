#include "server/net/admission.hpp"
#include "server/notices/notices.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <string>
#include <vector>

namespace twinhub::net {
namespace {

boost::asio::ip::address at(const std::string& text) { return boost::asio::ip::make_address(text); }

/// Two ends of a connection; the hub's has a place.
class Visitor {
 public:
  Visitor(Admission& admission, DoorKind door, const std::string& peer) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()), 0);
    place_ = admission.enter(door, ends_[0], at(peer));
  }
  ~Visitor() { close(); }
  Visitor(Visitor&& other) noexcept : ends_(std::exchange(other.ends_, {-1, -1})), place_(std::move(other.place_)) {}
  Visitor& operator=(Visitor&&) = delete;

  /// What its owner does when it finds the end of its bytes.
  void close() {
    place_.leave();
    for (int& end : ends_) {
      if (end >= 0) ::close(std::exchange(end, -1));
    }
  }
  [[nodiscard]] Place* operator->() const { return &place_; }
  [[nodiscard]] bool has_place() const { return static_cast<bool>(place_); }
  void peer_leaves() { ::close(std::exchange(ends_[1], -1)); }
  [[nodiscard]] bool was_ended() const {
    char byte = 0;
    return ::recv(ends_[0], &byte, 1, MSG_PEEK) == 0;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
  mutable Place place_;
};

TEST(Admission, TheOldestStrangerMakesRoomForTheNewest) {
  notices::Notices notices;
  Admission admission({.connections_max = 2}, notices);
  const Visitor first(admission, DoorKind::rest, "10.0.0.1"), second(admission, DoorKind::mqtt, "10.0.0.2");
  const Visitor third(admission, DoorKind::rest, "10.0.0.3");
  EXPECT_TRUE(first.was_ended());
  EXPECT_FALSE(second.was_ended());
  EXPECT_TRUE(third.has_place());
  EXPECT_FALSE(third.was_ended());
}

TEST(Admission, TheKnownAreNeverEndedAndAHubFullOfThemTakesNobody) {
  notices::Notices notices;
  Admission admission({.connections_max = 2}, notices);
  const Visitor first(admission, DoorKind::rest, "10.0.0.1"), second(admission, DoorKind::mqtt, "10.0.0.1");
  first->prove();
  second->prove();
  const Visitor third(admission, DoorKind::rest, "10.0.0.3");
  EXPECT_FALSE(third.has_place());
  EXPECT_FALSE(first.was_ended());
  EXPECT_FALSE(second.was_ended());
  EXPECT_EQ(notices.figures().refused[static_cast<std::size_t>(Reason::no_place)], 1U);
}

TEST(Admission, EveryDoorHasPlacesOfItsOwnThatCanBeProvedAndLeft) {
  notices::Notices notices;
  Admission admission({.connections_max = 4}, notices);
  for (const DoorKind door : {DoorKind::mqtt, DoorKind::rest, DoorKind::amqp, DoorKind::operations}) {
    Visitor visitor(admission, door, "10.0.0.1");
    visitor->prove();
    EXPECT_EQ(admission.figures().connections, 1U) << protocol_of(door);
    visitor.close();
    EXPECT_EQ(admission.figures().connections, 0U) << protocol_of(door);
  }
}

TEST(Admission, APlaceIsFreeAgainWhenItsConnectionEnds) {
  notices::Notices notices;
  Admission admission({.connections_max = 1}, notices);
  Visitor first(admission, DoorKind::rest, "10.0.0.1");
  first->prove();
  first.close();
  const Visitor second(admission, DoorKind::rest, "10.0.0.1");
  EXPECT_TRUE(second.has_place());
  EXPECT_EQ(admission.figures().connections, 1U);
}

TEST(Admission, AnAddressHasSoManyStrangersAndNoMore) {
  notices::Notices notices;
  Admission admission({.strangers_per_address_max = 2}, notices);
  const Visitor other(admission, DoorKind::mqtt, "10.0.0.9");
  const Visitor first(admission, DoorKind::mqtt, "10.0.0.1"), second(admission, DoorKind::mqtt, "10.0.0.1");
  const Visitor third(admission, DoorKind::rest, "10.0.0.1");
  EXPECT_TRUE(first.was_ended());
  EXPECT_FALSE(second.was_ended());
  EXPECT_FALSE(other.was_ended());
}

TEST(Admission, TheKnownOfAnAddressDoNotCount) {
  notices::Notices notices;
  Admission admission({.strangers_per_address_max = 1}, notices);
  std::vector<Visitor> fleet;
  for (int i = 0; i < 100; ++i) {
    fleet.emplace_back(admission, DoorKind::mqtt, "10.0.0.1");
    ASSERT_TRUE(fleet.back().has_place());
    fleet.back()->prove();
  }
  for (const Visitor& device : fleet) EXPECT_FALSE(device.was_ended());
}

TEST(Admission, ASixtyFourOfIPv6IsOneAddressAndMappedIPv4IsIPv4) {
  notices::Notices notices;
  Admission admission({.strangers_per_address_max = 1}, notices);
  const Visitor first(admission, DoorKind::mqtt, "2001:db8::1"),
      neighbour(admission, DoorKind::mqtt, "2001:db8:0:1::1");
  const Visitor same(admission, DoorKind::mqtt, "2001:db8::ffff:1");
  EXPECT_TRUE(first.was_ended());
  EXPECT_FALSE(neighbour.was_ended());
  const Visitor plain(admission, DoorKind::mqtt, "10.0.0.1"), mapped(admission, DoorKind::mqtt, "::ffff:10.0.0.1");
  EXPECT_TRUE(plain.was_ended());
  const Visitor other_mapped(admission, DoorKind::mqtt, "::ffff:10.0.0.2");
  EXPECT_FALSE(mapped.was_ended());
}

TEST(Admission, StrangersHaveABudgetOfBytes) {
  notices::Notices notices;
  Admission admission({.stranger_bytes_max = 100, .stranger_bytes = 10}, notices);
  const Visitor first(admission, DoorKind::mqtt, "10.0.0.1"), second(admission, DoorKind::rest, "10.0.0.2");
  const Visitor known(admission, DoorKind::rest, "10.0.0.3");
  known->prove();
  known->hold(1000);  // no longer counted
  second->hold(80);
  EXPECT_FALSE(first.was_ended());
  second->hold(81);
  EXPECT_TRUE(first.was_ended());
  EXPECT_FALSE(second.was_ended());
  second->hold(91);  // more than the budget by itself
  EXPECT_TRUE(second.was_ended());
  EXPECT_FALSE(known.was_ended());
  EXPECT_EQ(admission.figures().stranger_bytes, 0U);
}

TEST(Admission, UnfinishedRequestsHaveABudgetOfTheirOwnAndTheOldestOfThemEnds) {
  notices::Notices notices;
  Admission admission({.unfinished_bytes_max = 100}, notices);
  const Visitor silent(admission, DoorKind::mqtt, "10.0.0.1"), first(admission, DoorKind::mqtt, "10.0.0.2");
  const Visitor second(admission, DoorKind::rest, "10.0.0.3"), third(admission, DoorKind::rest, "10.0.0.4");
  first->hold(50);
  second->hold(40);
  first->hold(55);  // has held for longest all the same
  third->hold(5);
  EXPECT_FALSE(first.was_ended());
  EXPECT_EQ(admission.figures().unfinished_bytes, 100U);
  third->hold(6);
  EXPECT_TRUE(first.was_ended());
  EXPECT_FALSE(silent.was_ended() || second.was_ended() || third.was_ended());
  EXPECT_EQ(admission.figures().unfinished_bytes, 46U);
  second->hold(0);  // its request is whole
  third->prove();
  EXPECT_EQ(admission.figures().unfinished_bytes, 0U);
  silent->hold(101);  // more than the budget by itself
  EXPECT_TRUE(silent.was_ended());
  EXPECT_EQ(notices.figures().refused[static_cast<std::size_t>(Reason::unfinished_limit)], 2U);
}

TEST(Admission, APlaceThatMovesIsOnePlace) {
  notices::Notices notices;
  Admission admission({}, notices);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  Place place = admission.enter(DoorKind::mqtt, ends[0], at("10.0.0.1"));
  Place moved = std::move(place);
  EXPECT_EQ(admission.figures().connections, 1U);
  EXPECT_FALSE(moved.is_known());
  moved.prove();
  EXPECT_TRUE(moved.is_known());
  EXPECT_EQ(admission.figures().strangers, 0U);
  EXPECT_EQ(admission.figures().connections, 1U);
  moved = {};
  EXPECT_EQ(admission.figures().connections, 0U);
  for (const int end : ends) ::close(end);
}

TEST(Admission, CountsTlsFromItsBeginning) {
  notices::Notices notices;
  Admission admission({.stranger_bytes_max = 1000, .stranger_bytes = 10, .stranger_tls_bytes = 300}, notices);
  const Visitor first(admission, DoorKind::mqtt, "10.0.0.1"), second(admission, DoorKind::mqtt, "10.0.0.2");
  EXPECT_EQ(first->begin_tls(), Turn::begin);
  EXPECT_EQ(admission.figures().stranger_bytes, 320U);
  first->hold(5);
  second->hold(7);
  EXPECT_EQ(admission.figures().stranger_bytes, 332U);
  EXPECT_EQ(second->begin_tls(), Turn::begin);
  second->hold(0);
  EXPECT_EQ(admission.figures().stranger_bytes, 625U);
  second->prove();
  EXPECT_EQ(admission.figures().stranger_bytes, 315U);
  first->hold(691);
  EXPECT_TRUE(first.was_ended());
}

TEST(Admission, HandshakesHaveTurnsAndAnAddressHasHalfOfThem) {
  notices::Notices notices;
  Admission admission({.handshakes_max = 4}, notices);
  std::vector<Visitor> crowd;
  for (int i = 0; i < 4; ++i) crowd.emplace_back(admission, DoorKind::mqtt, "10.0.0.1");
  EXPECT_EQ(crowd[0]->begin_tls(), Turn::begin);
  EXPECT_EQ(crowd[1]->begin_tls(), Turn::begin);
  EXPECT_EQ(crowd[2]->begin_tls(), Turn::wait);
  EXPECT_EQ(crowd[3]->begin_tls(), Turn::wait);
  EXPECT_EQ(crowd[3]->begin_tls(), Turn::wait) << "asked again";
  const Visitor other(admission, DoorKind::rest, "10.0.0.2");
  EXPECT_EQ(other->begin_tls(), Turn::begin) << "another address does not wait";
  crowd[0]->end_handshake();
  EXPECT_EQ(crowd[2]->begin_tls(), Turn::begin);
  EXPECT_EQ(crowd[3]->begin_tls(), Turn::wait) << "the first to come is the first";
  crowd[1].close();
  EXPECT_EQ(crowd[3]->begin_tls(), Turn::begin);
  for (const Visitor& one : crowd) EXPECT_FALSE(one.has_place() && one.was_ended());
}

TEST(Admission, OneThatWaitsAndLeavesTakesNoTurn) {
  notices::Notices notices;
  Admission admission({.handshakes_max = 2}, notices);
  const Visitor first(admission, DoorKind::mqtt, "10.0.0.1");
  Visitor second(admission, DoorKind::mqtt, "10.0.0.1");
  const Visitor third(admission, DoorKind::mqtt, "10.0.0.1");
  EXPECT_EQ(first->begin_tls(), Turn::begin);
  EXPECT_EQ(second->begin_tls(), Turn::wait);
  EXPECT_EQ(third->begin_tls(), Turn::wait);
  second.close();
  first->prove();
  EXPECT_EQ(third->begin_tls(), Turn::begin);
}

TEST(Admission, APeerThatEndsWhileItWaitsForItsTurnIsNotWaitedFor) {
  notices::Notices notices;
  Admission admission({.handshakes_max = 2}, notices);
  const Visitor first(admission, DoorKind::mqtt, "10.0.0.1");
  Visitor second(admission, DoorKind::mqtt, "10.0.0.1");
  EXPECT_EQ(first->begin_tls(), Turn::begin);
  EXPECT_EQ(second->begin_tls(), Turn::wait);
  second.peer_leaves();  // from now on its descriptor is readable, whatever it was told to wait for
  EXPECT_EQ(second->begin_tls(), Turn::ended);
  EXPECT_EQ(second->begin_tls(), Turn::ended);
  first->end_handshake();
}

TEST(Admission, ASlowHandshakeThatNobodyWaitsForGoesOn) {
  notices::Notices notices;
  Admission admission({.handshakes_max = 8, .handshake_time = std::chrono::seconds(0)}, notices);
  const Visitor slow(admission, DoorKind::mqtt, "10.0.0.1");
  EXPECT_EQ(slow->begin_tls(), Turn::begin);
  std::vector<Visitor> crowd;
  for (int i = 0; i < 5; ++i) {
    crowd.emplace_back(admission, DoorKind::mqtt, "10.0.0.2");
    (void)crowd.back()->begin_tls();
  }
  EXPECT_TRUE(crowd[0].was_ended()) << "the fifth of its own address waited";
  EXPECT_FALSE(slow.was_ended());
}

TEST(Admission, AnAddressThatHoldsMuchPaysForItItself) {
  notices::Notices notices;
  Admission admission({.unfinished_bytes_max = 1000}, notices);
  const Visitor modest(admission, DoorKind::mqtt, "10.0.0.1");
  const Visitor greedy(admission, DoorKind::mqtt, "10.0.0.2"), more(admission, DoorKind::rest, "10.0.0.2");
  modest->hold(100);  // for longest
  greedy->hold(500);
  more->hold(450);
  EXPECT_FALSE(modest.was_ended());
  EXPECT_TRUE(greedy.was_ended());
  EXPECT_FALSE(more.was_ended());
  EXPECT_EQ(admission.figures().unfinished_bytes, 550U);
}

TEST(Admission, AHandshakeThatHoldsUpOthersForLongEnds) {
  notices::Notices notices;
  Admission admission({.handshakes_max = 2, .handshake_time = std::chrono::seconds(0)}, notices);
  const Visitor first(admission, DoorKind::mqtt, "10.0.0.1"), second(admission, DoorKind::mqtt, "10.0.0.1");
  EXPECT_EQ(first->begin_tls(), Turn::begin);
  admission.tick();
  EXPECT_FALSE(first.was_ended()) << "nobody waits";
  EXPECT_EQ(second->begin_tls(), Turn::begin);
  EXPECT_TRUE(first.was_ended());
}

TEST(Admission, WhoEndsUpAsKnownDoesNotCountForTheRate) {
  notices::Notices notices;
  Admission admission({.strangers_per_second = 1, .strangers_burst = 3}, notices);
  for (int i = 0; i < 50; ++i) {
    const Visitor device(admission, DoorKind::mqtt, "10.0.0.1");
    ASSERT_TRUE(device.has_place());
    device->prove();
  }
  int taken = 0;
  for (int i = 0; i < 50; ++i) taken += Visitor(admission, DoorKind::mqtt, "10.0.0.2").has_place() ? 1 : 0;
  EXPECT_GE(taken, 3);
  EXPECT_LT(taken, 50);
  EXPECT_TRUE(Visitor(admission, DoorKind::mqtt, "10.0.0.3").has_place());
}

TEST(Admission, SoManyAddressesAreRememberedWithTheirRateAndNoMore) {
  const auto refused_again_after = [](std::size_t addresses_max, int others) {
    // A rate so slow that no test waits for it.
    notices::Notices notices;
    Admission admission({.strangers_per_second = 1, .strangers_burst = 5, .addresses_max = addresses_max}, notices);
    int taken = 0;
    for (int i = 0; i < 100; ++i) taken += Visitor(admission, DoorKind::mqtt, "10.0.0.1").has_place() ? 1 : 0;
    EXPECT_LT(taken, 100);
    for (int i = 0; i < others; ++i)
      EXPECT_TRUE(Visitor(admission, DoorKind::mqtt, "10.0.1." + std::to_string(i)).has_place());
    int again = 0;
    for (int i = 0; i < 5; ++i) again += Visitor(admission, DoorKind::mqtt, "10.0.0.1").has_place() ? 1 : 0;
    return again < 5;
  };
  EXPECT_TRUE(refused_again_after(1000, 10));
  EXPECT_FALSE(refused_again_after(8, 10));
}

TEST(Admission, OperationsHaveAPoolOfTheirOwn) {
  notices::Notices notices;
  Admission admission({.connections_max = 1, .operations_connections_max = 2}, notices);
  const Visitor device(admission, DoorKind::mqtt, "10.0.0.1");
  device->prove();
  const Visitor scrape(admission, DoorKind::operations, "10.0.0.2");
  const Visitor probe(admission, DoorKind::operations, "10.0.0.2");
  EXPECT_TRUE(scrape.has_place() && probe.has_place());
  const Visitor third(admission, DoorKind::operations, "10.0.0.2");
  EXPECT_TRUE(scrape.was_ended());
  EXPECT_FALSE(device.was_ended());
}

TEST(Admission, ABackEndsDoorHasABoundOfItsOwn) {
  notices::Notices notices;
  Admission admission({.rest_connections_max = 1}, notices);
  const Visitor device(admission, DoorKind::mqtt, "10.0.0.1");
  const Visitor first(admission, DoorKind::rest, "10.0.0.1"), second(admission, DoorKind::rest, "10.0.0.1");
  EXPECT_TRUE(first.was_ended());
  EXPECT_FALSE(device.was_ended());
  EXPECT_FALSE(second.was_ended());
}

TEST(Admission, WithoutDescriptorsTheOldestStrangerEnds) {
  notices::Notices notices;
  Admission admission({}, notices);
  const Visitor known(admission, DoorKind::rest, "10.0.0.1"), stranger(admission, DoorKind::mqtt, "10.0.0.2");
  known->prove();
  admission.out_of_descriptors(DoorKind::rest);
  EXPECT_TRUE(stranger.was_ended());
  admission.out_of_descriptors(DoorKind::rest);  // nobody is left to end
  EXPECT_FALSE(known.was_ended());
}

TEST(Admission, KeepsDescriptorsBack) {
  EXPECT_EQ(connections_within(1024, 640), 384U);
  EXPECT_EQ(connections_within(256, 640), 64U);
}

}  // namespace
}  // namespace twinhub::net
