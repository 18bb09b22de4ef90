// How a hub's answer finds its way back to the link that asked.
#pragma once

#include "server/amqp/connection.hpp"
#include "server/amqp/lane.hpp"
#include "server/amqp/link.hpp"
#include "server/net/threads.hpp"

#include <memory>
#include <utility>

namespace twinhub::amqp_door {

template <class Handler, class T, class Task>
hub::Done<T> Link::when_done(Task task, InFlight in_flight) {
  connection_.request_began(in_flight.bytes, in_flight.requests);
  // Called once: what the task holds moves along with it.
  return
      [&lane = connection_.lane(), id = connection_.id(), number = number_, in_flight,
       began = connection_.last_received(), task = std::move(task)](Result<T> result, storage::Outbox& outbox) mutable {
        net::deliver(lane.io(), outbox,
                     [&lane, id, number, in_flight, began, task = std::move(task), result = std::move(result)] {
                       Connection* const connection = lane.find(id);
                       if (connection == nullptr) return;
                       // Only this handler has asked on this link, and a link keeps its handler.
                       if (Link* const link = connection->find(number))
                         task(static_cast<Handler&>(link->handler()), result);
                       if (in_flight.operation != hub::Operation::unlimited)
                         lane.times.add(in_flight.operation, wire::Clock::now() - began);
                       if (!connection->closed()) connection->request_ended(in_flight.bytes, in_flight.requests);
                     });
      };
}

}  // namespace twinhub::amqp_door
