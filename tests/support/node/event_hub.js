// Reading the hub's events as any back end does: Microsoft's Event Hubs package, unmodified.
'use strict';

// The SDK leaves the renewal of its token waiting, for most of an hour, where a reader is refused after $cbs has taken the
// token: that timer is not to keep the test's process alive. Before the SDK is loaded.
const set_timeout = globalThis.setTimeout;
globalThis.setTimeout = Object.defineProperties((task, ms, ...rest) => {
  const timer = set_timeout(task, ms, ...rest);
  if (ms > 600_000) timer.unref();
  return timer;
}, Object.getOwnPropertyDescriptors(set_timeout));

const { event_hubs, ws } = require('./azure');
const { until } = require('./until');

const { EventHubConsumerClient } = event_hubs;

// The SDK gives JSON as a value, and other bodies as bytes.
const plain = (body) => (Buffer.isBuffer(body) ? body.toString('utf8') : body);

// A subscription that keeps what it is given.
class Reader {
  constructor(client, partition, options) {
    this.events = [];  // of all partitions it reads, each as the SDK gives it
    this.errors = [];
    this.closed = [];  // reasons
    this.last_enqueued = null;
    const handlers = {
      processEvents: async (events, context) => {
        this.events.push(...events.map((event) => ({ ...event, body: plain(event.body), partition: context.partitionId })));
        if (context.lastEnqueuedEventProperties) this.last_enqueued = { ...context.lastEnqueuedEventProperties };
      },
      processError: async (error) => { this.errors.push(error); },
      processClose: async (reason) => { this.closed.push(reason); },
    };
    this.subscription = partition === undefined ? client.subscribe(handlers, options) : client.subscribe(partition, handlers, options);
  }

  get bodies() { return this.events.map(({ body }) => body); }

  has(...bodies) {
    return until(`events ${bodies}`, () => {
      if (this.errors.length > 0) throw this.errors[0];
      return bodies.every((body) => this.bodies.includes(body));
    }, { timeout_ms: 60_000 });
  }

  error() { return until('an error', () => this.errors[0], { timeout_ms: 60_000 }); }
  close() { return this.subscription.close(); }
}

// What the tests use of a transport: the client's options. A refused reader is not to be tried again for minutes.
const retryOptions = { maxRetries: 0, timeoutInMs: 60_000 };
const transports = {
  AMQP: { retryOptions },
  'AMQP over WebSocket': { retryOptions, webSocketOptions: { webSocket: ws } },
};

function consumer(connection_string, { group = '$Default', transport = 'AMQP' } = {}) {
  return new EventHubConsumerClient(group, connection_string, transports[transport]);
}

module.exports = { Reader, consumer, retryOptions, transports };
