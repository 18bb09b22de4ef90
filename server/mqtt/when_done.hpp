// How a hub's answer finds its way back to the client that asked.
#pragma once

#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"
#include "server/net/threads.hpp"

#include <memory>
#include <utility>

namespace twinhub::mqtt_door {

template <class ThisClient, class T, class Task>
hub::Done<T> Connection::when_done(hub::Operation operation, Task task, std::uint32_t bytes) {
  request_began(bytes);
  // Called once: what the task holds moves along with it.
  return [&lane = lane(), id = id(), operation, bytes, began = last_received(), task = std::move(task)](
             Result<T> result, storage::Outbox& outbox) mutable {
    net::deliver(lane.io(), outbox,
                 [&lane, id, operation, bytes, began, task = std::move(task), result = std::move(result)] {
                   Connection* connection = lane.find(id);
                   if (connection == nullptr) return;
                   // Only this client has asked on this connection, and a connection keeps its client.
                   task(static_cast<ThisClient&>(*connection->client_), result);
                   if (operation != hub::Operation::unlimited) lane.times.add(operation, wire::Clock::now() - began);
                   if (!connection->closed()) connection->request_ended(bytes);
                 });
  };
}

}  // namespace twinhub::mqtt_door
