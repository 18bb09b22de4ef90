// The device SDK over MQTT on WebSocket: the same life as over MQTT alone, on the port that serves the back ends.
'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, test } = require('node:test');

const { device: device_sdk, iothub, mqtt, mqtt_ws } = require('../support/node/azure');
const { Rest } = require('../support/node/rest');
const { connection_string, device_connection_string, host, new_id } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const registry = iothub.Registry.fromConnectionString(connection_string);
const service = iothub.Client.fromConnectionString(connection_string);
const rest = new Rest(connection_string);
after(() => rest.close());
const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});

const create = async () => (await registry.create({ deviceId: new_id('websocket') })).responseBody;
const read = async (id) => (await registry.get(id)).responseBody;
const primary = (identity) => identity.authentication.symmetricKey.primaryKey;
const set_desired = (id, section) => registry.updateTwin(id, { properties: { desired: section } }, '*');

function new_client(identity, transport = mqtt_ws) {
  return watch(device_sdk.Client.fromConnectionString(device_connection_string(identity.deviceId, primary(identity)), transport));
}

function watch(client) {
  open_clients.add(client);
  client.on('error', () => {});
  return client;
}

// Reads the twin and listens; the first delta shows that the subscription is in force.
async function listening(client, identity) {
  const twin = await within('getTwin', client.getTwin());
  twin.on('error', () => {});
  const deltas = [];
  twin.on('properties.desired', (delta) => deltas.push(delta));
  await until('a first delta', async () => {
    await set_desired(identity.deviceId, { hello: deltas.length });
    return deltas.some((delta) => 'hello' in delta);
  }, { every_ms: 100 });
  return { twin, deltas };
}

test('twin, reported and desired properties, telemetry', async () => {
  const identity = await create();
  const client = new_client(identity);
  await within('open', client.open());
  assert.equal((await read(identity.deviceId)).connectionState, 'Connected');
  const { twin, deltas } = await listening(client, identity);

  await within('report', new Promise((resolve, reject) => {
    twin.properties.reported.update({ fan: { speed: 3 } }, (error) => (error ? reject(error) : resolve()));
  }));
  assert.equal((await registry.getTwin(identity.deviceId)).responseBody.properties.reported.fan.speed, 3);

  await set_desired(identity.deviceId, { fan: { speed: 5 } });
  await until('the delta', () => deltas.some((delta) => delta.fan && delta.fan.speed === 5));
  assert.equal(twin.properties.desired.fan.speed, 5);

  await within('acknowledgement', client.sendEvent(new device_sdk.Message(JSON.stringify({ temperature: 21.5 }))));
  await within('acknowledgement of a large one', client.sendEvent(new device_sdk.Message('x'.repeat(200 * 1024))));
  await within('acknowledgements', Promise.all(
    Array.from({ length: 50 }, (_, i) => client.sendEvent(new device_sdk.Message(`{"n":${i}}`)))));

  await within('close', client.close());
  await until('the registry shows it as disconnected',
    async () => (await read(identity.deviceId)).connectionState === 'Disconnected');
});

test('direct methods and cloud-to-device messages', async () => {
  const identity = await create();
  const client = new_client(identity);
  const messages = [];
  client.on('message', (message) => {
    messages.push(message.getData().toString());
    client.complete(message, () => {});
  });
  client.onDeviceMethod('add', ({ payload }, response) => response.send(200, payload.a + payload.b));
  await within('open', client.open());

  const called = await within('method', service.invokeDeviceMethod(identity.deviceId, {
    methodName: 'add', payload: { a: 2, b: 3 }, connectTimeoutInSeconds: 15,
  }));
  assert.deepEqual(called.result, { status: 200, payload: 5 });

  const large = 'x'.repeat(60 * 1024);
  for (const body of ['hello', large]) {
    const sent = await rest.request('POST', `/devices/${identity.deviceId}/messages/deviceBound`, { body });
    assert.equal(sent.status, 204, sent.text);
  }
  await until('the messages', () => messages.length === 2);
  assert.deepEqual(messages, ['hello', large]);
  await until('the queue is empty',
    async () => (await registry.getTwin(identity.deviceId)).responseBody.cloudToDeviceMessageCount === 0);
});

