// A device and its back end, on a hub of their own: the unmodified SDKs, and no sleep. Each test has a device of its own in seed.toml.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, test } = require('node:test');

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
after(() => hub.stop());

async function device(t, id) {
  const client = Client.fromConnectionString(await hub.connection_string('--device', id), Mqtt);
  t.after(() => client.close());
  await client.open();
  return client;
}

test('the pump obeys its desired interval and says so', async (t) => {
  const twin = await (await device(t, 'pump-1')).getTwin();
  twin.on('properties.desired', ({ interval }) => twin.properties.reported.update({ interval }, (error) => { if (error) throw error; }));
  await hub.wait('pump-1', { condition: 'properties.reported.interval = 5' });
  await registry.updateTwin('pump-1', { properties: { desired: { interval: 6 } } }, '*');
  const { properties } = await hub.wait('pump-1', { condition: 'properties.reported.interval = 6' });
  assert.equal(properties.desired.interval, 6);
});

test('the pump stops when it is told to', async (t) => {
  (await device(t, 'pump-2')).onDeviceMethod('stop', (request, response) => response.send(200, { stopped: true }, () => {}));
  await hub.wait('pump-2', { condition: "connectionState = 'Connected' AND tags.room = 'attic'" });
  // The device's subscription may still be on its way: the call waits for it.
  const stop = { methodName: 'stop', connectTimeoutInSeconds: 30, responseTimeoutInSeconds: 30 };
  const { result } = await BackEnd.fromConnectionString(await hub.connection_string()).invokeDeviceMethod('pump-2', stop);
  assert.deepEqual(result.payload, { stopped: true });
});

test('the pump tells when it is hot', async (t) => {
  const client = await device(t, 'pump-3');
  const message = new Message(JSON.stringify({ temperature: 81 }));
  [message.contentType, message.contentEncoding] = ['application/json', 'utf-8'];
  // A message counts from when the wait has begun, so it is sent until it has been heard.
  let heard;
  const hot = hub.wait('pump-3', { telemetry: '$body.temperature > 80' }).then((event) => { heard = event; });
  while (!heard) await Promise.race([client.sendEvent(message), hot]);
  assert.deepEqual(heard.body, { temperature: 81 });
});
