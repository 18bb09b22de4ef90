// Azure Resource Manager's JavaScript SDK, unmodified: the life of a hub, its keys, and updates under an etag.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { arm_iothub, identity } = require('../support/node/azure');
const { Rest } = require('../support/node/rest');
const { parse_connection_string } = require('../support/node/sas');
const { connection_string, host, new_id } = require('../support/node/target');

const { SharedAccessKey: key } = parse_connection_string(connection_string);
const here = `https://${host}`;
const group = 'sdk-group';
const credential = (client = 'iothubowner', secret = key) => new identity.ClientSecretCredential('adfs', client, secret, { authorityHost: here });

// Retries are for clouds: what is refused here is refused at once.
const options = { endpoint: here, retryOptions: { maxRetries: 0 } };
const failure = (promise) => promise.then(() => assert.fail('not refused'), (error) => error);

async function arm(method, path, body, { client, secret } = {}) {
  const { token } = await credential(client, secret).getToken(`${here}/.default`);
  const response = await fetch(`${here}${path}${path.includes('?') ? '&' : '?'}api-version=2023-06-30`, {
    method, body: body && JSON.stringify(body), headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
  });
  const text = await response.text();
  return { status: response.status, json: text ? JSON.parse(text) : undefined };
}

async function prepared() {
  const { json } = await arm('GET', '/subscriptions');
  const subscription = json.value[0].subscriptionId;
  const made = await arm('PUT', `/subscriptions/${subscription}/resourceGroups/${group}`, { location: 'westus2' });
  assert.ok([200, 201].includes(made.status), JSON.stringify(made.json));
  return { subscription, client: new arm_iothub.IotHubClient(credential(), subscription, options) };
}

const create = (client, name, more = {}) => client.iotHubResource.beginCreateOrUpdateAndWait(group, name, {
  location: 'westus2', sku: { name: 'S1', capacity: 1 }, ...more,
});

async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

test('a hub is created, read, updated under its etag and deleted with its devices', async () => {
  const { client } = await prepared();
  const name = 'sdk-hub';
  assert.equal((await client.iotHubResource.checkNameAvailability({ name })).nameAvailable, true);
  const impossible = await client.iotHubResource.checkNameAvailability({ name: 'a_b' });
  assert.deepEqual([impossible.nameAvailable, impossible.reason], [false, 'Invalid']);
  const made = await create(client, name, { tags: { a: '1' } });
  assert.equal(made.properties.hostName, host);
  assert.equal((await client.iotHubResource.checkNameAvailability({ name })).reason, 'AlreadyExists');

  const keys = await all(client.iotHubResource.listKeys(group, name));
  assert.deepEqual(keys.map(({ keyName }) => keyName), ['iothubowner', 'service', 'device', 'registryRead', 'registryReadWrite']);
  assert.equal(keys[0].primaryKey, key);
  assert.equal((await client.iotHubResource.getKeysForKeyName(group, name, 'service')).rights, 'ServiceConnect');

  const updated = await client.iotHubResource.beginCreateOrUpdateAndWait(group, name, { ...made, tags: { a: '2' } }, { ifMatch: made.etag });
  assert.notEqual(updated.etag, made.etag);
  const late = await failure(client.iotHubResource.beginCreateOrUpdateAndWait(group, name, { ...made, tags: { a: '3' } }, { ifMatch: made.etag }));
  assert.deepEqual([late.statusCode, late.code], [412, 'PreconditionFailed']);
  assert.deepEqual((await client.iotHubResource.beginUpdateAndWait(group, name, { tags: { b: '4' } })).tags, { b: '4' });

  const rest = new Rest(connection_string);
  await rest.create_device(new_id('sdk'));
  assert.equal((await client.iotHubResource.getStats(group, name)).totalDeviceCount, 1);
  await client.iotHubResource.beginDeleteAndWait(group, name);
  assert.deepEqual((await rest.get('/devices')).json, []);
  rest.close();
  assert.equal((await failure(client.iotHubResource.get(group, name))).statusCode, 404);
});

test('of updates at the same time under one etag, one wins', async () => {
  const { client } = await prepared();
  const made = await create(client, 'sdk-hub');
  const outcomes = await Promise.allSettled([1, 2, 3, 4, 5, 6].map((n) => client.iotHubResource.beginCreateOrUpdateAndWait(
    group, 'sdk-hub', { ...made, tags: { n: String(n) } }, { ifMatch: made.etag })));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const { reason } of outcomes.filter(({ status }) => status === 'rejected')) assert.equal(reason.statusCode, 412);
  await client.iotHubResource.beginDeleteAndWait(group, 'sdk-hub');
});

test('a name has 50 characters and no more', async () => {
  const { client } = await prepared();
  const refused = await failure(create(client, 'x'.repeat(51)));
  assert.equal(refused.statusCode, 400);
  const name = `${'x'.repeat(49)}9`;
  assert.equal((await create(client, name)).name, name);
  const second = await failure(create(client, 'another-hub'));
  assert.deepEqual([second.statusCode, second.code], [409, 'ResourceConflict']);
  await client.iotHubResource.beginDeleteAndWait(group, name);
});

test('a wrong secret, and a policy that may not manage, are refused', async () => {
  const { subscription } = await prepared();
  const with_wrong = new arm_iothub.IotHubClient(credential('iothubowner', 'wrong'), subscription, options);
  assert.match((await failure(all(with_wrong.iotHubResource.listBySubscription()))).message, /AADSTS7000215|invalid_client/);
  const by_service = new arm_iothub.IotHubClient(credential('service'), subscription, options);
  assert.equal((await failure(all(by_service.iotHubResource.listBySubscription()))).statusCode, 403);
  const stale = { getToken: async () => ({ token: 'a.b.c', expiresOnTimestamp: Date.now() + 60_000 }) };
  const by_garbage = new arm_iothub.IotHubClient(stale, subscription, options);
  assert.equal((await failure(all(by_garbage.iotHubResource.listBySubscription()))).statusCode, 401);
});

test('routes are tried by the hub that would take them', async () => {
  const { client } = await prepared();
  await create(client, 'sdk-hub');
  const test_route = (condition) => client.iotHubResource.testRoute('sdk-hub', group, {
    message: { body: '{"t":31}', systemProperties: { contentType: 'application/json', contentEncoding: 'utf-8' } },
    route: { name: 'r', source: 'DeviceMessages', condition, endpointNames: ['events'], isEnabled: true },
  });
  assert.equal((await test_route('$body.t > 30')).result, 'true');
  assert.equal((await test_route('$body.t > 31')).result, 'false');
  assert.equal((await test_route('$body.t >')).details.compilationErrors[0].severity, 'error');
  await client.iotHubResource.beginDeleteAndWait(group, 'sdk-hub');
});
