// The life of a device's connection as the device SDK lives it: connect, renew the token by reconnecting, be disabled, deleted,
// given new keys, taken over; and that subscriptions are kept where the SDK does not repeat them.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');

const { device: device_sdk, iothub, mqtt } = require('../support/node/azure');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { sas_token } = require('../support/node/sas');
const { connection_string, device_connection_string, host, new_id, new_key } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const registry = iothub.Registry.fromConnectionString(connection_string);
const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});

const create = async () => (await registry.create({ deviceId: new_id('life') })).responseBody;
const read = async (id) => (await registry.get(id)).responseBody;
const primary = (identity) => identity.authentication.symmetricKey.primaryKey;
const set_desired = (id, section) => registry.updateTwin(id, { properties: { desired: section } }, '*');

// As the SDK comes, it tries again for four minutes when a connection ends, refused tokens included (its error translation does
// not recognize return code 5 on a reconnect). With this policy the SDK reports the end at once.
const no_retry = { shouldRetry: () => false, nextRetryTimeout: () => 0 };

// A device SDK client; `disconnected` settles when the SDK reports that the connection is gone.
function new_client(identity, key = primary(identity)) {
  return watch(device_sdk.Client.fromConnectionString(device_connection_string(identity.deviceId, key), mqtt));
}

function watch(client) {
  open_clients.add(client);
  client.disconnected = new Promise((resolve) => client.on('disconnect', resolve));
  client.on('error', () => {});
  return client;
}

// Opens, reads the twin and listens; `deltas` fills from now on. The first entry is the SDK's own: the stored properties.
async function listening(client) {
  const twin = await within('getTwin', client.getTwin());
  twin.on('error', () => {});
  const deltas = [];
  twin.on('properties.desired', (delta) => deltas.push(delta));
  await until('the first look', () => deltas.length === 1);
  return { twin, deltas };
}

// The listener's subscription is on its way when twin.on() returns. The first delta shows that the subscription is in force.
async function subscribed(identity, deltas) {
  await until('a first delta', async () => {
    await set_desired(identity.deviceId, { hello: deltas.length });
    return deltas.some((delta) => 'hello' in delta);
  }, { every_ms: 100 });
}

const disconnected = (identity) => until('the registry shows it as disconnected',
  async () => (await read(identity.deviceId)).connectionState === 'Disconnected');

const refused = (identity, key) => assert.rejects(within('open', new_client(identity, key).open()), (error) => {
  assert.equal(error.name, 'UnauthorizedError', error.stack);
  return true;
});

test('connection state follows the device', async () => {
  const identity = await create();
  const client = new_client(identity);
  await client.open();
  const connected = await read(identity.deviceId);
  assert.equal(connected.connectionState, 'Connected');
  assert.ok(connected.connectionStateUpdatedTime > '2000');
  await client.close();
  await disconnected(identity);
});

test('telemetry is acknowledged', async () => {
  const client = new_client(await create());
  const message = new device_sdk.Message(JSON.stringify({ temperature: 21.5 }));
  message.properties.add('alert', 'true & more');
  message.messageId = 'm-1';
  await within('acknowledgement', client.sendEvent(message));
});

test('one update of desired properties is one event, with its version', async () => {
  const identity = await create();
  const { twin, deltas } = await listening(new_client(identity));
  await subscribed(identity, deltas);
  const { $version } = (await registry.getTwin(identity.deviceId)).responseBody.properties.desired;
  await until('it is up to date', () => twin.properties.desired.$version === $version);
  const before = deltas.length;
  await set_desired(identity.deviceId, { one: 1 });
  await set_desired(identity.deviceId, { two: { three: 3 } });
  await until('the second', () => twin.properties.desired.$version === $version + 2);
  assert.deepEqual(deltas.slice(before), [{ one: 1, $version: $version + 1 }, { two: { three: 3 }, $version: $version + 2 }]);
});

