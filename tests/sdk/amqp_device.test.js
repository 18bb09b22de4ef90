// The device SDK over AMQP and over AMQP and WebSocket, unmodified: telemetry, cloud-to-device messages, twins, direct methods,
// modules, tokens, certificates, and a hub that goes away for a while.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { after, afterEach, before, test } = require('node:test');

const { amqp, amqp_ws, device: device_sdk } = require('../support/node/azure');
const { Certificates } = require('../support/node/certificates');
const { EventLog } = require('../support/node/events');
const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { sas_token } = require('../support/node/sas');
const { until, within } = require('../support/node/until');

const { Message } = device_sdk;
const open_clients = new Set();
let hub;
let rest;
let events;

before(async () => {
  hub = await new Hub().start();
  rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  events = new EventLog(hub);
});
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});
after(() => {
  rest.close();
  hub.remove();
});

async function back_end(method, path, body, headers = {}, status = 200) {
  const answer = await rest.request(method, path, { body, headers });
  assert.equal(answer.status, status, answer.text);
  return answer.json;
}

let devices = 0;
async function create(authentication) {
  devices += 1;
  const deviceId = `amqp-device-${devices}`;
  return back_end('PUT', `/devices/${deviceId}`, { deviceId, authentication });
}

const send_to = (id, body, headers) => back_end('POST', `/devices/${id}/messages/deviceBound`, body, headers, 204);
const connection_state = async (id) => (await back_end('GET', `/devices/${id}`)).connectionState;
const set_desired = (path, section) => back_end('PATCH', `/twins/${path}`, { properties: { desired: section } });
const reported = async (path) => (await back_end('GET', `/twins/${path}`)).properties.reported;
const call = (path, methodName, payload) => back_end('POST', `/twins/${path}/methods`, {
  methodName, payload, connectTimeoutInSeconds: 15, responseTimeoutInSeconds: 30,
});
const waiting = async (id) => (await back_end('GET', `/twins/${id}`)).cloudToDeviceMessageCount;

async function use(client, options = {}) {
  open_clients.add(client);
  client.on('error', () => {});
  await client.setOptions({ ca: fs.readFileSync(hub.ca_file, 'utf8'), ...options });
  await within('open', client.open());
  return client;
}

const by_key = ({ deviceId, authentication }, transport) => use(device_sdk.Client.fromConnectionString(
  `HostName=${hub.address};DeviceId=${deviceId};SharedAccessKey=${authentication.symmetricKey.primaryKey}`, transport));

const by_module_key = ({ deviceId, moduleId, authentication }, transport) => use(device_sdk.ModuleClient.fromConnectionString(
  `HostName=${hub.address};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${authentication.symmetricKey.primaryKey}`, transport));

// The client's twin, and the deltas that it has got so far.
async function twin_of(client) {
  const twin = await within('twin', client.getTwin());
  twin.on('error', () => {});
  const deltas = [];
  twin.on('properties.desired', (delta) => deltas.push({ ...delta }));
  return { twin, deltas };
}
const report = (twin, patch) => within('report', new Promise((resolve, reject) => {
  twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
}));
// The SDK does not say when the hub has heard that it wants deltas.
async function follow({ deltas }, path) {
  await until('deltas come', async () => {
    await set_desired(path, { probe: Date.now() });
    return deltas.some((delta) => delta.probe);
  }, { every_ms: 100 });
}

// The answer of a method. The hub may be gone before it has accepted it.
const answer_with = (response, status, payload) => response.send(status, payload).catch(() => {});

// What the client is given, one by one. One listener for all: the SDK gives its link up with its last listener.
function messages_of(client) {
  const waiters = [];
  const messages = [];
  client.on('message', (message) => {
    if (waiters.length > 0) waiters.shift()(message);
    else messages.push(message);
  });
  return () => within('a message', messages.length > 0 ? Promise.resolve(messages.shift()) : new Promise((resolve) => waiters.push(resolve)), 60_000);
}

