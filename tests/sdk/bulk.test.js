// The service SDK's Registry beyond single identities and twins: many devices at a time, statistics, modules,
// queries, jobs that need a storage account; and the error classes that its users catch.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const https = require('node:https');
const { after, test } = require('node:test');

const { iothub } = require('../support/node/azure');
const { Hub } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { connection_string, new_id, new_key, policy_connection_string } = require('../support/node/target');

const registry = iothub.Registry.fromConnectionString(connection_string);
const rest = new Rest(connection_string);
after(() => rest.close());

const refused_as = (name, status, code) => (error) => {
  assert.equal(error.name, name, error.stack);
  assert.equal(error.response.statusCode, status);
  assert.equal(error.response.headers['iothub-errorcode'], code);
  return true;
};
// A bulk request of which some devices were refused: the SDK's error for IoT Hub's 400.
const failed_for = (expected) => (error) => {
  assert.equal(error.name, 'ArgumentError', error.stack);
  assert.equal(error.response.statusCode, 400);
  const result = JSON.parse(error.responseBody);
  assert.equal(result.isSuccessful, false);
  assert.deepEqual(result.warnings, []);
  assert.deepEqual(Object.fromEntries(result.errors.map(({ deviceId, errorCode }) => [deviceId, errorCode])), expected);
  for (const { errorStatus } of result.errors) assert.ok(errorStatus.length > 0);
  return true;
};
const success = { isSuccessful: true, errors: [], warnings: [] };
const ids_of = (count, what = 'bulk') => {
  const first = new_id(what);
  return Array.from({ length: count }, (_, i) => `${first}-${i}`);
};
const devices_of = (ids, extra = {}) => ids.map((deviceId) => ({ deviceId, ...extra }));
const read = async (id) => (await registry.get(id)).responseBody;

test('addDevices creates a hundred devices, each with keys of its own', async () => {
  const ids = ids_of(100);
  const { responseBody, httpResponse } = await registry.addDevices(devices_of(ids, { status: 'disabled', statusReason: 'in stock' }));
  assert.deepEqual(responseBody, success);
  assert.equal(httpResponse.statusCode, 200);
  const [first, last] = [await read(ids[0]), await read(ids[99])];
  assert.equal(first.status, 'disabled');
  assert.equal(last.statusReason, 'in stock');
  assert.notEqual(first.authentication.symmetricKey.primaryKey, last.authentication.symmetricKey.primaryKey);
  assert.equal(Buffer.from(last.authentication.symmetricKey.secondaryKey, 'base64').length, 32);
  assert.equal((await registry.getTwin(ids[50])).responseBody.version, 2);
});

test('addDevices keeps the keys and thumbprints that the caller gives', async () => {
  const [sas, x509] = ids_of(2);
  const symmetricKey = { primaryKey: new_key(), secondaryKey: new_key() };
  const primaryThumbprint = 'A1'.repeat(20);
  await registry.addDevices([
    { deviceId: sas, authentication: { symmetricKey } },
    { deviceId: x509, authentication: { x509Thumbprint: { primaryThumbprint } } },
  ]);
  assert.deepEqual((await read(sas)).authentication.symmetricKey, symmetricKey);
  assert.equal((await read(x509)).authentication.type, 'selfSigned');
  assert.equal((await read(x509)).authentication.x509Thumbprint.primaryThumbprint, primaryThumbprint);
});

test('addDevices: devices that exist already are named, the others are created', async () => {
  const ids = ids_of(3);
  await registry.create({ deviceId: ids[1] });
  const before = await read(ids[1]);
  await assert.rejects(registry.addDevices(devices_of(ids)), failed_for({ [ids[1]]: 'DeviceAlreadyExists' }));
  assert.deepEqual(await read(ids[1]), before);
  assert.equal((await read(ids[0])).deviceId, ids[0]);
  assert.equal((await read(ids[2])).deviceId, ids[2]);
});

