// Events to a real Mosquitto: their form, and that all of them arrive whichever process dies in between.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

const { until, sleep } = require('../support/node/until');
const { Broker, Subscriber } = require('./broker');
const { Checker } = require('./checker');
const { Sender, all_arrived, connect, create_device, hub_with, metric, rest_of } = require('./world');

// A broker that a busy machine makes slow is no broker that hangs: only the tests of such a one wait for seconds.
const to_broker = (broker, timeout_seconds = 30) => `
[[endpoints]]
name = "mosquitto"
type = "mqtt"
url = "${broker.url}"
retry_seconds_max = 1
timeout_seconds = ${timeout_seconds}
[[routes]]
name = "telemetry"
source = "DeviceMessages"
endpoints = "mosquitto"
`;

function count_telemetry(subscriber, checker) {
  subscriber.listeners.push(({ topic, payload }) => {
    const device = topic.match(/\/devices\/([^/]+)\/messages\/events$/);
    if (device) checker.received(device[1], JSON.parse(payload).n);
  });
}

async function senders_of(hub, rest, checker, count, options) {
  const senders = [];
  for (let n = 0; n < count; n += 1) senders.push(new Sender(await create_device(hub, rest, `device-${n}`), checker, options));
  return senders;
}

const endpoint = (what) => `twinhub_endpoint_${what}{endpoint="mosquitto"}`;

test('events.broker publishes every source with its documented body, topic and properties', async (t) => {
  const broker = await new Broker().start();
  const subscriber = await new Subscriber(broker).ready();
  const hub = await hub_with(`[events]\nbroker = "${broker.url}"\nhub_name = "myhub"\n`).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const root = 'myhub/devices/thermostat';
  const device = await create_device(hub, rest, 'thermostat');

  const created = await subscriber.message('the life-cycle event', ({ topic }) => topic === `${root}/lifecycle`);
  assert.equal(created.qos, 1);
  assert.equal(created.user.opType, 'createDeviceIdentity');
  assert.equal(created.user['iothub-message-schema'], 'deviceLifecycleNotification');
  assert.equal(created.user.hubName, 'myhub');
  assert.equal(created.user['user-id'], 'myhub');
  assert.equal(created.user['iothub-connection-device-id'], 'thermostat');
  assert.equal(created.properties['content-type'], 'application/json');
  const null_date = { $lastUpdated: '0001-01-01T00:00:00Z' };
  assert.deepEqual(JSON.parse(created.payload), {
    deviceId: 'thermostat', etag: 'AAAAAAAAAAE=', version: 2,
    properties: { desired: { $metadata: null_date, $version: 1 }, reported: { $metadata: null_date, $version: 1 } },
  });

  const changes = () => subscriber.messages.filter(({ topic }) => topic === `${root}/twin/changes`);
  const change = async (n) => {
    const message = await until(`twin change ${n}`, () => changes()[n]);
    assert.equal(message.user['iothub-message-schema'], 'twinChangeNotification');
    assert.match(message.user.operationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/);
    return { body: JSON.parse(message.payload), operation: message.user.opType };
  };

  // A PATCH: only what changed, one event for tags and desired together; null shows as null.
  await rest.patch('/twins/thermostat', { tags: { site: 'A' }, properties: { desired: { fan: { on: true }, old: null } } });
  const patched = await change(0);
  assert.equal(patched.operation, 'updateTwin');
  const at = patched.body.properties.desired.$metadata.$lastUpdated;
  const stamp = { $lastUpdated: at, $lastUpdatedVersion: 2 };
  assert.deepEqual(patched.body, {
    version: 3, tags: { site: 'A' },
    properties: { desired: { fan: { on: true }, old: null, $metadata: { ...stamp, fan: { ...stamp, on: stamp } }, $version: 2 } },
  });

  // A reported patch, from the device itself.
  const client = await connect(device);
  await client.subscribe('$iothub/twin/res/#');
  assert.equal((await client.patch_reported({ rpm: 900 })).status, 204);
  const reported = await change(1);
  const told = reported.body.properties.reported.$metadata.$lastUpdated;
  assert.equal(reported.operation, 'updateTwin');
  assert.deepEqual(reported.body, {
    version: 4,
    properties: { reported: { rpm: 900, $metadata: { $lastUpdated: told, rpm: { $lastUpdated: told } }, $version: 2 } },
  });

  // A PUT: the whole twin, as a GET shows it.
  await rest.put('/twins/thermostat', { tags: { site: 'B' }, properties: { desired: { fan: { on: false } } } });
  const replaced = await change(2);
  const { json: twin } = await rest.get('/twins/thermostat');
  assert.equal(replaced.operation, 'replaceTwin');
  assert.deepEqual(replaced.body, {
    deviceId: 'thermostat', etag: twin.etag, version: twin.version, tags: { site: 'B' }, properties: twin.properties,
  });

  // Telemetry: the body as it is, system and application properties.
  await client.publish('devices/thermostat/messages/events/level=high&$.ct=text%2Fplain&$.mid=m-1', 'hot!', 1);
  const telemetry = await subscriber.message('telemetry', ({ topic }) => topic === `${root}/messages/events`);
  assert.equal(telemetry.payload, 'hot!');
  assert.equal(telemetry.user.level, 'high');
  assert.equal(telemetry.user['message-id'], 'm-1');
  assert.equal(telemetry.user['iothub-message-source'], 'Telemetry');
  assert.equal(telemetry.properties['content-type'], 'text/plain');
  assert.equal(telemetry.user.hubName, undefined);
  client.destroy();

  // A module's events carry its id; its deletion is an event.
  await rest.put('/devices/thermostat/modules/m', { deviceId: 'thermostat', moduleId: 'm' });
  const module = await subscriber.message('the module', ({ topic }) => topic === `${root}/modules/m/lifecycle`);
  assert.equal(module.user.moduleId, 'm');
  await rest.delete('/devices/thermostat');
  await subscriber.message('the deletion', ({ topic, user }) => topic === `${root}/lifecycle` && user.opType === 'deleteDeviceIdentity');
  rest.close();
  await hub.stop();
});

