// Peers that do not keep the pace: a reader that stops reading, a publisher that never waits. The hub holds them back or lets
// them go; others do not notice.
//   TESTS_STORM_READERS (6)   TESTS_STORM_PUBLISHERS (4)   TESTS_STORM_MESSAGES (10000, of each publisher)
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const { topics } = require('../support/node/mqtt_client');
const { until } = require('../support/node/until');
const { Bystander, Storm, from_environment, in_parallel, mib, shown } = require('./storm');

const readers = from_environment('READERS', 6);
const publishers = from_environment('PUBLISHERS', 4);
const messages = from_environment('MESSAGES', 10_000);
const requests = 600;  // of 28 KB of answer each: more than the kernel keeps between two sockets
const output_kib_max = 1024;  // mqtt.output_kib_max

const large = (n) => Object.fromEntries(Array.from({ length: 7 }, (_, part) => [`part${part}`, `${n}`.padEnd(4000, '.')]));  // 28 KB

test(`${readers} devices stop reading while changes keep coming: the hub closes each connection, with bounded memory`, async (t) => {
  const storm = await Storm.start();
  t.after(() => storm.end());
  const bystander = await Bystander.start(storm);
  t.after(() => bystander.end());
  const devices = await storm.devices(readers);
  const clients = await in_parallel(devices, 10, async (device) => {
    const client = await storm.connect(device, { secure: false });
    assert.deepEqual(await client.subscribe(topics.response, topics.desired), [0, 0]);
    return client;
  });
  const before = { rss: storm.hub.rss_kib(), reads: await bystander.window() };
  for (const client of clients) client.socket.pause();
  let rss_max = 0;
  let changes = 0;
  await in_parallel(devices, readers, async ({ id }) => {
    // What the kernel keeps between two sockets comes on top of the hub's own bound.
    for (let n = 0; n < 2000 && (await storm.rest.get(`/devices/${id}`)).json.connectionState === 'Connected'; n += 1) {
      await storm.patch_desired(id, large(n));
      changes += 1;
      rss_max = Math.max(rss_max, storm.hub.rss_kib());
    }
  });
  const { twinhub_mqtt_slow_readers_closed_total: closed } = await storm.hub.metrics();
  const during = await bystander.window();
  assert.equal(closed, readers);
  // After reconnecting, each device reads the changes that it has missed.
  await in_parallel(devices, readers, async (device) => {
    const client = await storm.connect(device);
    assert.equal(client.session_present, 1);
    const { $metadata, ...desired } = (await storm.rest.get(`/twins/${device.id}`)).json.properties.desired;
    assert.deepEqual((await client.get_twin()).desired, desired);
    client.destroy();
  });
  for (const client of clients) client.destroy();
  t.diagnostic(`${changes} changes of 28 KB to ${readers} devices; RSS ${mib(before.rss)} -> at most ${mib(rss_max)}`);
  t.diagnostic(`bystander before: ${shown(before.reads)}; meanwhile: ${shown(during)}`);
  // The unsent output of each device, twice for a string that grows; and the store's own buffers, which the changes fill.
  assert.ok(rss_max <= before.rss + readers * 2 * output_kib_max + 160 * 1024, 'memory');
});

// Waits until the hub takes no more packets; -> how many it has taken in all.
async function taken_when_stuck(storm) {
  let taken = -1;
  await until('the hub no longer reads', async () => {
    const before = taken;
    taken = (await storm.hub.metrics()).twinhub_mqtt_packets_received_total;
    return taken === before;
  }, { every_ms: 300 });
  return taken;
}

