// IoT Plug and Play: the service SDK's DigitalTwinClient against a device SDK that announces a model.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');
const { promisify } = require('node:util');

const { device: device_sdk, iothub, mqtt } = require('../support/node/azure');
const { connection_string, device_connection_string, new_id } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const registry = iothub.Registry.fromConnectionString(connection_string);
const digital_twins = new iothub.DigitalTwinClient(new iothub.IoTHubTokenCredentials(connection_string));
const model = 'dtmi:com:example:TemperatureController;1';

const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});

const create = async () => (await registry.create({ deviceId: new_id('pnp') })).responseBody;
const body_of = (answer) => JSON.parse(answer._response ? answer._response.bodyAsText : answer.body);

async function connect(identity, methods = {}) {
  const key = identity.authentication.symmetricKey.primaryKey;
  const client = device_sdk.Client.fromConnectionString(device_connection_string(identity.deviceId, key), mqtt);
  client.on('error', () => {});
  open_clients.add(client);
  await client.setOptions({ modelId: model });
  for (const [name, answer] of Object.entries(methods)) client.onDeviceMethod(name, answer);
  await within('open', client.open());
  return client;
}

// As a PnP device: acknowledges the desired properties of thermostat1.
async function run_thermostat(identity) {
  const client = await connect(identity);
  const twin = await within('twin', client.getTwin());
  twin.on('error', () => {});
  const report = (patch, answered) => twin.properties.reported.update(patch, answered);
  await within('report', promisify(report)({ serialNumber: 'alwinexlepaho8329', thermostat1: { __t: 'c', maxTempSinceLastReboot: 25.3 } }));
  // The SDK reports one change twice, as a delta and as the stored value when the listener is added: the second report may still be
  // under way when the test has seen the first and closes the client. So the test looks at the digital twin.
  twin.on('properties.desired', (delta) => {
    if (!delta.thermostat1 || delta.thermostat1.targetTemperature === undefined) return;
    report({
      thermostat1: { __t: 'c', targetTemperature: { value: delta.thermostat1.targetTemperature, ac: 200, ad: 'done', av: delta.$version } },
    }, () => {});
  });
}

test('a device shows its model, properties and components', async () => {
  const identity = await create();
  await run_thermostat(identity);
  const twin = body_of(await digital_twins.getDigitalTwin(identity.deviceId));
  assert.equal(twin.$dtId, identity.deviceId);
  assert.equal(twin.$metadata.$model, model);
  assert.equal(twin.serialNumber, 'alwinexlepaho8329');
  assert.ok(Date.parse(twin.$metadata.serialNumber.lastUpdateTime) > 0);
  assert.equal(twin.thermostat1.maxTempSinceLastReboot, 25.3);
  assert.ok(Date.parse(twin.thermostat1.$metadata.maxTempSinceLastReboot.lastUpdateTime) > 0);
  assert.equal(twin.thermostat1.__t, undefined);
});

test('a patch reaches the device, and its acknowledgement the digital twin', async () => {
  const identity = await create();
  await run_thermostat(identity);
  const patch = [{ op: 'add', path: '/thermostat1/targetTemperature', value: 21.4 }];
  const accepted = await new Promise((resolve, reject) => {
    digital_twins.updateDigitalTwin(identity.deviceId, patch, (error, _, response) => (error ? reject(error) : resolve(response)));
  });
  assert.equal(accepted.status, 202);
  assert.match(accepted.headers.get('etag'), /^"[^"]+"$/);
  assert.match(accepted.headers.get('location'), /digitaltwins/);
  const twin = await until('the acknowledgement', async () => {
    const now = body_of(await digital_twins.getDigitalTwin(identity.deviceId));
    return now.thermostat1.targetTemperature === 21.4 && now;
  });
  const about = twin.thermostat1.$metadata.targetTemperature;
  assert.equal(about.desiredValue, 21.4);
  assert.equal(about.ackCode, 200);
  assert.equal(about.ackDescription, 'done');
  // Desired once: acknowledged then, or when the device looked at what was there.
  assert.ok(about.ackVersion >= about.desiredVersion, JSON.stringify(about));
});

test('a patch may be conditional on the etag', async () => {
  const { deviceId } = await create();
  const read = await digital_twins.getDigitalTwin(deviceId);
  const etag = read._response.headers.get('etag');
  const add = (value) => [{ op: 'add', path: '/p', value }];
  await digital_twins.updateDigitalTwin(deviceId, add(1), etag);
  await assert.rejects(digital_twins.updateDigitalTwin(deviceId, add(2), etag), (error) => error.statusCode === 412);
  await digital_twins.updateDigitalTwin(deviceId, add(3), '*');
  assert.equal((await registry.getTwin(deviceId)).responseBody.properties.desired.p, 3);
});

test('a body that is not a JSON Patch is refused', async () => {
  const { deviceId } = await create();
  await assert.rejects(digital_twins.updateDigitalTwin(deviceId, [{ op: 'replace', path: '/missing', value: 1 }]), (error) => {
    assert.equal(error.statusCode, 400);
    assert.equal(error.response.headers.get('iothub-errorcode'), 'InvalidDigitalTwinPatch');
    return true;
  });
  await assert.rejects(digital_twins.getDigitalTwin(new_id('nobody')), (error) => error.statusCode === 404);
});

test('commands of the device and of its components', async () => {
  const identity = await create();
  await connect(identity, {
    reboot: (request, response) => response.send(200, { in: request.payload }),
    'thermostat1*getMaxMinReport': (request, response) => response.send(404, { since: request.payload.since }),
  });
  const wait = { connectTimeoutInSeconds: 15, responseTimeoutInSeconds: 30 };
  const reboot = await digital_twins.invokeCommand(identity.deviceId, 'reboot', 5, wait);
  assert.equal(reboot._response.status, 200);
  assert.equal(reboot.xMsCommandStatuscode, 200);
  assert.deepEqual(JSON.parse(reboot._response.bodyAsText), { in: 5 });
  const report = await digital_twins.invokeComponentCommand(identity.deviceId, 'thermostat1', 'getMaxMinReport', { since: 'ever' }, wait);
  assert.equal(report.xMsCommandStatuscode, 404);
  assert.deepEqual(JSON.parse(report._response.bodyAsText), { since: 'ever' });
  const absent = await create();
  await assert.rejects(digital_twins.invokeCommand(absent.deviceId, 'reboot', {}), (error) => {
    assert.equal(error.statusCode, 404);
    assert.equal(error.response.headers.get('iothub-errorcode'), 'DeviceNotOnline');
    return true;
  });
});