test('a module, beside its device', async () => {
  const identity = await create();
  const { deviceId } = identity;
  const module = (await registry.addModule({ deviceId, moduleId: 'camera' })).responseBody;
  const client = watch(device_sdk.ModuleClient.fromConnectionString(
    `HostName=${host};DeviceId=${deviceId};ModuleId=camera;SharedAccessKey=${primary(module)}`, mqtt_ws));
  const device = new_client(identity);
  await within('open of the device', device.open());
  await within('open', client.open());
  const twin = await within('twin', client.getTwin());
  twin.on('error', () => {});
  const deltas = [];
  twin.on('properties.desired', (delta) => deltas.push(delta));
  await until('a delta', async () => {
    await registry.updateModuleTwin(deviceId, 'camera', { properties: { desired: { fps: 30 } } }, '*');
    return deltas.some((delta) => delta.fps === 30);
  }, { every_ms: 100 });
  await within('report', new Promise((resolve, reject) => {
    twin.properties.reported.update({ fps: 30 }, (error) => (error ? reject(error) : resolve()));
  }));
  assert.equal((await registry.getModuleTwin(deviceId, 'camera')).responseBody.properties.reported.fps, 30);
  client.onMethod('snap', (request, response) => response.send(200, 'snapped'));
  const called = await within('method', service.invokeDeviceMethod(deviceId, 'camera', { methodName: 'snap', connectTimeoutInSeconds: 15 }));
  assert.deepEqual(called.result, { status: 200, payload: 'snapped' });
  await within('event', client.sendOutputEvent('pictures', new device_sdk.Message('{}')));
  assert.equal((await read(deviceId)).connectionState, 'Connected');
});

test('tokens are renewed by reconnecting without subscribing again, and deltas go on', async () => {
  const identity = await create();
  const provider = device_sdk.SharedAccessKeyAuthenticationProvider.fromConnectionString(
    device_connection_string(identity.deviceId, primary(identity)), 12, 10);  // every two seconds
  let renewals = 0;
  provider.on('newTokenAvailable', () => { renewals += 1; });
  const client = watch(device_sdk.Client.fromAuthenticationProvider(provider, mqtt_ws));
  const { deltas } = await listening(client, identity);
  for (const round of [1, 2]) {
    await until(`renewal ${round}`, () => renewals >= round);
    await until(`a delta after renewal ${round}`, async () => {
      await set_desired(identity.deviceId, { round, renewals });
      return deltas.some((delta) => delta.round === round);
    }, { every_ms: 100 });
  }
});

test('a device that the hub cut off is back, subscriptions and all', async () => {
  const identity = await create();
  const client = new_client(identity);
  const { deltas } = await listening(client, identity);
  await registry.update({ ...identity, status: 'disabled' });
  await until('the registry shows it as disconnected',
    async () => (await read(identity.deviceId)).connectionState === 'Disconnected');
  await registry.update({ ...identity, status: 'enabled' });
  await until('a delta after it was enabled again', async () => {
    await set_desired(identity.deviceId, { enabled_again: true });
    return deltas.some((delta) => delta.enabled_again);
  }, { every_ms: 100 });
});

test('a session belongs to the identity: TCP and WebSocket connections share it', async () => {
  const identity = await create();
  const over_tcp = new_client(identity, mqtt);
  await listening(over_tcp, identity);
  await within('close', over_tcp.close());
  const over_web_socket = new_client(identity);
  const { deltas } = await listening(over_web_socket, identity);
  assert.ok(deltas.length > 0);
});

test('a wrong key is refused as unauthorized', async () => {
  const identity = await create();
  const other = await create();
  const client = watch(device_sdk.Client.fromConnectionString(
    device_connection_string(identity.deviceId, primary(other)), mqtt_ws));
  await assert.rejects(within('open', client.open()), { name: 'UnauthorizedError' });
});
