// Devices that send as fast as they can: each is held to its rate of bytes, and what its neighbour does is done. Counted, not timed.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');

const devices = 6;
const message = Buffer.alloc(250_000, 'x');
const kib_per_second = 512;
const burst_kib = 1024;
const in_flight_kib = 512;
const patches = 50;

async function connect(hub, rest, id) {
  const { json } = await rest.create_device(id);
  const device = new MqttClient({ host: hub.address, id, key: json.authentication.symmetricKey.primaryKey, port: ports.mqtt });
  await device.connect();
  return device;
}

// Publishes until told to stop; counts what was acknowledged.
function load(device) {
  const state = { acknowledged: 0, stopped: false };
  const one = async () => {
    while (!state.stopped) {
      await device.publish(`devices/${device.id}/messages/events/`, message, 1);
      state.acknowledged += 1;
    }
  };
  for (let n = 0; n < 16; n += 1) one().catch(() => { state.stopped = true; });
  return state;
}

test(`${devices} devices at full speed are held to their rate, and a neighbour's ${patches} twin patches are answered`, async (t) => {
  const hub = await new Hub({
    env: { TWINHUB_LIMITS_DEVICE_KIB_PER_SECOND: `${kib_per_second}`, TWINHUB_LIMITS_DEVICE_BURST_KIB: `${burst_kib}` },
  }).start();
  t.after(() => hub.remove());
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  t.after(() => rest.close());
  const neighbour = await connect(hub, rest, 'neighbour');
  await neighbour.subscribe(topics.response);
  const loud = [];
  for (let n = 0; n < devices; n += 1) loud.push(await connect(hub, rest, `loud${n}`));

  const begin = process.hrtime.bigint();
  const loads = loud.map(load);
  const held_back = async () => (await hub.metrics()).twinhub_mqtt_held_back_total;
  const times = [];
  for (let n = 0; n < patches || await held_back() < devices; n += 1) {
    const before = process.hrtime.bigint();
    assert.equal((await neighbour.patch_reported({ n })).status, 204);
    times.push(Number(process.hrtime.bigint() - before) / 1e6);
  }
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  times.sort((a, b) => a - b);
  t.diagnostic(`a neighbour's patch, p50: ${times[times.length >> 1].toFixed(1)} ms of ${times.length}`);
  for (const [n, { acknowledged, stopped }] of loads.entries()) {
    assert.equal(stopped, false, `loud${n} is connected`);
    const most = (burst_kib + kib_per_second * seconds + in_flight_kib) * 1024 + 2 * message.length;
    assert.ok(acknowledged * message.length <= most, `loud${n}: ${acknowledged} messages in ${seconds} s`);
  }
  for (const device of loud) device.destroy();
  neighbour.destroy();
  await hub.stop();
});
