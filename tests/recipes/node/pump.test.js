// A device and its back end, on a hub of their own: the unmodified SDKs, and no sleep. Each test begins with seed.toml.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, beforeEach, test } = require('node:test');

const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { Client: BackEnd, Registry } = require('azure-iothub');

const { Twinhub } = require('./twinhub');

let hub;
let registry;
before(async () => {
  hub = await Twinhub.start({ seed: path.join(__dirname, 'seed.toml') });
  registry = Registry.fromConnectionString(await hub.connection_string());
});
beforeEach(() => hub.reset());
after(() => hub.stop());

async function device(t) {
  const client = Client.fromConnectionString(await hub.connection_string('--device', 'pump'), Mqtt);
  t.after(() => client.close());
  await client.open();
  return client;
}

test('the pump obeys its desired interval and says so', async (t) => {
  const twin = await (await device(t)).getTwin();
  twin.on('properties.desired', ({ interval }) => twin.properties.reported.update({ interval }, (error) => { if (error) throw error; }));
  await hub.wait('pump', { condition: 'properties.reported.interval = 5' });
  await registry.updateTwin('pump', { properties: { desired: { interval: 6 } } }, '*');
  const { properties } = await hub.wait('pump', { condition: 'properties.reported.interval = 6' });
  assert.equal(properties.desired.interval, 6);
});

test('the pump stops when it is told to', async (t) => {
  (await device(t)).onDeviceMethod('stop', (request, response) => response.send(200, { stopped: true }, () => {}));
  await hub.wait('pump', { condition: "connectionState = 'Connected' AND tags.room = 'attic'" });
  // The device's subscription may still be on its way: the call waits for it.
  const stop = { methodName: 'stop', connectTimeoutInSeconds: 30, responseTimeoutInSeconds: 30 };
  const { result } = await BackEnd.fromConnectionString(await hub.connection_string()).invokeDeviceMethod('pump', stop);
  assert.deepEqual(result.payload, { stopped: true });
});

test('the pump tells when it is hot', async (t) => {
  const client = await device(t);
  const message = new Message(JSON.stringify({ temperature: 81 }));
  [message.contentType, message.contentEncoding] = ['application/json', 'utf-8'];
  // A message counts from when the wait has begun, so it is sent until it has been heard.
  let heard;
  const hot = hub.wait('pump', { telemetry: '$body.temperature > 80' }).then((event) => { heard = event; });
  while (!heard) await Promise.race([client.sendEvent(message), hot]);
  assert.deepEqual(heard.body, { temperature: 81 });
});
