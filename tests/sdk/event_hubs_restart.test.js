// A back end that reads by checkpoints, over a stop and a crash of the hub: it misses nothing and reads nothing twice.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');

const { ClientProcess } = require('../support/node/client_process');
const { transports } = require('../support/node/event_hub');
const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

const devices = ['d1', 'd2', 'd3', 'd4', 'd5'];

for (const transport of Object.keys(transports)) {
  test(`over ${transport} a reader goes on at its checkpoint after a stop and a crash of the hub`, async (t) => {
    const hub = await new Hub().start();
    t.after(() => hub.remove());
    const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
    t.after(() => rest.close());
    for (const id of devices) assert.equal((await rest.create_device(id)).status, 200);
    const sent = [];
    const send = async (round) => {
      for (let i = 0; i < 10; i += 1) {
        for (const id of devices) {
          const body = `${id} ${round} ${i}`;
          assert.equal((await rest.request('POST', `/devices/${id}/messages/events`, { body })).status, 204);
          sent.push(body);
        }
      }
    };
    const checkpoints = path.join(hub.data_dir, 'checkpoints.json');
    const reads = [];  // of all readers, one after the other
    const start = () => {
      const reader = new ClientProcess(path.join(__dirname, 'event_hubs_reader.js'), {
        ca_file: hub.ca_file, args: [hub.events_connection_string(), checkpoints, transport], packages: process.env.TESTS_PACKAGES,
      });
      t.after(() => reader.kill());
      return reader;
    };
    const everything_read = (reader) => until('everything is read', () => {
      if (reader.exited) throw new Error(`the reader has ended: ${reader.exited}`);
      return reads.length + reader.events.filter(({ event }) => event === 'read').length >= sent.length;
    }, { timeout_ms: 60_000 });
    const end = async (reader) => {
      await reader.end();
      reads.push(...reader.events.filter(({ event }) => event === 'read'));
    };

    await send('before');
    let reader = start();
    await everything_read(reader);
    await end(reader);
    await send('while nobody reads');
    await hub.stop();
    await hub.start();
    await send('after a stop');
    reader = start();
    await everything_read(reader);
    await end(reader);
    await send('before a crash');
    await hub.kill();
    await hub.start();
    await send('after a crash');
    reader = start();
    await everything_read(reader);
    await end(reader);

    assert.deepEqual(reads.map(({ body }) => body).sort(), [...sent].sort());
    for (const id of devices) {
      const own = (bodies) => bodies.filter((body) => body.startsWith(`${id} `));
      assert.deepEqual(own(reads.map(({ body }) => body)), own(sent), 'in order');
    }
    for (const partition of new Set(reads.map((read) => read.partition))) {
      const numbers = reads.filter((read) => read.partition === partition).map(({ sequenceNumber }) => sequenceNumber);
      assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), 'numbers go on');
    }
  });
}
