// The identity registry through the service SDK: identities are created, read, changed and deleted, and each refusal
// arrives as the error class the SDK has for it (rest_api_client.js, translateError).
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { iothub } = require('../support/node/azure');
const { parse_connection_string } = require('../support/node/sas');
const { connection_string, host, new_id, new_key, policy_connection_string } = require('../support/node/target');

const registry = iothub.Registry.fromConnectionString(connection_string);

const refused_as = (name, status, code) => (error) => {
  assert.equal(error.name, name, error.stack);
  assert.equal(error.response.statusCode, status);
  assert.equal(error.response.headers['iothub-errorcode'], code);
  assert.ok(error.message.length > 0);
  return true;
};

const create = async (extra = {}) => (await registry.create({ deviceId: new_id('registry'), ...extra })).responseBody;

test('create answers with the identity and makes two different 32-byte keys', async () => {
  const device = await create();
  const { primaryKey, secondaryKey } = device.authentication.symmetricKey;
  for (const key of [primaryKey, secondaryKey]) assert.equal(Buffer.from(key, 'base64').length, 32);
  assert.notEqual(primaryKey, secondaryKey);
  assert.equal(device.authentication.type, 'sas');
  assert.equal(device.status, 'enabled');
  assert.equal(device.connectionState, 'Disconnected');
});

test('get reads back what create answered', async () => {
  const device = await create();
  assert.deepEqual((await registry.get(device.deviceId)).responseBody, device);
});

test('create keeps the keys, the status and its reason that the caller gives', async () => {
  const symmetricKey = { primaryKey: new_key(), secondaryKey: new_key() };
  const device = await create({ authentication: { symmetricKey }, status: 'disabled', statusReason: 'spare part' });
  assert.deepEqual(device.authentication.symmetricKey, symmetricKey);
  assert.equal(device.status, 'disabled');
  assert.equal(device.statusReason, 'spare part');
});

test('create keeps thumbprints in the caller\'s spelling', async () => {
  const primaryThumbprint = 'aB'.repeat(20);
  const secondaryThumbprint = 'c3'.repeat(32);
  const device = await create({ authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint, secondaryThumbprint } } });
  assert.equal(device.authentication.type, 'selfSigned');
  assert.deepEqual(device.authentication.x509Thumbprint, { primaryThumbprint, secondaryThumbprint });
});

test('creating an id twice is DeviceAlreadyExistsError', async () => {
  const device = await create();
  await assert.rejects(registry.create({ deviceId: device.deviceId }),
    refused_as('DeviceAlreadyExistsError', 409, 'DeviceAlreadyExists'));
  assert.deepEqual((await registry.get(device.deviceId)).responseBody, device);
});

test('every character that an id may hold makes the round trip', async () => {
  const deviceId = `${new_id('odd')}-:.+%_#*?!(),=@;$'`;
  await registry.create({ deviceId });
  assert.equal((await registry.get(deviceId)).responseBody.deviceId, deviceId);
  assert.equal((await registry.getTwin(deviceId)).responseBody.deviceId, deviceId);
  await registry.delete(deviceId);
  await assert.rejects(registry.get(deviceId), refused_as('DeviceNotFoundError', 404, 'DeviceNotFound'));
});

test('an id of 128 characters is accepted, one of 129 is ArgumentError', async () => {
  const id = new_id('long').padEnd(128, 'x');
  assert.equal((await registry.create({ deviceId: id })).responseBody.deviceId, id);
  await assert.rejects(registry.create({ deviceId: `${id}x` }), refused_as('ArgumentError', 400, 'ArgumentInvalid'));
});

test('an identity with invalid members is ArgumentError', async (t) => {
  const cases = {
    'key of 15 bytes': { authentication: { symmetricKey: { primaryKey: Buffer.alloc(15).toString('base64'), secondaryKey: new_key() } } },
    'key of 65 bytes': { authentication: { symmetricKey: { primaryKey: Buffer.alloc(65).toString('base64'), secondaryKey: new_key() } } },
    'one key only': { authentication: { symmetricKey: { primaryKey: new_key() } } },
    'thumbprint of 39 digits': { authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: 'a'.repeat(39) } } },
  };
  for (const [name, body] of Object.entries(cases)) {
    await t.test(name, async () => {
      const deviceId = new_id('refused');
      await assert.rejects(registry.create({ deviceId, ...body }), refused_as('ArgumentError', 400, 'ArgumentInvalid'));
      await assert.rejects(registry.get(deviceId), refused_as('DeviceNotFoundError', 404, 'DeviceNotFound'));
    });
  }
});

test('an unknown id is DeviceNotFoundError for get, update, delete and its twin', async () => {
  const deviceId = new_id('nobody');
  const not_found = refused_as('DeviceNotFoundError', 404, 'DeviceNotFound');
  await assert.rejects(registry.get(deviceId), not_found);
  await assert.rejects(registry.update({ deviceId, status: 'enabled' }), not_found);
  await assert.rejects(registry.delete(deviceId), not_found);
  await assert.rejects(registry.getTwin(deviceId), not_found);
  await assert.rejects(registry.updateTwin(deviceId, { tags: { a: 1 } }, '*'), not_found);
});