test('without a failure everything arrives exactly once, and a restart of the hub repeats nothing', async (t) => {
  const broker = await new Broker().start();
  const subscriber = await new Subscriber(broker).ready();
  const checker = new Checker();
  count_telemetry(subscriber, checker);
  const hub = await hub_with(to_broker(broker)).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const senders = await senders_of(hub, rest, checker, 4);
  await Promise.all(senders.map((sender) => sender.send(500)));
  await all_arrived(checker);
  await hub.stop();
  rest.close();
  await hub.start();
  await Promise.all(senders.map((sender) => sender.send(100)));
  await all_arrived(checker);
  checker.check({ duplicates_allowed: false });
  assert.equal(checker.arrived, 2400);
  await hub.stop();
});

test('an orderly stop under load repeats nothing', async (t) => {
  const broker = await new Broker().start();
  const subscriber = await new Subscriber(broker).ready();
  const checker = new Checker();
  count_telemetry(subscriber, checker);
  const hub = await hub_with(to_broker(broker)).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const senders = await senders_of(hub, rest, checker, 4, { in_flight: 32 });
  rest.close();
  for (const sender of senders) sender.start();
  for (let round = 0; round < 3; round += 1) {
    const before = checker.total_acknowledged();
    await until('load', () => checker.total_acknowledged() > before + 500);
    await hub.stop();
    await hub.start();
  }
  await Promise.all(senders.map((sender) => sender.stop()));
  await all_arrived(checker);
  checker.check({ duplicates_allowed: false });
  await hub.stop();
});

test('a broker that is down when the hub starts gets everything later', async (t) => {
  const broker = await new Broker().start();
  const subscriber = await new Subscriber(broker).ready();
  await broker.kill();
  const checker = new Checker();
  count_telemetry(subscriber, checker);
  const hub = await hub_with(to_broker(broker)).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const senders = await senders_of(hub, rest, checker, 2);
  await Promise.all(senders.map((sender) => sender.send(300)));
  assert.ok(await metric(hub, endpoint('lag_events')) >= 600);
  assert.ok(await metric(hub, endpoint('lag_seconds')) > 0);
  await until('a failed attempt is counted', async () => (await metric(hub, endpoint('failed_attempts_total'))) > 0);
  await until('the line of the log', () => /endpoint 'mosquitto': .*it is tried again/.test(hub.log));
  await broker.start();
  await all_arrived(checker);
  checker.check({ duplicates_allowed: false });
  await until('no lag is left', async () => (await metric(hub, endpoint('lag_events'))) === 0);
  await until('the line of the log', () => /works again/.test(hub.log));
  rest.close();
  await hub.stop();
});

