// Twin updates through the service SDK: conditional writes, counters, replace, and the deltas that the device SDK gets.
// Rules: azure-docs, "Understand and use device twins in IoT Hub", back-end operations and optimistic concurrency.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { iothub } = require('../support/node/azure');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { connection_string, host, new_id } = require('../support/node/target');

const registry = iothub.Registry.fromConnectionString(connection_string);

async function create() {
  return (await registry.create({ deviceId: new_id('twin') })).responseBody;
}

const read = async (id) => (await registry.getTwin(id)).responseBody;
const update = async (id, patch, etag) => (await registry.updateTwin(id, patch, etag)).responseBody;
const desired = (section) => ({ properties: { desired: section } });

const precondition_failed = (error) => {
  assert.equal(error.name, 'InvalidEtagError', error.stack);
  assert.equal(error.response.statusCode, 412);
  assert.equal(error.response.headers['iothub-errorcode'], 'PreconditionFailed');
  return true;
};

// A subscribed device and the deltas that it gets, each { topic, delta }.
async function listener(identity) {
  const device = new MqttClient({ host, id: identity.deviceId, key: identity.authentication.symmetricKey.primaryKey });
  await device.connect();
  await device.subscribe(topics.response, topics.desired);
  const deltas = [];
  device.on('message', ({ topic, payload, qos, retain }) => {
    if (topic.startsWith('$iothub/twin/PATCH/')) deltas.push({ topic, delta: JSON.parse(payload), qos, retain });
  });
  // A twin's answer leaves after every delta before it: a delta that has not arrived by then was not sent.
  const heard = async () => {
    await device.get_twin();
    return deltas.splice(0);
  };
  return { device, heard };
}

const told = (version, delta) => ({
  topic: `$iothub/twin/PATCH/properties/desired/?$version=${version}`, delta: { ...delta, $version: version }, qos: 0, retain: 0,
});

test('an etag is valid until the back end writes; an update with the old one is InvalidEtagError and changes nothing', async () => {
  const { deviceId } = await create();
  const { etag } = await read(deviceId);
  const updated = await update(deviceId, desired({ a: 1 }), etag);
  assert.equal(updated.etag, 'AAAAAAAAAAI=');
  await assert.rejects(update(deviceId, desired({ a: 2 }), etag), precondition_failed);
  await assert.rejects(update(deviceId, desired({ a: 2 }), 'abc'), precondition_failed);
  const after = await read(deviceId);
  assert.equal(after.properties.desired.a, 1);
  assert.deepEqual(after, updated);
});

test('"*" matches any etag', async () => {
  const { deviceId } = await create();
  assert.equal((await update(deviceId, desired({ a: 1 }), '*')).properties.desired.a, 1);
});

test('If-Match quoted, unquoted, star and absent all write; a stale etag does not, quoted or not', async () => {
  const { deviceId } = await create();
  const rest = new Rest(connection_string);
  const write = (if_match) => rest.patch(`/twins/${deviceId}`, { tags: { n: String(if_match) } }, { if_match });
  for (const if_match of ['"AAAAAAAAAAE="', 'AAAAAAAAAAI=', '"*"', '*', undefined]) {
    assert.equal((await write(if_match)).status, 200, `If-Match: ${if_match}`);
  }
  for (const if_match of ['"AAAAAAAAAAE="', 'AAAAAAAAAAE=']) assert.equal((await write(if_match)).status, 412, `If-Match: ${if_match}`);
  assert.equal((await read(deviceId)).etag, 'AAAAAAAAAAY=');
  rest.close();
});

test('a reported patch moves version and not etag', async () => {
  const identity = await create();
  const before = await read(identity.deviceId);
  const { device } = await listener(identity);
  assert.deepEqual(await device.patch_reported({ t: 1 }), { status: 204, version: 2, body: '' });
  const after = await read(identity.deviceId);
  assert.equal(after.etag, before.etag);
  assert.equal(after.version, before.version + 1);
  assert.equal((await update(identity.deviceId, desired({ a: 1 }), before.etag)).etag, 'AAAAAAAAAAI=');
  device.disconnect();
});

test('the same patch twice is two updates and two deltas', async () => {
  const identity = await create();
  const { device, heard } = await listener(identity);
  const first = await update(identity.deviceId, desired({ a: { b: 'x' } }), '*');
  const second = await update(identity.deviceId, desired({ a: { b: 'x' } }), '*');
  assert.deepEqual([first.properties.desired.$version, second.properties.desired.$version], [2, 3]);
  assert.deepEqual([first.etag, second.etag], ['AAAAAAAAAAI=', 'AAAAAAAAAAM=']);
  assert.deepEqual(await heard(), [told(2, { a: { b: 'x' } }), told(3, { a: { b: 'x' } })]);
  device.disconnect();
});

test('tags are the back end\'s own: no delta, no new desired version; gone when the last is removed', async () => {
  const identity = await create();
  const { device, heard } = await listener(identity);
  const tagged = await update(identity.deviceId, { tags: { site: { floor: 1 } } }, '*');
  assert.equal(tagged.etag, 'AAAAAAAAAAI=');
  assert.equal(tagged.version, 3);
  assert.equal(tagged.properties.desired.$version, 1);
  const rest = new Rest(connection_string);
  const cleared = (await rest.patch(`/twins/${identity.deviceId}`, { tags: { site: null } })).json;
  assert.equal('tags' in cleared, false);
  assert.deepEqual(await heard(), []);
  device.disconnect();
  rest.close();
});

