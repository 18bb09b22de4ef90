// Direct methods as a test's back end calls them.
#pragma once

#include "server/base/error_table.hpp"
#include "server/hub/methods/methods.hpp"
#include "tests/wire/wire_hub.hpp"

#include <gtest/gtest.h>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace twinhub::test {

using Call = std::future<Result<hub::MethodAnswer>>;

/// "200 {...}", or the error's name.
inline std::string outcome(Call& call) {
  if (call.wait_for(std::chrono::seconds(60)) != std::future_status::ready) return "no answer";
  const auto result = call.get();
  if (!result) return std::string(hub::row_of(result.error().code).name);
  return std::to_string(result->status) + " " + result->payload;
}
inline std::string outcome(Call&& call) { return outcome(call); }

inline bool is_open(const Call& call) { return call.wait_for(std::chrono::seconds(0)) != std::future_status::ready; }

/// Calls a device that does not read until the newest call is refused; returns those that were sent to it. Calls reach
/// the device in the order they were made, so the fate of all is known by then. How many fit is the kernel's affair.
/// `messages_sent`: by the device's door.
inline std::vector<Call> call_until_refused(WireHub& hub, const IdentityId& id,
                                            const std::function<std::uint64_t()>& messages_sent) {
  const std::string large(100 * 1024, '1');
  std::vector<Call> calls;
  do {
    if (calls.size() == 500) {
      ADD_FAILURE() << "all of " << calls.size() << " calls were sent";
      return {};
    }
    const std::uint64_t before = messages_sent();
    calls.push_back(hub.invoke(id, {.name = "m", .payload = large}));
    EXPECT_TRUE(eventually([&] { return !is_open(calls.back()) || messages_sent() > before; }));
  } while (is_open(calls.back()));
  std::vector<Call> sent;
  for (Call& call : calls) {
    if (is_open(call)) {
      sent.push_back(std::move(call));
    } else {
      EXPECT_EQ(outcome(call), "ThrottlingException");
    }
  }
  EXPECT_FALSE(sent.empty());
  return sent;
}

}  // namespace twinhub::test