test('broker and hub are killed under load: every acknowledged event arrives, in order', async (t) => {
  const broker = await new Broker().start();
  const subscriber = await new Subscriber(broker).ready();
  const checker = new Checker();
  count_telemetry(subscriber, checker);
  const hub = await hub_with(to_broker(broker)).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const senders = await senders_of(hub, rest, checker, 4, { in_flight: 8 });
  for (const sender of senders) sender.start();
  const rounds = Number(process.env.TESTS_EVENTS_KILLS || 6);
  for (let round = 0; round < rounds; round += 1) {
    const before = checker.total_acknowledged();
    await until('load', () => checker.total_acknowledged() > before + 200);
    if (round % 2 === 0) {
      hub.process.kill('SIGSTOP');
      await subscriber.caught_up();
      await broker.kill();
      hub.process.kill('SIGCONT');
      await sleep(100);
      await broker.start();
    } else {
      await hub.kill();
      await hub.start();
    }
  }
  await Promise.all(senders.map((sender) => sender.stop()));
  await all_arrived(checker);
  checker.check({ duplicates_allowed: true });
  t.diagnostic(`${checker.total_acknowledged()} acknowledged, ${checker.arrived} arrived, ${checker.duplicates} of them twice`);
  rest.close();
  await hub.stop();
});

test('a broker that hangs costs the hub no memory and devices no answer', async (t) => {
  const broker = await new Broker().start();
  const subscriber = await new Subscriber(broker).ready();
  const checker = new Checker();
  count_telemetry(subscriber, checker);
  // A small memtable, so that the store's own memory does not hide a leak.
  const hub = await hub_with(`${to_broker(broker, 5)}\n[storage]\nmemtable_mib = 4\ncache_mib = 4\n`).start();
  t.after(() => { broker.resume(); subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const [sender] = await senders_of(hub, rest, checker, 1, { padding: 8000, in_flight: 64 });
  await sender.send(500);
  await all_arrived(checker);
  broker.pause();
  await sender.send(1000);
  const before = await metric(hub, 'process_resident_memory_bytes');
  await sender.send(10_000);  // 80 MB
  const grown = (await metric(hub, 'process_resident_memory_bytes')) - before;
  t.diagnostic(`80 MB behind a hanging broker: ${(grown / 1e6).toFixed(1)} MB of memory`);
  assert.ok(grown < 40e6, `memory grew by ${grown}`);
  assert.ok(await metric(hub, endpoint('lag_events')) > 10_000);
  broker.resume();
  await all_arrived(checker);
  checker.check({ duplicates_allowed: true });
  rest.close();
  await hub.stop();
});

test('an event that the broker will never take is counted and skipped', async (t) => {
  const broker = await new Broker({ config: ['max_packet_size 4000'] }).start();
  const subscriber = await new Subscriber(broker).ready();
  const checker = new Checker();
  count_telemetry(subscriber, checker);
  const hub = await hub_with(to_broker(broker)).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const [sender] = await senders_of(hub, rest, checker, 1);
  await sender.send(10);
  const client = await connect(sender.device);
  await client.publish(`devices/${sender.device.id}/messages/events/`, 'x'.repeat(5000), 1);
  client.destroy();
  await sender.send(10);
  await all_arrived(checker);
  checker.check({ duplicates_allowed: false });
  await until('one refused event', async () => (await metric(hub, endpoint('refused_total'))) === 1);
  rest.close();
  await hub.stop();
});

test('a broker that is full gets the rest when it has room again', async (t) => {
  // Mosquitto stops taking messages at its memory limit; with the limit gone after a restart it takes them.
  const broker = await new Broker({ config: ['memory_limit 3000000'] }).start();
  const subscriber = await new Subscriber(broker).ready();
  subscriber.end();  // nobody takes what is queued: the broker fills up
  const checker = new Checker();
  const hub = await hub_with(to_broker(broker, 5)).start();
  t.after(() => { hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const [sender] = await senders_of(hub, rest, checker, 1, { padding: 8000 });
  await sender.send(2000);
  await until('the broker refuses', async () => (await metric(hub, endpoint('failed_attempts_total'))) > 0);
  assert.ok(await metric(hub, endpoint('lag_events')) > 0);
  await broker.kill('SIGTERM');
  const unlimited = path.join(broker.folder, 'mosquitto.conf');
  execFileSync('sed', ['-i', '/memory_limit/d', unlimited]);
  await broker.start();
  const again = new Subscriber(broker);
  t.after(() => again.end());
  count_telemetry(again, checker);
  await all_arrived(checker);
  checker.check({ duplicates_allowed: true });
  rest.close();
  await hub.stop();
});
