// Modules as the SDKs' ModuleClient and the registry live them.
'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, test } = require('node:test');

const { device: device_sdk, iothub, mqtt } = require('../support/node/azure');
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

const primary = (identity) => identity.authentication.symmetricKey.primaryKey;
const module_connection_string = (device, module, key) => `HostName=${host};DeviceId=${device};ModuleId=${module};SharedAccessKey=${key}`;

// A device with the modules of these names.
async function create(...names) {
  const device = (await registry.create({ deviceId: new_id('modules') })).responseBody;
  const modules = {};
  for (const moduleId of names) {
    modules[moduleId] = (await registry.addModule({ deviceId: device.deviceId, moduleId })).responseBody;
  }
  return { id: device.deviceId, device, modules };
}

function keep(client) {
  client.on('error', () => {});
  open_clients.add(client);
  return client;
}
const module_client = ({ id, modules }, name) =>
  keep(device_sdk.ModuleClient.fromConnectionString(module_connection_string(id, name, primary(modules[name])), mqtt));

const set_desired = (id, module, section) => registry.updateModuleTwin(id, module, { properties: { desired: section } }, '*');

test('a module reads its twin, reports, and gets deltas; its device and its sibling get none of them', async () => {
  const one = await create('camera', 'microphone');
  await set_desired(one.id, 'camera', { fps: 25 });
  const client = module_client(one, 'camera');
  await within('open', client.open());
  const twin = await within('twin', client.getTwin());
  twin.on('error', () => {});
  assert.equal(twin.properties.desired.fps, 25);
  const deltas = [];
  twin.on('properties.desired', (delta) => deltas.push(delta));
  await until('a delta', async () => {
    await set_desired(one.id, 'camera', { fps: 30 });
    return deltas.some((delta) => delta.fps === 30);
  }, { every_ms: 100 });
  await within('report', new Promise((resolve, reject) => {
    twin.properties.reported.update({ fps: 29 }, (error) => (error ? reject(error) : resolve()));
  }));
  const stored = (await registry.getModuleTwin(one.id, 'camera')).responseBody;
  assert.equal(stored.moduleId, 'camera');
  assert.equal(stored.connectionState, 'Connected');
  assert.equal(stored.properties.reported.fps, 29);
  assert.equal((await registry.getModuleTwin(one.id, 'microphone')).responseBody.properties.desired.fps, undefined);
  const device_twin = (await registry.getTwin(one.id)).responseBody;
  assert.equal(device_twin.properties.reported.fps, undefined);
  assert.equal(device_twin.connectionState, 'Disconnected');
});

test('a module\'s methods are called by its name', async () => {
  const one = await create('camera', 'microphone');
  const client = module_client(one, 'camera');
  client.onMethod('shoot', (request, response) => response.send(201, { module: 'camera', got: request.payload }));
  await within('open', client.open());
  const device = keep(device_sdk.Client.fromConnectionString(device_connection_string(one.id, primary(one.device)), mqtt));
  device.onDeviceMethod('shoot', (request, response) => response.send(200, { module: null }));
  await within('open', device.open());

  const call = { methodName: 'shoot', payload: 5, connectTimeoutInSeconds: 15 };
  assert.deepEqual((await service.invokeDeviceMethod(one.id, 'camera', call)).result,
    { status: 201, payload: { module: 'camera', got: 5 } });
  assert.deepEqual((await service.invokeDeviceMethod(one.id, call)).result, { status: 200, payload: { module: null } });
  await assert.rejects(service.invokeDeviceMethod(one.id, 'microphone', { methodName: 'shoot' }),
    (error) => /404103/.test(error.responseBody));
  await assert.rejects(service.invokeDeviceMethod(one.id, 'nose', { methodName: 'shoot' }),
    (error) => /404010/.test(error.responseBody));
});

test('events leave by outputs and are acknowledged', async () => {
  const client = module_client(await create('camera'), 'camera');
  await within('open', client.open());
  const message = () => new device_sdk.Message(JSON.stringify({ seen: 'cat' }));
  await within('acknowledgement', client.sendEvent(message()));
  await within('acknowledgement', client.sendOutputEvent('alerts & more', message()));
});

test('a module may subscribe to its inputs', async () => {
  const client = module_client(await create('camera'), 'camera');
  client.on('inputMessage', () => {});
  await within('open', client.open());
  await within('acknowledgement', client.sendEvent(new device_sdk.Message('{}')));
});

test('a module\'s key opens its own connection only, a device\'s key its modules\' as well', async () => {
  const one = await create('camera', 'microphone');
  const refused = async (client) => {
    client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
    await assert.rejects(within('open', client.open()), (error) => error.name === 'UnauthorizedError');
  };
  const as = (name, key) => keep(device_sdk.ModuleClient.fromConnectionString(module_connection_string(one.id, name, key), mqtt));
  await refused(as('microphone', primary(one.modules.camera)));
  const other = await create('camera');
  await refused(as('camera', primary(other.device)));
  await within('open', as('camera', primary(one.device)).open());
  await refused(keep(device_sdk.Client.fromConnectionString(device_connection_string(one.id, primary(one.modules.camera)), mqtt)));
  await within('open', as('camera', one.modules.camera.authentication.symmetricKey.secondaryKey).open());
});

test('a module that is removed is disconnected and refused; its device is not', async () => {
  const one = await create('camera');
  const client = module_client(one, 'camera');
  client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => 0 });
  const gone = new Promise((resolve) => client.on('disconnect', resolve));
  await within('open', client.open());
  await within('twin', client.getTwin());
  const device = keep(device_sdk.Client.fromConnectionString(device_connection_string(one.id, primary(one.device)), mqtt));
  await within('open', device.open());
  await registry.removeModule(one.id, 'camera');
  await within('disconnect', gone);
  await within('twin', device.getTwin());
  assert.equal((await rest.get(`/devices/${one.id}/modules/camera`)).headers['iothub-errorcode'], 'ModuleNotFound');
});