test('addDevices: one id twice, and more than a hundred devices, change nothing', async () => {
  const [id] = ids_of(1);
  await assert.rejects(registry.addDevices(devices_of([id, id])), refused_as('ArgumentError', 400, 'DeviceDefinedMultipleTimes'));
  await assert.rejects(registry.get(id), refused_as('DeviceNotFoundError', 404, 'DeviceNotFound'));
  // The SDK itself sends no more than a hundred.
  const answer = await rest.request('POST', '/devices', { body: ids_of(101).map((name) => ({ id: name, importMode: 'create' })) });
  assert.equal(answer.status, 413);
  assert.equal(answer.headers['iothub-errorcode'], 'TooManyDevices');
});

test('updateDevices by force overwrites any etag, and keeps keys that the request does not name', async () => {
  const ids = ids_of(2);
  await registry.addDevices(devices_of(ids));
  const before = await read(ids[0]);
  const { responseBody } = await registry.updateDevices(devices_of(ids, { status: 'disabled' }), true);
  assert.deepEqual(responseBody, success);
  const after_update = await read(ids[0]);
  assert.equal(after_update.status, 'disabled');
  assert.notEqual(after_update.etag, before.etag);
  assert.deepEqual(after_update.authentication, before.authentication);
  const missing = new_id('nobody');
  await assert.rejects(registry.updateDevices(devices_of([ids[0], missing], { status: 'enabled' }), true),
    failed_for({ [missing]: 'DeviceNotFound' }));
  assert.equal((await read(ids[0])).status, 'enabled');
});

test('updateDevices by etag leaves devices alone that have changed meanwhile', async () => {
  const ids = ids_of(2);
  await registry.addDevices(devices_of(ids));
  const [one, other] = [await read(ids[0]), await read(ids[1])];
  await registry.update({ ...other, statusReason: 'someone else' });
  await assert.rejects(
    registry.updateDevices([{ ...one, statusReason: 'mine' }, { ...other, statusReason: 'mine' }].map((device) => ({ ...device, eTag: device.etag })), false),
    failed_for({ [ids[1]]: 'PreconditionFailed' }));
  assert.equal((await read(ids[0])).statusReason, 'mine');
  assert.equal((await read(ids[1])).statusReason, 'someone else');
});

test('removeDevices by force and by etag', async () => {
  const ids = ids_of(4);
  await registry.addDevices(devices_of(ids));
  const [one, other] = [await read(ids[0]), await read(ids[1])];
  await registry.update({ ...other, statusReason: 'changed' });
  await assert.rejects(registry.removeDevices([one, other], false), failed_for({ [ids[1]]: 'PreconditionFailed' }));
  await assert.rejects(registry.get(ids[0]), refused_as('DeviceNotFoundError', 404, 'DeviceNotFound'));
  assert.deepEqual((await registry.removeDevices(devices_of(ids.slice(1)), true)).responseBody, success);
  await assert.rejects(registry.removeDevices(devices_of(ids.slice(1)), true),
    failed_for(Object.fromEntries(ids.slice(1).map((id) => [id, 'DeviceNotFound']))));
});

test('bulk requests that run at once for the same devices each decide whole devices', async () => {
  const ids = ids_of(20);
  const runs = await Promise.allSettled(Array.from({ length: 5 }, () => registry.addDevices(devices_of(ids))));
  const created = runs.map((run) => (run.status === 'fulfilled' ? 20 : 20 - JSON.parse(run.reason.responseBody).errors.length));
  assert.equal(created.reduce((sum, count) => sum + count, 0), 20);
});

test('getRegistryStatistics counts devices by status', async () => {
  const before = (await registry.getRegistryStatistics()).responseBody;
  await registry.addDevices(devices_of(ids_of(3), { status: 'enabled' }));
  await registry.addDevices(devices_of(ids_of(2), { status: 'disabled' }));
  assert.deepEqual((await registry.getRegistryStatistics()).responseBody, {
    totalDeviceCount: before.totalDeviceCount + 5,
    enabledDeviceCount: before.enabledDeviceCount + 3,
    disabledDeviceCount: before.disabledDeviceCount + 2,
  });
  assert.deepEqual((await rest.get('/statistics/service')).json, { connectedDeviceCount: 0 });
});

