// The documents as the hub shows them, field by field: identity and twin to the back end (raw HTTPS), twin to the device (raw
// MQTT over TLS). Shapes: azure-docs, "Understand and use device twins in IoT Hub" and "Identity registry".
'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const { device: device_sdk, iothub, mqtt } = require('../support/node/azure');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { connection_string, device_connection_string, host, new_id } = require('../support/node/target');

const rest = new Rest(connection_string);
after(() => rest.close());

const null_date = '0001-01-01T00:00:00Z';
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?Z$/;

async function create(what = 'view') {
  const answer = await rest.create_device(new_id(what));
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

async function connected(identity) {
  const client = new MqttClient({ host, id: identity.deviceId, key: identity.authentication.symmetricKey.primaryKey });
  assert.deepEqual(await client.connect(), { session_present: 0, return_code: 0 });
  assert.deepEqual(await client.subscribe(topics.response, topics.desired), [0, 0]);
  return client;
}

// Replaces every $lastUpdated by the number of the moment it names (0 = earliest), after checking its form, so that whole documents
// can be compared and the order of moments with them.
function with_moments(section) {
  const moments = new Set();
  JSON.stringify(section, (name, value) => { if (name === '$lastUpdated') moments.add(value); return value; });
  for (const moment of moments) assert.match(moment, timestamp);
  const ticks = (moment) => moment.slice(0, -1).replace(/(\.\d+)?$/, (fraction) => (fraction || '.').padEnd(8, '0'));
  const ordered = [...moments].sort((a, b) => (ticks(a) < ticks(b) ? -1 : 1));
  return JSON.parse(JSON.stringify(section, (name, value) => (name === '$lastUpdated' ? ordered.indexOf(value) : value)));
}

test('an identity, field by field', async () => {
  const device = await create();
  assert.deepEqual(device, {
    deviceId: device.deviceId,
    generationId: device.generationId,
    etag: device.etag,
    connectionState: 'Disconnected',
    status: 'enabled',
    statusReason: null,
    connectionStateUpdatedTime: null_date,
    statusUpdatedTime: null_date,
    lastActivityTime: null_date,
    cloudToDeviceMessageCount: 0,
    authentication: {
      symmetricKey: device.authentication.symmetricKey,
      x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
      type: 'sas',
    },
    capabilities: { iotEdge: false },
    parentScopes: [],
  });
  assert.match(device.generationId, /^\d+$/);
  assert.match(Buffer.from(device.etag, 'base64').toString('latin1'), /^\d+$/);
  assert.deepEqual(Object.keys(device.authentication.symmetricKey).sort(), ['primaryKey', 'secondaryKey']);
  const read = await rest.get(`/devices/${device.deviceId}`);
  assert.equal(read.headers.etag, `"${device.etag}"`);
  assert.match(read.headers['content-type'], /^application\/json; charset=utf-8$/);
});

test('a fresh twin, field by field and in the documented order', async () => {
  const device = await create();
  const answer = await rest.get(`/twins/${device.deviceId}`);
  assert.equal(answer.status, 200);
  const twin = answer.json;
  const created = twin.properties.desired.$metadata.$lastUpdated;
  assert.match(created, timestamp);
  const expected = {
    deviceId: device.deviceId,
    etag: 'AAAAAAAAAAE=',
    deviceEtag: device.etag,
    status: 'enabled',
    statusUpdateTime: null_date,
    connectionState: 'Disconnected',
    lastActivityTime: null_date,
    cloudToDeviceMessageCount: 0,
    authenticationType: 'sas',
    x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
    modelId: '',
    version: 2,
    properties: {
      desired: { $metadata: { $lastUpdated: created }, $version: 1 },
      reported: { $metadata: { $lastUpdated: created }, $version: 1 },
    },
    capabilities: { iotEdge: false },
  };
  assert.deepEqual(twin, expected);
  assert.deepEqual(Object.keys(twin), Object.keys(expected));
  assert.equal(answer.headers.etag, '"AAAAAAAAAAE="');
  assert.match(answer.headers['content-type'], /^application\/json; charset=utf-8$/);
});

test('a fresh twin to its device: two sections, their versions, nothing else', async () => {
  const device = await connected(await create());
  assert.deepEqual(await device.get_twin(), { desired: { $version: 1 }, reported: { $version: 1 } });
  device.disconnect();
});

test('a written twin, both views, metadata to the leaf', async () => {
  const identity = await create();
  const path = `/twins/${identity.deviceId}`;
  const device = await connected(identity);

  const first = { tags: { floor: 3 }, properties: { desired: { mode: 'auto', fan: { speed: 1, steps: [1, 2] } } } };
  assert.equal((await rest.patch(path, first)).status, 200);
  const second = { properties: { desired: { fan: { speed: 2 } } } };
  assert.equal((await rest.patch(path, second)).status, 200);
  assert.deepEqual(await device.patch_reported({ on: true, fan: { rpm: 900.5 } }), { status: 204, version: 2, body: '' });

  const twin = (await rest.get(path)).json;
  assert.equal(twin.etag, 'AAAAAAAAAAM=');
  assert.equal(twin.version, 5);
  assert.equal(twin.connectionState, 'Connected');
  assert.match(twin.lastActivityTime, timestamp);
  assert.notEqual(twin.lastActivityTime, null_date);
  assert.deepEqual(twin.tags, { floor: 3 });
  assert.deepEqual(with_moments(twin.properties.desired), {
    mode: 'auto',
    fan: { speed: 2, steps: [1, 2] },
    $metadata: {
      $lastUpdated: 1, $lastUpdatedVersion: 3,
      mode: { $lastUpdated: 0, $lastUpdatedVersion: 2 },
      fan: {
        $lastUpdated: 1, $lastUpdatedVersion: 3,
        speed: { $lastUpdated: 1, $lastUpdatedVersion: 3 },
        steps: { $lastUpdated: 0, $lastUpdatedVersion: 2 },
      },
    },
    $version: 3,
  });
  assert.deepEqual(with_moments(twin.properties.reported), {
    on: true,
    fan: { rpm: 900.5 },
    $metadata: { $lastUpdated: 0, on: { $lastUpdated: 0 }, fan: { $lastUpdated: 0, rpm: { $lastUpdated: 0 } } },
    $version: 2,
  });
  assert.deepEqual(await device.get_twin(), {
    desired: { mode: 'auto', fan: { speed: 2, steps: [1, 2] }, $version: 3 },
    reported: { on: true, fan: { rpm: 900.5 }, $version: 2 },
  });
  device.disconnect();
});

test('both SDKs see the same twin as the wires show', async () => {
  const identity = await create();
  const { deviceId, authentication } = identity;
  const registry = iothub.Registry.fromConnectionString(connection_string);
  const twin = (await registry.getTwin(deviceId)).responseBody;
  assert.equal(twin.etag, 'AAAAAAAAAAE=');
  assert.equal(twin.version, 2);
  await twin.update({ tags: { a: 1 }, properties: { desired: { b: { c: 2 } } } });
  assert.equal(twin.etag, 'AAAAAAAAAAI=');

  const client = device_sdk.Client.fromConnectionString(
    device_connection_string(deviceId, authentication.symmetricKey.primaryKey), mqtt);
  const seen = await client.getTwin();
  assert.deepEqual(seen.properties.desired, { b: { c: 2 }, $version: 2 });
  await new Promise((resolve, reject) => {
    seen.properties.reported.update({ d: 'e' }, (error) => (error ? reject(error) : resolve()));
  });
  await client.close();

  const read = (await registry.getTwin(deviceId)).responseBody;
  assert.equal(read.properties.reported.d, 'e');
  assert.equal(read.properties.reported.$version, 2);
  assert.equal(read.etag, 'AAAAAAAAAAI=');
});

test('errors over REST have the shape that every SDK parses', async () => {
  const answer = await rest.get('/twins/nobody-at-all');
  assert.equal(answer.status, 404);
  assert.equal(answer.headers['iothub-errorcode'], 'DeviceNotFound');
  assert.match(answer.headers['content-type'], /application\/json/);
  assert.match(answer.json.Message, /^ErrorCode:DeviceNotFound;.+/);
  assert.match(answer.json.ExceptionMessage, /^Tracking ID:[0-9a-f]{32}-G:\d+-TimeStamp:\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d$/);
});

test('errors over MQTT have the body that every SDK parses', async () => {
  const device = await connected(await create());
  const { status, version, body } = await device.patch_reported({ 'a.b': 1 });
  assert.equal(status, 400);
  assert.equal(version, undefined);
  const error = JSON.parse(body);
  assert.equal(error.errorCode, 400004);
  assert.ok(error.message.length > 0);
  assert.ok(error.trackingId.length > 0);
  assert.match(error.timestampUtc, timestamp);
  assert.deepEqual(await device.get_twin(), { desired: { $version: 1 }, reported: { $version: 1 } });
  device.disconnect();
});
