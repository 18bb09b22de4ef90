// A hub with one device that is sent cloud-to-device messages, by a clock that stands still.
#pragma once

#include "tests/unit/server/hub/store_folder.hpp"
#include "tests/unit/server/hub/world.hpp"

#include <gtest/gtest.h>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace twinhub::hub {

using iothub::Acknowledgement;
using Delivery = CloudToDevice::Delivery;

constexpr std::size_t no_window = CloudToDevice::queue_max;

inline iothub::CloudToDeviceMessage message(std::string body, Acknowledgement acknowledgement = Acknowledgement::none) {
  iothub::CloudToDeviceMessage made;
  made.body = std::move(body);
  made.message_id = "id-" + made.body.substr(0, 32);
  made.acknowledgement = acknowledgement;
  return made;
}

/// A hub whose feedback does not wait for a batch to fill.
struct MessageWorld : World {
  explicit MessageWorld(storage::StoreOptions options = memory_options()) : World(std::move(options)) {
    const bool there = store->read(d1)->entity.identity != nullptr;
    EXPECT_TRUE(there || put(d1));
  }
  Result<void> send(iothub::CloudToDeviceMessage sent) {
    return answer_of<void>([&](auto done) { hub.cloud_to_device.send("d1", std::move(sent), std::move(done)); });
  }
  std::optional<Delivery> receive(std::uint64_t consumer = 0, std::size_t window = no_window) {
    auto received = hub.cloud_to_device.receive("d1", consumer, window);
    EXPECT_TRUE(received);
    return received ? std::move(*received) : std::nullopt;
  }
  std::string body(std::uint64_t consumer = 0) {
    const auto received = receive(consumer);
    return received ? received->message.body : "(none)";
  }
  Result<void> complete(const MessageLock& lock) {
    return answer_of<void>([&](auto done) { hub.cloud_to_device.complete("d1", lock, std::move(done)); });
  }
  Result<void> reject(const MessageLock& lock) {
    return answer_of<void>([&](auto done) { hub.cloud_to_device.reject("d1", lock, std::move(done)); });
  }
  Result<void> abandon(const MessageLock& lock) {
    return answer_of<void>([&](auto done) { hub.cloud_to_device.abandon("d1", lock, std::move(done)); });
  }
  std::uint32_t count() { return hub.cloud_to_device.count(d1); }
  /// Ticks until what they began is durable.
  void tick() {
    hub.tick();
    settle();
  }
  /// What was queued for the disk before this is durable after it.
  void settle() {
    (void)answer_of<void>([&](auto done) {
      ASSERT_TRUE(store->write_records(
          {{storage::RecordKind::cursors, "settle", "x"}}, {},
          [done](const Result<void>& durable, storage::Outbox& outbox) { done(durable, outbox); }));
    });
  }
  /// "id-a Success, id-b Expired": what feedback tells next, after its batch has waited.
  std::string feedback() {
    clock.advance_seconds(15);
    auto batch = hub.feedback.receive();
    if (!batch || !*batch) return "(none)";
    const auto document = json::parse((*batch)->json);
    std::string told;
    for (const json::Value record : document->root()) {
      told += (told.empty() ? "" : ", ") + record.find("originalMessageId")->string().value() + " " +
              record.find("statusCode")->string().value();
    }
    EXPECT_TRUE(answer_of<void>([&](auto done) { hub.feedback.complete((*batch)->lock_token, std::move(done)); }));
    return told;
  }
};

}  // namespace twinhub::hub