test('modules: listed, updated by etag and by force, removed by etag', async () => {
  const [deviceId] = ids_of(1);
  await registry.create({ deviceId });
  for (const moduleId of ['b', 'a']) await registry.addModule({ deviceId, moduleId, managedBy: 'me' });
  const listed = (await registry.getModulesOnDevice(deviceId)).responseBody;
  assert.deepEqual(listed.map(({ moduleId }) => moduleId), ['a', 'b']);
  const module = listed[0];
  await assert.rejects(registry.addModule({ deviceId, moduleId: 'a' }), refused_as('DeviceAlreadyExistsError', 409, 'ModuleAlreadyExistsOnDevice'));
  const updated = (await registry.updateModule({ ...module, managedBy: 'you' })).responseBody;
  assert.equal(updated.managedBy, 'you');
  await assert.rejects(registry.updateModule({ ...module, managedBy: 'they' }), refused_as('InvalidEtagError', 412, 'PreconditionFailed'));
  assert.equal((await registry.updateModule({ ...module, managedBy: 'they' }, true)).responseBody.managedBy, 'they');
  // With a module object the SDK removes by its etag, and needs a callback.
  const remove = (it) => new Promise((resolve, reject) => { registry.removeModule(it, (error) => (error ? reject(error) : resolve())); });
  await assert.rejects(remove(updated), refused_as('InvalidEtagError', 412, 'PreconditionFailed'));
  await remove((await registry.getModule(deviceId, 'a')).responseBody);
  assert.deepEqual((await registry.getModulesOnDevice(deviceId)).responseBody.map(({ moduleId }) => moduleId), ['b']);
  await assert.rejects(registry.getModulesOnDevice(new_id('nobody')), refused_as('DeviceNotFoundError', 404, 'DeviceNotFound'));
});

test('modules and twins in bulk, as .NET and the az extension send them', async () => {
  const [id] = ids_of(1);
  const post = (body, options) => rest.request('POST', '/devices', { body, ...options });
  const created = await post([{ id, tags: { room: 'attic' } }, { id, moduleId: 'm', importMode: 'create', properties: { desired: { zoom: 2 } } }]);
  assert.deepEqual(created.json, success);
  assert.deepEqual((await registry.getTwin(id)).responseBody.tags, { room: 'attic' });
  const twin = (await registry.getModuleTwin(id, 'm')).responseBody;
  assert.equal(twin.properties.desired.zoom, 2);
  const stale = await post([{ id, moduleId: 'm', importMode: 'updateTwinIfMatchETag', twinETag: 'AAAAAAAAAAk=', tags: { a: 1 } }]);
  assert.equal(stale.status, 400);
  assert.equal(stale.headers['iothub-errorcode'], 'BulkRegistryOperationFailure');
  assert.equal(stale.json.errors[0].moduleId, 'm');
  assert.equal(stale.json.errors[0].errorCode, 'PreconditionFailed');
  const fresh = await post([{ id, moduleId: 'm', importMode: 'updateTwinIfMatchETag', twinETag: twin.etag, tags: { a: 1 } }]);
  assert.deepEqual(fresh.json, success);
  // Azure IoT Explorer's way of deleting.
  assert.deepEqual((await post([{ id, etag: '*', importMode: 'deleteIfMatchEtag' }])).json, success);
  await assert.rejects(registry.getModule(id, 'm'), (error) => error.response.statusCode === 404);
});

test('keys are regenerated by the request that the az extension sends', async () => {
  const [id] = ids_of(1);
  const before = (await registry.create({ deviceId: id })).responseBody;
  const ask = (policyKey) => rest.request('POST', '/devices/keys/regenerate', { body: { policyKey, devices: [{ id }] }, version: '2024-03-31' });
  const answer = await ask('primaryKey');
  assert.equal(answer.status, 200);
  const now = await read(id);
  assert.notEqual(now.authentication.symmetricKey.primaryKey, before.authentication.symmetricKey.primaryKey);
  assert.equal(now.authentication.symmetricKey.secondaryKey, before.authentication.symmetricKey.secondaryKey);
  assert.deepEqual(answer.json, { policyKey: 'primaryKey', rotatedKeys: [{ id, moduleId: null, ...now.authentication.symmetricKey }], errors: [] });
  assert.equal((await ask('both')).status, 400);
});