test('a refused report arrives as an error and leaves the connection as it was', async () => {
  const client = new_client(await create());
  const { twin } = await listening(client);
  const report = (patch) => new Promise((resolve) => { twin.properties.reported.update(patch, resolve); });
  const error = await within('answer', report({ 'a.b': 1 }));
  assert.ok(error instanceof Error, 'the report was not refused');
  assert.match(error.message, /^Property or Tag name 'a\.b' cannot contain /);  // the hub's own words
  assert.ok(!await within('answer', report({ a: { b: 1 } })));
});

test('tokens are renewed by reconnecting without subscribing again, and deltas go on', async () => {
  const identity = await create();
  // Valid for 12 s, renewed 10 s before the end: every two seconds.
  const provider = device_sdk.SharedAccessKeyAuthenticationProvider.fromConnectionString(
    device_connection_string(identity.deviceId, primary(identity)), 12, 10);
  let renewals = 0;
  provider.on('newTokenAvailable', () => { renewals += 1; });
  const client = watch(device_sdk.Client.fromAuthenticationProvider(provider, mqtt));
  const { deltas } = await listening(client);
  await subscribed(identity, deltas);

  for (const round of [1, 2, 3]) {
    await until(`renewal ${round}`, () => renewals >= round);
    // A delta sent while the device is between two connections is not queued for it: send deltas until one arrives.
    await until(`a delta after renewal ${round}`, async () => {
      await set_desired(identity.deviceId, { round, renewals });
      return deltas.some((delta) => delta.round === round);
    }, { every_ms: 100 });
  }
  provider.stop();  // a twin that is asked for between two connections is not answered
  await until('a delta after the last renewal', async () => {
    await set_desired(identity.deviceId, { settled: true });
    return deltas.some((delta) => delta.settled);
  }, { every_ms: 100 });
  const report = await within('twin', client.getTwin());
  assert.equal(report.properties.desired.round, 3);
});

test('a kept session needs no second SUBSCRIBE; a clean session has no subscriptions', async () => {
  const identity = await create();
  const device = () => new MqttClient({ host, id: identity.deviceId, key: primary(identity) });
  const first = device();
  assert.deepEqual(await first.connect(), { session_present: 0, return_code: 0 });
  await first.subscribe(topics.response, topics.desired);
  first.disconnect();

  const second = device();
  assert.deepEqual(await second.connect(), { session_present: 1, return_code: 0 });
  assert.equal((await second.get_twin()).desired.$version, 1);
  const delta = second.message(({ topic }) => topic.startsWith(topics.desired.slice(0, -1)));
  await set_desired(identity.deviceId, { a: 1 });
  assert.deepEqual(JSON.parse((await within('delta', delta)).payload), { a: 1, $version: 2 });
  second.disconnect();

  const clean = device();
  assert.deepEqual(await clean.connect({ clean_session: true }), { session_present: 0, return_code: 0 });
  clean.disconnect();
  const after_clean = device();
  assert.deepEqual(await after_clean.connect(), { session_present: 0, return_code: 0 });
  after_clean.disconnect();
});

test('a disabled device is disconnected and refused until it is enabled again', async () => {
  const identity = await create();
  const client = new_client(identity);
  client.setRetryPolicy(no_retry);
  const { deltas } = await listening(client);
  await subscribed(identity, deltas);
  await registry.update({ ...identity, status: 'disabled' });
  await within('disconnect', client.disconnected);
  await refused(identity);
  await disconnected(identity);

  await registry.update({ ...identity, status: 'enabled' });
  await within('open', new_client(identity).open());
});

test('a device that keeps trying while it is disabled is back, subscriptions and all, once it is enabled', async () => {
  const identity = await create();
  const client = new_client(identity);
  const { deltas } = await listening(client);
  await subscribed(identity, deltas);
  await registry.update({ ...identity, status: 'disabled' });
  await disconnected(identity);
  await registry.update({ ...identity, status: 'enabled' });
  await until('a delta after it was enabled again', async () => {
    await set_desired(identity.deviceId, { enabled_again: true });
    return deltas.some((delta) => delta.enabled_again);
  }, { every_ms: 100 });
});

