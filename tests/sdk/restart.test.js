// The device SDK over a stop and a crash of the hub: it comes back by itself, does not subscribe to its twin again, and finds
// everything in force.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { test } = require('node:test');

const { device: device_sdk, mqtt, mqtt_ws } = require('../support/node/azure');
const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { until, within } = require('../support/node/until');

for (const [name, transport] of Object.entries({ 'over MQTT': mqtt, 'over MQTT and WebSocket': mqtt_ws })) {
  test(`a device ${name} is back after a stop and a crash of the hub`, async (t) => {
    const hub = await new Hub().start();
    t.after(() => hub.remove());
    const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
    t.after(() => rest.close());
    const back_end = async (method, path, body, status = 200) => {
      const answer = await rest.request(method, path, { body });
      assert.equal(answer.status, status, answer.text);
      return answer.json;
    };
    const key = (await back_end('PUT', '/devices/steady', { deviceId: 'steady' })).authentication.symmetricKey.primaryKey;

    const client = device_sdk.Client.fromConnectionString(`HostName=${hub.address};DeviceId=steady;SharedAccessKey=${key}`, transport);
    t.after(() => client.close().catch(() => {}));
    client.on('error', () => {});
    await client.setOptions({ ca: fs.readFileSync(hub.ca_file, 'utf8') });
    const messages = [];
    client.on('message', (message) => {
      messages.push(message.getData().toString());
      client.complete(message, () => {});
    });
    client.onDeviceMethod('echo', (request, response) => response.send(200, request.payload));
    await within('open', client.open());
    const twin = await within('twin', client.getTwin());
    twin.on('error', () => {});
    const deltas = [];
    twin.on('properties.desired', (delta) => deltas.push(delta));

    const everything_works = async (round) => {
      // A delta reaches connected devices only: changes are written until one arrives.
      await until(`a delta, ${round}`, async () => {
        await back_end('PATCH', '/twins/steady', { properties: { desired: { round } } });
        return deltas.some((delta) => delta.round === round);
      }, { every_ms: 200, timeout_ms: 60_000 });
      assert.equal((await within(`twin, ${round}`, client.getTwin())).properties.desired.round, round);
      await within(`report, ${round}`, new Promise((resolve, reject) => {
        twin.properties.reported.update({ round }, (error) => (error ? reject(error) : resolve()));
      }));
      const called = await back_end('POST', '/twins/steady/methods',
        { methodName: 'echo', payload: round, connectTimeoutInSeconds: 20, responseTimeoutInSeconds: 30 });
      assert.deepEqual(called, { status: 200, payload: round });
      await back_end('POST', '/devices/steady/messages/deviceBound', `for ${round}`, 204);
      await until(`a message, ${round}`, () => messages.includes(`for ${round}`));
      await within(`telemetry, ${round}`, client.sendEvent(new device_sdk.Message(round)), 60_000);
    };

    await everything_works('before');
    await hub.stop();
    await hub.start();
    await everything_works('after a stop');
    await hub.kill();
    await hub.start();
    await everything_works('after a crash');
    assert.deepEqual(messages, ['for before', 'for after a stop', 'for after a crash']);
  });
}