test(`${readers} devices send requests and do not read: the hub holds them back, and they get every answer once they read`, async (t) => {
  const storm = await Storm.start();
  t.after(() => storm.end());
  const devices = await storm.devices(readers);
  for (const { id } of devices) await storm.patch_desired(id, large(0));
  const clients = await in_parallel(devices, 10, async (device) => {
    const client = await storm.connect(device, { secure: false });
    assert.deepEqual(await client.subscribe(topics.response), [0]);
    client.answers = [];
    client.on('message', ({ topic }) => client.answers.push(topic));
    return client;
  });
  const before = { rss: storm.hub.rss_kib(), taken: await taken_when_stuck(storm) };
  for (const client of clients) {
    client.socket.pause();
    for (let n = 1; n <= requests; n += 1) client.publish(`$iothub/twin/GET/?$rid=${n}`, ' ');
  }
  const taken = (await taken_when_stuck(storm)) - before.taken;
  const stuck = { rss: storm.hub.rss_kib() };
  // Others are served meanwhile.
  const bystander = await Bystander.start(storm);
  t.after(() => bystander.end());
  const reads = await bystander.window();
  await in_parallel(clients, readers, async (client) => {
    client.socket.resume();
    await until('every answer', () => client.answers.length === requests);
    assert.deepEqual(client.answers, Array.from({ length: requests }, (_, n) => `$iothub/twin/res/200/?$rid=${n + 1}`));
    client.destroy();
  });
  t.diagnostic(`${taken} of ${readers * requests} requests for 28 KB were taken; RSS ${mib(before.rss)} -> ${mib(stuck.rss)}`);
  t.diagnostic(`bystander meanwhile: ${shown(reads)}`);
  assert.ok(taken < readers * requests, 'the hub reads on although nobody reads its answers');
  assert.ok(stuck.rss <= before.rss + readers * 512 + 8 * 1024, 'memory: answers up to the pause, and what each holds besides');
});

// Everything at once, as fast as the socket takes it; -> the PUBACKs' packet ids in order of arrival.
async function publish_without_waiting(client, body) {
  const acknowledged = [];
  for (let n = 0; n < messages; n += 1) {
    client.publish(`devices/${client.id}/messages/events/`, body(n), 1).then(() => acknowledged.push(n));
    if (client.socket.writableNeedDrain) await once(client.socket, 'drain');
  }
  await until('every PUBACK', () => acknowledged.length === messages, { timeout_ms: 240_000 });
  return acknowledged;
}

test(`${publishers} devices publish ${messages} messages each without waiting: all are acknowledged and stored, in order, once`, async (t) => {
  const storm = await Storm.start();
  t.after(() => storm.end());
  const bystander = await Bystander.start(storm);
  t.after(() => bystander.end());
  const devices = await storm.devices(publishers);
  const clients = await in_parallel(devices, 10, (device, n) => storm.connect(device, { secure: n % 2 === 0 }));
  const body = (n) => JSON.stringify({ n, padding: '.'.repeat(200) });
  const in_order = Array.from({ length: messages }, (_, n) => n);
  const before = { rss: storm.hub.rss_kib(), reads: await bystander.window() };
  const began = performance.now();
  const acknowledged = await Promise.all(clients.map((client) => publish_without_waiting(client, body)));
  const took_s = (performance.now() - began) / 1000;
  const after = { rss: storm.hub.rss_kib(), reads: await bystander.window() };
  for (const packet_ids of acknowledged) assert.deepEqual(packet_ids, in_order, '[MQTT-4.6.0-2]: PUBACKs in order');

  const stored = new Map(devices.map(({ id }) => [id, []]));
  for (const event of await storm.events.read()) if (event.source === 'telemetry') stored.get(event.device).push(JSON.parse(event.body).n);
  for (const [id, numbers] of stored) assert.deepEqual(numbers, in_order, id);
  for (const client of clients) client.destroy();
  t.diagnostic(`${publishers * messages} messages in ${took_s.toFixed(1)} s; RSS ${mib(before.rss)} -> ${mib(after.rss)}`);
  t.diagnostic(`bystander before: ${shown(before.reads)}; meanwhile: ${shown(after.reads)}`);
  assert.ok(after.rss <= before.rss + 192 * 1024, 'memory: the store\'s two memtables and its queue');
});
