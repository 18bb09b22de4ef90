// What the tests of notices share.
#pragma once

#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <cstddef>
#include <string_view>
#include <vector>

namespace twinhub::test {

using notices::Kind;
using notices::Notice;
using notices::Stage;

/// The one notice of `reason`, once it is there.
inline Notice notice_of(const WireHub& hub, Reason reason) {
  std::vector<Notice> found;
  const bool is_there = eventually([&] {
    found = hub.notice_log().find({.reason = reason}).notices;
    return !found.empty();
  });
  EXPECT_TRUE(is_there) << notices::name_of(reason);
  EXPECT_LE(found.size(), 1U) << notices::name_of(reason);
  return is_there ? found.front() : Notice();
}

inline std::size_t refusals(const WireHub& hub) {
  std::size_t sum = 0;
  for (const std::uint64_t count : hub.notice_log().figures().refused) sum += count;
  return sum;
}

inline void expect_from_here(const Notice& notice) {
  EXPECT_TRUE(notice.address.starts_with("127.0.0.1:")) << notice.address;
  EXPECT_GT(notice.address.size(), std::string_view("127.0.0.1:").size());
}

}  // namespace twinhub::test