test('update replaces the identity: new etag, same generation, twin untouched but for its deviceEtag', async () => {
  const device = await create();
  const twin = (await registry.getTwin(device.deviceId)).responseBody;
  const updated = (await registry.update({ ...device, status: 'disabled', statusReason: 'in repair' })).responseBody;
  assert.equal(updated.status, 'disabled');
  assert.equal(updated.statusReason, 'in repair');
  assert.notEqual(updated.etag, device.etag);
  assert.equal(updated.generationId, device.generationId);
  assert.deepEqual(updated.authentication, device.authentication);
  assert.ok(updated.statusUpdatedTime > '2000', updated.statusUpdatedTime);

  const twin_after = (await registry.getTwin(device.deviceId)).responseBody;
  assert.equal(twin_after.etag, twin.etag);
  assert.equal(twin_after.version, twin.version);
  assert.equal(twin_after.deviceEtag, updated.etag);
  assert.equal(twin_after.status, 'disabled');
});

test('an update without keys makes new ones', async () => {
  const device = await create();
  const updated = (await registry.update({ deviceId: device.deviceId, status: 'enabled' })).responseBody;
  assert.notEqual(updated.authentication.symmetricKey.primaryKey, device.authentication.symmetricKey.primaryKey);
  assert.equal(Buffer.from(updated.authentication.symmetricKey.primaryKey, 'base64').length, 32);
});

test('list holds every device, each as get reads it', async () => {
  const created = await Promise.all([create(), create(), create()]);
  const listed = new Map((await registry.list()).responseBody.map((device) => [device.deviceId, device]));
  for (const device of created) assert.deepEqual(listed.get(device.deviceId), device);
});

test('delete takes the twin along; a device made again begins anew', async () => {
  const device = await create();
  await registry.updateTwin(device.deviceId, { tags: { room: 'attic' }, properties: { desired: { a: 1 } } }, '*');
  const old_etag = (await registry.getTwin(device.deviceId)).responseBody.etag;
  await registry.delete(device.deviceId);
  await assert.rejects(registry.getTwin(device.deviceId), refused_as('DeviceNotFoundError', 404, 'DeviceNotFound'));

  const again = (await registry.create({ deviceId: device.deviceId })).responseBody;
  assert.notEqual(again.generationId, device.generationId);
  const twin = (await registry.getTwin(device.deviceId)).responseBody;
  assert.equal(twin.etag, 'AAAAAAAAAAE=');
  assert.equal(twin.version, 2);
  assert.equal(twin.properties.desired.$version, 1);
  assert.equal(twin.properties.desired.a, undefined);
  await assert.rejects(registry.updateTwin(device.deviceId, { tags: { a: 1 } }, old_etag),
    refused_as('InvalidEtagError', 412, 'PreconditionFailed'));
});

test('modules: created, read, deleted, gone with their device', async () => {
  const { deviceId } = await create();
  const module = (await registry.addModule({ deviceId, moduleId: 'camera' })).responseBody;
  assert.equal(module.moduleId, 'camera');
  assert.equal(Buffer.from(module.authentication.symmetricKey.primaryKey, 'base64').length, 32);
  assert.deepEqual((await registry.getModule(deviceId, 'camera')).responseBody, module);
  const twin = (await registry.getModuleTwin(deviceId, 'camera')).responseBody;
  assert.equal(twin.moduleId, 'camera');
  assert.equal(twin.version, 2);

  const gone = (error) => error.response.statusCode === 404;
  await registry.addModule({ deviceId, moduleId: 'microphone' });
  await registry.removeModule(deviceId, 'microphone');
  await assert.rejects(registry.getModule(deviceId, 'microphone'), gone);
  await registry.delete(deviceId);
  await assert.rejects(registry.getModule(deviceId, 'camera'), gone);
  await assert.rejects(registry.getModuleTwin(deviceId, 'camera'), gone);
});

test('a caller without the right, or without a valid token, is UnauthorizedError', async (t) => {
  const { deviceId } = await create();
  const other = (text) => iothub.Registry.fromConnectionString(text);
  const { SharedAccessKey } = parse_connection_string(connection_string);
  const unauthorized = refused_as('UnauthorizedError', 401, 'IotHubUnauthorizedAccess');
  const cases = {
    'wrong key': () => other(`HostName=${host};SharedAccessKeyName=iothubowner;SharedAccessKey=${new_key()}`).get(deviceId),
    'unknown policy': () => other(`HostName=${host};SharedAccessKeyName=nobody;SharedAccessKey=${SharedAccessKey}`).get(deviceId),
    'service reads the registry': () => other(policy_connection_string('service')).get(deviceId),
    'registryRead writes the registry': () => other(policy_connection_string('registryRead')).delete(deviceId),
    'registryReadWrite reads a twin': () => other(policy_connection_string('registryReadWrite')).getTwin(deviceId),
    'device reads a twin': () => other(policy_connection_string('device')).getTwin(deviceId),
  };
  for (const [name, call] of Object.entries(cases)) await t.test(name, () => assert.rejects(call(), unauthorized));
  assert.equal((await registry.get(deviceId)).responseBody.deviceId, deviceId);
});

test('each policy may use a route of its rights', async () => {
  const { deviceId } = await create();
  const with_policy = (name) => iothub.Registry.fromConnectionString(policy_connection_string(name));
  assert.equal((await with_policy('registryRead').get(deviceId)).responseBody.deviceId, deviceId);
  assert.equal((await with_policy('service').getTwin(deviceId)).responseBody.deviceId, deviceId);
  await with_policy('registryReadWrite').delete(deviceId);
  await assert.rejects(registry.get(deviceId), refused_as('DeviceNotFoundError', 404, 'DeviceNotFound'));
});
