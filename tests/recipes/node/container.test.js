// Hubs in containers, side by side, with the unmodified SDKs. TESTS_DOCKER_IMAGE: another image than `twinhub`.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, beforeEach, test } = require('node:test');

const { Client } = require('azure-iot-device');
const { Mqtt, MqttWs } = require('azure-iot-device-mqtt');
const { Registry } = require('azure-iothub');

const { TwinhubContainer } = require('./twinhub_container');

const transports = [Mqtt, MqttWs];  // ports 8883 and 443
let hubs;
before(async () => {
  const options = { image: process.env.TESTS_DOCKER_IMAGE, seed: path.join(__dirname, 'seed.toml') };
  hubs = await Promise.all(transports.map(() => TwinhubContainer.start(options)));
});
beforeEach(() => Promise.all(hubs.map((hub) => hub.reset())));
after(() => Promise.all((hubs ?? []).map((hub) => hub.stop())));

for (const [i, transport] of transports.entries()) {
  test(`pump of hub ${i + 1} obeys by ${transport.name}`, async (t) => {
    const client = Client.fromConnectionString(await hubs[i].connection_string('--device', 'pump'), transport);
    t.after(() => client.close());
    await client.open();
    const twin = await client.getTwin();
    twin.on('properties.desired', ({ interval }) => twin.properties.reported.update({ interval }, (error) => { if (error) throw error; }));
    await hubs[i].wait('pump', { condition: 'properties.reported.interval = 5' });
    await Registry.fromConnectionString(await hubs[i].connection_string()).updateTwin('pump', { properties: { desired: { interval: 6 + i } } }, '*');
    const { properties } = await hubs[i].wait('pump', { condition: `properties.reported.interval = ${6 + i}` });
    assert.equal(properties.desired.interval, 6 + i);
  });
}
