// How a hub's answer finds its way back to the connection that asked.
#pragma once

#include "server/mqtt/connection.hpp"
#include "server/mqtt/door_lane.hpp"
#include "server/net/threads.hpp"

#include <memory>
#include <utility>

namespace twinhub::mqtt_door {

template <class T, class Task>
hub::Done<T> Connection::when_done(Task task) {
  request_began();
  // Called once: what the task holds moves along with it.
  return [handle = handle(), task = std::move(task)](Result<T> result, storage::Outbox& outbox) mutable {
    net::deliver(handle.lane->io(), outbox, [handle, task = std::move(task), result = std::move(result)] {
      Connection* connection = handle.lane->find(handle.connection);
      if (connection == nullptr) return;
      task(*connection, result);
      if (!connection->closed_) connection->request_ended();
    });
  };
}

}  // namespace twinhub::mqtt_door
