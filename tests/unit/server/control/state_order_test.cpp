#include "server/control/state_order.hpp"

#include <gtest/gtest.h>

namespace twinhub::control {
namespace {

using Kind = StateOrder::Kind;

TEST(StateOrder, EachPathIsAnOrder) {
  const auto expect = [](std::string_view method, std::string_view path, std::string_view query, Kind kind,
                         std::string_view snapshot) {
    const auto order = parse_state_order(method, path, query);
    ASSERT_TRUE(order) << method << ' ' << path;
    EXPECT_EQ(order->kind, kind);
    EXPECT_EQ(order->snapshot, snapshot);
  };
  expect("POST", "/control/reset", "", Kind::reset, "");
  expect("POST", "/control/reset", "to=seed", Kind::reset_to_seed, "");
  expect("POST", "/control/reset", "to=empty", Kind::reset_to_empty, "");
  expect("POST", "/control/snapshots/a.b", "", Kind::save, "a.b");
  expect("POST", "/control/snapshots/a/restore", "", Kind::restore, "a");
  expect("POST", "/control/snapshots/restore", "", Kind::save, "restore");
  expect("DELETE", "/control/snapshots/a", "", Kind::remove, "a");
}

TEST(StateOrder, WhatIsNoneIsSaidInWords) {
  const auto expect = [](std::string_view method, std::string_view path, std::string_view query, Errc code) {
    const auto order = parse_state_order(method, path, query);
    ASSERT_FALSE(order) << method << ' ' << path << '?' << query;
    EXPECT_EQ(order.error().code, code) << method << ' ' << path << '?' << query;
    EXPECT_FALSE(order.error().detail.empty());
  };
  expect("GET", "/control/reset", "", Errc::generic_method_not_allowed);
  expect("PUT", "/control/snapshots/a", "", Errc::generic_method_not_allowed);
  expect("DELETE", "/control/snapshots/a/restore", "", Errc::generic_method_not_allowed);
  expect("POST", "/control/", "", Errc::device_not_found);
  expect("POST", "/control/resets", "", Errc::device_not_found);
  expect("POST", "/control/reset", "to=", Errc::argument_invalid);
  expect("POST", "/control/reset", "to=empty&to=seed", Errc::argument_invalid);
  expect("POST", "/control/snapshots/", "", Errc::argument_invalid);
  expect("POST", "/control/snapshots//restore", "", Errc::argument_invalid);
  expect("POST", "/control/snapshots/../restore", "", Errc::argument_invalid);
  expect("POST", "/control/snapshots/a/b", "", Errc::argument_invalid);
  expect("POST", "/control/snapshots/.seed/restore", "", Errc::argument_invalid);
  expect("DELETE", "/control/snapshots/a", "b=1", Errc::argument_invalid);
}

}  // namespace
}  // namespace twinhub::control