for (const [name, transport] of Object.entries({ AMQP: amqp, 'AMQP over WebSocket': amqp_ws })) {
  test(`over ${name} telemetry is in the event log with its properties`, async () => {
    const identity = await create();
    const client = await by_key(identity, transport);
    const message = new Message('{"temperature":21.5}');
    Object.assign(message, { messageId: 'm-1', correlationId: 'c-1', contentType: 'application/json', contentEncoding: 'utf-8' });
    message.properties.add('room', 'a b');
    await within('accepted', client.sendEvent(message));
    const event = await events.telemetry(identity.deviceId);
    assert.equal(event.body, '{"temperature":21.5}');
    const text = JSON.stringify(event);
    for (const expected of ['m-1', 'c-1', 'application/json', 'a b']) assert.ok(text.includes(expected), text);
    assert.equal(await connection_state(identity.deviceId), 'Connected');
    await within('the largest message', client.sendEvent(new Message('x'.repeat(262_000))));
    await assert.rejects(within('a refusal', client.sendEvent(new Message('x'.repeat(262_145)))), { name: 'MessageTooLargeError' });
    await within('an empty message', client.sendEvent(new Message('')));
    await client.close();
    await until('disconnected', async () => (await connection_state(identity.deviceId)) === 'Disconnected');
  });

  test(`over ${name} messages are completed, rejected and abandoned`, async () => {
    const identity = await create();
    const client = await by_key(identity, transport);
    const next = messages_of(client);
    await send_to(identity.deviceId, 'first', {
      'iothub-messageid': 'm-1', 'iothub-correlationid': 'c-1', 'iothub-app-colour': 'dark red', 'iothub-ack': 'full',
    });
    const first = await next();
    assert.equal(first.getData().toString(), 'first');
    assert.equal(first.messageId, 'm-1');
    assert.equal(first.correlationId, 'c-1');
    assert.equal(first.properties.getValue('colour'), 'dark red');
    await within('abandon', client.abandon(first));
    const again = await next();
    assert.equal(again.getData().toString(), 'first');
    await within('complete', client.complete(again));
    await until('the first is gone', async () => (await waiting(identity.deviceId)) === 0);
    await send_to(identity.deviceId, 'second');
    const second = await next();
    assert.equal(second.getData().toString(), 'second');
    await within('reject', client.reject(second));
    await until('the second is gone', async () => (await waiting(identity.deviceId)) === 0);
  });

  test(`over ${name} a twin is read, reported, and followed delta by delta`, async () => {
    const identity = await create();
    const { deviceId } = identity;
    await set_desired(deviceId, { fps: 25 });
    const client = await by_key(identity, transport);
    const followed = await twin_of(client);
    const { twin, deltas } = followed;
    assert.equal(twin.properties.desired.fps, 25);
    await follow(followed, deviceId);
    const { $version: version } = deltas.at(-1);
    for (const fps of [30, 31, 32]) await set_desired(deviceId, { fps });
    await until('three more', () => deltas.some(({ fps }) => fps === 32));
    assert.deepEqual(deltas.filter(({ fps }) => fps > 25).map(({ fps }) => fps), [30, 31, 32]);
    // The first is the SDK's own look at what is stored; a probe that came before the subscription is not among the others.
    const versions = deltas.slice(deltas.findIndex(({ probe }) => probe)).map(({ $version }) => $version);
    assert.ok(versions.at(-1) >= version + 3);
    assert.deepEqual(versions, versions.map((_, i) => versions[0] + i), 'no gap');
    await report(twin, { fps: 29, lens: { cap: null } });
    assert.equal((await reported(deviceId)).fps, 29);
    assert.equal((await reported(deviceId)).$version, 2);
    await assert.rejects(report(twin, { long: 'x'.repeat(5000) }), /maximum 4096 bytes/);
    await report(twin, { fps: null });
    assert.equal((await reported(deviceId)).fps, undefined);
  });

  test(`over ${name} direct methods are answered, several at a time`, async () => {
    const identity = await create();
    const { deviceId } = identity;
    const offline = await rest.request('POST', `/twins/${deviceId}/methods`, { body: { methodName: 'echo' } });
    assert.equal(offline.status, 404, offline.text);
    const client = await by_key(identity, transport);
    const held = [];
    client.onDeviceMethod('echo', (request, response) => answer_with(response, 201, { got: request.payload }));
    client.onDeviceMethod('silent', (request, response) => answer_with(response, 204));
    client.onDeviceMethod('hold', (request, response) => held.push(() => answer_with(response, 200, request.payload)));
    assert.deepEqual(await call(deviceId, 'echo', { level: 3 }), { status: 201, payload: { got: { level: 3 } } });
    assert.deepEqual(await call(deviceId, 'echo', null), { status: 201, payload: { got: null } });
    assert.deepEqual(await call(deviceId, 'silent'), { status: 204, payload: null });
    const calls = Array.from({ length: 20 }, (_, i) => call(deviceId, 'hold', i));
    await until('all have come', () => held.length === calls.length);
    for (const answer of held.reverse()) answer();
    assert.deepEqual((await Promise.all(calls)).map(({ payload }) => payload), calls.map((_, i) => i));
    await client.close();
    const gone = await rest.request('POST', `/twins/${deviceId}/methods`, { body: { methodName: 'echo' } });
    assert.equal(gone.status, 404, gone.text);
    assert.match(gone.text, /404103/);
  });

  test(`over ${name} a module has telemetry by an output, a twin and methods of its own`, async () => {
    const { deviceId } = await create();
    const moduleId = 'camera';
    const identity = await back_end('PUT', `/devices/${deviceId}/modules/${moduleId}`, { deviceId, moduleId });
    const path = `${deviceId}/modules/${moduleId}`;
    const client = await by_module_key(identity, transport);
    client.on('inputMessage', () => assert.fail('nothing comes on inputs'));
    await within('accepted', client.sendOutputEvent('alerts', new Message('{"level":3}')));
    const event = await events.telemetry(deviceId);
    assert.equal(event.module, moduleId);
    assert.ok(JSON.stringify(event).includes('alerts'), JSON.stringify(event));
    const followed = await twin_of(client);
    await follow(followed, path);
    await report(followed.twin, { fps: 29 });
    assert.equal((await reported(path)).fps, 29);
    assert.equal((await reported(deviceId)).fps, undefined);
    client.onMethod('shoot', (request, response) => answer_with(response, 200, { module: moduleId }));
    assert.deepEqual(await call(path, 'shoot', {}), { status: 200, payload: { module: moduleId } });
    assert.equal(await connection_state(deviceId), 'Disconnected');
  });

  test(`over ${name} a token is renewed on the live connection`, async () => {
    const { deviceId, authentication } = await create();
    const token = (life_s) => sas_token({
      resource: `${hub.address}/devices/${deviceId}`, key: authentication.symmetricKey.primaryKey,
      expiry_s: Math.floor(Date.now() / 1000) + life_s,
    });
    const client = await use(device_sdk.Client.fromSharedAccessSignature(token(600), transport));
    await within('accepted', client.sendEvent(new Message('before')));
    const followed = await twin_of(client);
    await follow(followed, deviceId);
    const { twinhub_amqp_tokens_accepted_total: accepted } = await hub.metrics();
    await within('renewal', client.updateSharedAccessSignature(token(3600)));
    await until('the token has come', async () => (await hub.metrics()).twinhub_amqp_tokens_accepted_total > accepted);
    await within('accepted', client.sendEvent(new Message('after')));
    await set_desired(deviceId, { renewed: true });
    await until('a delta on the same link', () => followed.deltas.some(({ renewed }) => renewed));
  });

  test(`over ${name} a certificate lets its device in`, async () => {
    const certificates = new Certificates();
    const own = certificates.make('own');
    const { deviceId } = await create({ type: 'selfSigned', x509Thumbprint: { primaryThumbprint: own.sha1, secondaryThumbprint: own.sha1 } });
    const client_with = (certificate) => use(device_sdk.Client.fromConnectionString(`HostName=${hub.address};DeviceId=${deviceId};x509=true`, transport),
      { cert: certificate.pem, key: certificate.key });
    const client = await client_with(own);
    await within('accepted', client.sendEvent(new Message('by certificate')));
    assert.equal((await events.telemetry(deviceId)).body, 'by certificate');
    await report((await twin_of(client)).twin, { by: 'certificate' });
    assert.equal((await reported(deviceId)).by, 'certificate');
    client.onDeviceMethod('echo', (request, response) => answer_with(response, 200, request.payload));
    assert.deepEqual(await call(deviceId, 'echo', 1), { status: 200, payload: 1 });
  });

  test(`over ${name} a device is back after a stop and a crash of the hub`, async () => {
    const identity = await create();
    const client = await by_key(identity, transport);
    const messages = [];
    client.on('message', (message) => {
      messages.push(message.getData().toString());
      client.complete(message, () => {});
    });
    const followed = await twin_of(client);
    client.onDeviceMethod('echo', (request, response) => answer_with(response, 200, request.payload));
    for (const round of ['before', 'after a stop', 'after a crash']) {
      if (round === 'after a stop') await hub.stop();
      if (round === 'after a crash') await hub.kill();
      if (round !== 'before') await hub.start();
      await within(`telemetry ${round}`, client.sendEvent(new Message(round)), 120_000);
      await send_to(identity.deviceId, `for ${round}`);
      await until(`a message ${round}`, () => messages.includes(`for ${round}`), { timeout_ms: 120_000 });
      followed.deltas.length = 0;
      await follow(followed, identity.deviceId);
      await report(followed.twin, { round });
      assert.equal((await reported(identity.deviceId)).round, round);
      assert.deepEqual(await call(identity.deviceId, 'echo', round), { status: 200, payload: round });
    }
  });
}