test('a deleted device is disconnected and refused', async () => {
  const identity = await create();
  const client = new_client(identity);
  client.setRetryPolicy(no_retry);
  const { deltas } = await listening(client);
  await subscribed(identity, deltas);
  await registry.delete(identity.deviceId);
  await within('disconnect', client.disconnected);
  await refused(identity);
});

test('new keys: the old connection ends, old keys are refused, both new ones work', async () => {
  const identity = await create();
  const client = new_client(identity);
  client.setRetryPolicy(no_retry);
  const { deltas } = await listening(client);
  await subscribed(identity, deltas);
  const symmetricKey = { primaryKey: new_key(), secondaryKey: new_key() };
  await registry.update({ ...identity, authentication: { type: 'sas', symmetricKey } });
  await within('disconnect', client.disconnected);
  await refused(identity);
  await refused(identity, identity.authentication.symmetricKey.secondaryKey);
  for (const key of Object.values(symmetricKey)) {
    const again = new_client(identity, key);
    await within('open', again.open());
    await again.close();
  }
});

test('one key changed: a device that holds the other key stays connected', async () => {
  const identity = await create();
  const device = new MqttClient({ host, id: identity.deviceId, key: identity.authentication.symmetricKey.secondaryKey });
  await device.connect();
  await device.subscribe(topics.response);
  const { secondaryKey } = identity.authentication.symmetricKey;
  await registry.update({ ...identity, authentication: { type: 'sas', symmetricKey: { primaryKey: new_key(), secondaryKey } } });
  assert.equal((await device.get_twin()).desired.$version, 1);
  await refused(identity);
  device.disconnect();
});

test('the newest connection of an id wins; a refused connection takes nothing over', async () => {
  const identity = await create();
  const first = new_client(identity);
  first.setRetryPolicy(no_retry);
  const { deltas: first_deltas } = await listening(first);
  await subscribed(identity, first_deltas);

  await refused(identity, new_key());
  await set_desired(identity.deviceId, { after_refusal: true });
  await until('the first still hears', () => first_deltas.some((delta) => delta.after_refusal));

  const second = new_client(identity);
  const { deltas } = await listening(second);
  await within('disconnect of the first', first.disconnected);
  await subscribed(identity, deltas);
  assert.equal((await read(identity.deviceId)).connectionState, 'Connected');
});

test('a token that is not this device\'s own is refused with return code 5', async (t) => {
  const identity = await create();
  const other = await create();
  const now_s = Math.floor(Date.now() / 1000);
  const resource = `${host}/devices/${identity.deviceId}`;
  const key = primary(identity);
  const cases = {
    'the other device\'s token': sas_token({ resource: `${host}/devices/${other.deviceId}`, key: primary(other) }),
    'its own key for the other\'s resource': sas_token({ resource: `${host}/devices/${other.deviceId}`, key }),
    'the other\'s key for its own resource': sas_token({ resource, key: primary(other) }),
    'expired beyond the clock skew': sas_token({ resource, key, expiry_s: now_s - 301 }),
    'no token at all': 'letmein',
  };
  for (const [name, password] of Object.entries(cases)) {
    await t.test(name, async () => {
      const device = new MqttClient({ host, id: identity.deviceId, key });
      assert.deepEqual(await device.connect({ password }), { session_present: 0, return_code: 5 });
    });
  }
  const device = new MqttClient({ host, id: identity.deviceId, key });
  const within_skew = sas_token({ resource, key, expiry_s: now_s - 200 });
  assert.equal((await device.connect({ password: within_skew })).return_code, 0);
  device.disconnect();
});