test('a patch that touches nothing changes no counter and sends no delta', async () => {
  const identity = await create();
  const { device, heard } = await listener(identity);
  const before = await update(identity.deviceId, desired({ a: { b: 1 } }), '*');
  await heard();
  for (const patch of [{}, { tags: {} }, desired({}), desired({ gone: null }), desired({ a: {} }), { tags: {}, ...desired({}) }]) {
    const after = await update(identity.deviceId, patch, '*');
    assert.deepEqual([after.etag, after.version], [before.etag, before.version], JSON.stringify(patch));
  }
  assert.deepEqual(await heard(), []);
  device.disconnect();
});

test('a delta is the patch as sent, deletions included', async () => {
  const identity = await create();
  const { device, heard } = await listener(identity);
  await update(identity.deviceId, desired({ a: { x: 1, y: 2 }, b: [1], c: 'é漢' }), '*');
  await update(identity.deviceId, desired({ a: { x: null }, b: [2, { z: true }] }), '*');
  assert.deepEqual(await heard(), [
    told(2, { a: { x: 1, y: 2 }, b: [1], c: 'é漢' }),
    told(3, { a: { x: null }, b: [2, { z: true }] }),
  ]);
  device.disconnect();
});

test('the delta of a replaced section has nulls for removed properties; tags that are not given are gone', async () => {
  const identity = await create();
  const { device, heard } = await listener(identity);
  await update(identity.deviceId, { tags: { t: 1 }, ...desired({ a: 1, b: 2, n: { x: 1, y: 2 } }) }, '*');
  await heard();
  const rest = new Rest(connection_string);
  const { status, json } = await rest.put(`/twins/${identity.deviceId}`, desired({ a: 1, c: 100, n: { x: 1 } }));
  assert.equal(status, 200);
  assert.equal('tags' in json, false);
  assert.deepEqual(await heard(), [told(3, { a: 1, b: null, c: 100, n: { x: 1, y: null } })]);
  device.disconnect();
  rest.close();
});

test('the delta of desired: null has nulls at the top level', async () => {
  const identity = await create();
  const { device, heard } = await listener(identity);
  await update(identity.deviceId, desired({ patchId: 'x', components: { climate: { min: 1 } } }), '*');
  await heard();
  const cleared = await update(identity.deviceId, desired(null), '*');
  assert.deepEqual(Object.keys(cleared.properties.desired).sort(), ['$metadata', '$version']);
  assert.deepEqual(await heard(), [told(3, { patchId: null, components: null })]);
  device.disconnect();
});

test('the whole twin sent back, as some tools do, is accepted and leaves members alone that a back end may not write', async () => {
  const identity = await create();
  const { device } = await listener(identity);
  await device.patch_reported({ r: 1 });
  const before = await update(identity.deviceId, { tags: { t: 1 }, ...desired({ a: 1 }) }, '*');
  const rest = new Rest(connection_string);
  const body = JSON.parse(JSON.stringify(before, (name, value) => (name.startsWith('_') ? undefined : value)));
  body.properties.reported.r = 2;
  const { status, json } = await rest.patch(`/twins/${identity.deviceId}`, body);
  assert.equal(status, 200);
  assert.equal(json.properties.reported.r, 1);
  assert.equal(json.properties.desired.a, 1);
  assert.equal(json.properties.desired.$version, before.properties.desired.$version + 1);
  assert.deepEqual(json.tags, { t: 1 });
  device.disconnect();
  rest.close();
});

test('thirty updates at once are thirty updates', async () => {
  const { deviceId } = await create();
  await Promise.all(Array.from({ length: 30 }, (_, n) => update(deviceId, desired({ [`k${n}`]: n }), '*')));
  const twin = await read(deviceId);
  assert.equal(twin.properties.desired.$version, 31);
  assert.equal(Buffer.from(twin.etag, 'base64').readBigUInt64BE(), 31n);
  for (let n = 0; n < 30; n += 1) assert.equal(twin.properties.desired[`k${n}`], n);
});

test('an invalid property is ArgumentError, a section over its size 403; nothing changes', async (t) => {
  const { deviceId } = await create();
  const deep = (levels) => (levels === 0 ? 1 : { d: deep(levels - 1) });
  const cases = [
    ['a dot in a key', desired({ 'a.b': 1 }), 'ArgumentError', 'ArgumentInvalid'],
    ['a blank in a key', { tags: { 'a b': 1 } }, 'ArgumentError', 'ArgumentInvalid'],
    ['a string of 4097 bytes', desired({ a: 'x'.repeat(4097) }), 'ArgumentError', 'ArgumentInvalid'],
    ['an integer of 2^52', desired({ a: 2 ** 52 }), 'ArgumentError', 'ArgumentInvalid'],
    ['eleven levels', desired(deep(12)), 'ArgumentError', 'ArgumentInvalid'],
    ['null in an array', desired({ a: [null] }), 'ArgumentError', 'ArgumentInvalid'],
    ['too much desired', desired(Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`k${n}`, 'x'.repeat(4096)]))),
      'TooManyDevicesError', 'DeviceModelMaxPropertiesExceeded'],
    ['too many tags', { tags: { a: 'x'.repeat(4096), b: 'x'.repeat(4096) } }, 'TooManyDevicesError', 'DeviceModelMaxPropertiesExceeded'],
  ];
  const before = await read(deviceId);
  for (const [name, patch, error_name, code] of cases) {
    await t.test(name, () => assert.rejects(update(deviceId, patch, '*'), (error) => {
      assert.equal(error.name, error_name, error.stack);
      assert.equal(error.response.headers['iothub-errorcode'], code);
      return true;
    }));
  }
  assert.deepEqual(await read(deviceId), before);
});
