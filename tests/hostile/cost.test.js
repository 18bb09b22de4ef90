// What 400 strangers of each kind cost before they have proved anything: memory each, as the process has it resident.
//   TESTS_HOSTILE_STRANGERS (400)
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Hub } = require('../support/node/hub');
const { until } = require('../support/node/until');
const { kinds, open_all } = require('./strangers');

const count = Number(process.env.TESTS_HOSTILE_STRANGERS || 400);
const many = '1000000';

// A hub of its own for each kind: memory that an earlier one has freed, and the allocator still has, would hide what is measured.
// The bounds on how many strangers there may be are off: they would hide what each costs.
const env = { TWINHUB_ADMISSION_STRANGERS_PER_ADDRESS_MAX: many, TWINHUB_ADMISSION_STRANGERS_PER_SECOND: '0', TWINHUB_ADMISSION_STRANGERS_MIB_MAX: '1024' };

const none_left = (hub) => until('the hub has closed them all', async () => (await hub.metrics()).twinhub_admission_strangers <= 1, { timeout_ms: 60_000 });  // the scrape itself

// The hub holds each of `sockets` and counts `counts` KiB for each, or has said goodbye to it. How many it holds, for how many bytes.
function all_there(hub, sockets, counts = 0) {
  return until('the hub holds all that it has not ended', async () => {
    const { twinhub_admission_strangers: held, twinhub_admission_stranger_bytes: bytes } = await hub.metrics();
    const ended = sockets.filter((socket) => socket.readableEnded || socket.destroyed).length;
    return held + ended >= sockets.length && bytes >= (sockets.length - ended) * counts * 1024 && { held, bytes };
  });
}

for (const [name, { kib, counts, open }] of Object.entries(kinds)) {
  test(`${count} x ${name}: at most ${kib} KiB each`, async (t) => {
    const hub = await new Hub({ env }).start();
    t.after(() => hub.remove());
    // A first round brings what the process keeps for any such work; the second is what is measured.
    for (const socket of await open_all(40, (from) => open(hub.address, from))) socket.destroy();
    await none_left(hub);
    const rss = hub.rss_kib();
    const sockets = await open_all(count, (from) => open(hub.address, from));
    const { held, bytes } = await all_there(hub, sockets, counts);
    // What those cost that the hub has ended meanwhile, it gives back: the allocator does so within seconds.
    let each;
    await until('it costs no more', () => (each = (hub.rss_kib() - rss) / count) <= kib, { timeout_ms: 20_000 })
      .catch((error) => t.diagnostic(error.message));
    for (const socket of sockets) socket.destroy();
    await none_left(hub);
    const counted = bytes / 1024 / count;
    t.diagnostic(`${each.toFixed(1)} KiB each, ${counted.toFixed(1)} KiB counted; ${held} of ${count} are held`);
    assert.ok(each <= kib, `${each.toFixed(1)} KiB each`);
    if (held >= count) assert.ok(each <= counted, `${each.toFixed(1)} KiB each: admission.strangers_mib_max is no bound of ${counted.toFixed(1)} KiB`);
  });
}