test('jobs that need a storage account are refused as IoT Hub refuses a container that it cannot reach', async () => {
  const container = 'https://example.invalid/container?sig=x';
  const refusal = refused_as('ArgumentError', 400, 'BlobContainerValidationError');
  await assert.rejects(registry.importDevicesFromBlob(container, container), refusal);
  await assert.rejects(registry.importDevicesFromBlobByIdentity(container, container), refusal);
  await assert.rejects(registry.exportDevicesToBlob(container, false), refusal);
  await assert.rejects(registry.exportDevicesToBlobByIdentity(container, true), refusal);
  assert.deepEqual((await registry.listJobs()).responseBody, []);
  const unknown = (error) => error.response.statusCode === 404 && error.response.headers['iothub-errorcode'] === 'JobNotFound';
  await assert.rejects(registry.getJob('job'), unknown);
  await assert.rejects(registry.cancelJob('job'), unknown);
});

test('createQuery pages through what addDevices has just created', async () => {
  const ids = ids_of(7);
  await registry.addDevices(devices_of(ids));
  const query = registry.createQuery(`SELECT deviceId FROM devices WHERE deviceId IN ['${ids.join("','")}']`, 3);
  const seen = [];
  while (query.hasMoreResults && seen.length <= ids.length) {
    seen.push(...(await query.next(query.continuationToken)).result.map(({ deviceId }) => deviceId));
  }
  assert.deepEqual(seen.sort(), ids);
});

test('updateTwin and updateModuleTwin with an etag that has moved are InvalidEtagError', async () => {
  const [deviceId] = ids_of(1);
  await registry.create({ deviceId });
  await registry.addModule({ deviceId, moduleId: 'm' });
  const stale = refused_as('InvalidEtagError', 412, 'PreconditionFailed');
  for (const [get, update] of [
    [() => registry.getTwin(deviceId), (patch, etag) => registry.updateTwin(deviceId, patch, etag)],
    [() => registry.getModuleTwin(deviceId, 'm'), (patch, etag) => registry.updateModuleTwin(deviceId, 'm', patch, etag)]]) {
    const { etag } = (await get()).responseBody;
    await update({ tags: { a: 1 } }, etag);
    await assert.rejects(update({ tags: { a: 2 } }, etag), stale);
    assert.deepEqual((await get()).responseBody.tags, { a: 1 });
  }
});

test('bulk, statistics and jobs ask for their rights', async () => {
  const with_policy = (name) => iothub.Registry.fromConnectionString(policy_connection_string(name));
  const unauthorized = refused_as('UnauthorizedError', 401, 'IotHubUnauthorizedAccess');
  const [id] = ids_of(1);
  for (const policy of ['service', 'device', 'registryRead']) {
    await assert.rejects(with_policy(policy).addDevices(devices_of([id])), unauthorized);
    await assert.rejects(with_policy(policy).listJobs(), unauthorized);
  }
  await assert.rejects(with_policy('service').getRegistryStatistics(), unauthorized);
  assert.ok((await with_policy('registryRead').getRegistryStatistics()).responseBody.totalDeviceCount >= 0);
  assert.deepEqual((await with_policy('registryReadWrite').addDevices(devices_of([id]))).responseBody, success);
});

test('a hub with limits answers too many registry requests with ThrottlingError', async (t) => {
  const limited = new Hub({ flags: ['--sku', 'S1'], env: { TWINHUB_THROTTLE_BURST_SECONDS: '1', TWINHUB_THROTTLE_BACKLOG_SECONDS: '0' } });
  t.after(() => limited.remove());
  await limited.start();
  const there = iothub.Registry.fromConnectionString(limited.connection_string());
  // This process trusts the suite's hub (NODE_EXTRA_CA_CERTS); the second one is trusted here.
  there._restApiClient.setOptions({ http: { agent: new https.Agent({ keepAlive: true, ca: fs.readFileSync(limited.ca_file) }) } });
  // All at once: one after the other a slow disk would keep them within the limit.
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => there.addDevices(devices_of(ids_of(1)))));
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  assert.ok(refused.length > 0, 'nothing was refused');
  for (const { reason } of refused) refused_as('ThrottlingError', 429, 'ThrottlingBacklogTimeout')(reason);
});
