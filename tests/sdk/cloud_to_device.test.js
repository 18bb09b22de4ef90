// Cloud-to-device messages as the device SDK receives them, over MQTT and over HTTPS. The service SDK sends them by AMQP, so
// here the back end speaks REST.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');

const { device: device_sdk, device_http, iothub, mqtt } = require('../support/node/azure');
const { Rest } = require('../support/node/rest');
const { connection_string, device_connection_string, new_id } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const registry = iothub.Registry.fromConnectionString(connection_string);
const rest = new Rest(connection_string);
const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
  rest.close();
});

const create = async () => (await registry.create({ deviceId: new_id('c2d') })).responseBody;
const waiting = async (id) => (await registry.getTwin(id)).responseBody.cloudToDeviceMessageCount;

function client_of(identity, transport) {
  const key = identity.authentication.symmetricKey.primaryKey;
  const client = device_sdk.Client.fromConnectionString(device_connection_string(identity.deviceId, key), transport);
  open_clients.add(client);
  client.on('error', () => {});
  return client;
}

async function send(id, body, headers = {}) {
  const { status, text } = await rest.request('POST', `/devices/${encodeURIComponent(id)}/messages/deviceBound`, { body, headers });
  assert.equal(status, 204, text);
}

// One feedback record about each of `identities`; those about others are dropped.
async function feedback_about(...identities) {
  const records = [];
  const of = ({ deviceId }) => records.find((one) => one.deviceId === deviceId);
  await until('feedback', async () => {
    const batch = await rest.request('GET', '/messages/serviceBound/feedback');
    if (batch.status === 204) return false;
    assert.equal(batch.status, 200, batch.text);
    const token = batch.headers.etag.replaceAll('"', '');
    assert.equal((await rest.request('DELETE', `/messages/serviceBound/feedback/${token}`)).status, 204);
    records.push(...JSON.parse(batch.text));
    return identities.every(of);
  }, { every_ms: 200 });
  return identities.map(of);
}

test('over MQTT feedback reports the fate of each message whose sender asked for feedback', async () => {
  const completed = await create();
  const expired = await create();
  await send(expired.deviceId, 'too late', {
    'iothub-messageid': 'm-2', 'iothub-ack': 'negative', 'iothub-expiry': new Date(Date.now() + 100).toISOString(),
  });
  const client = client_of(completed, mqtt);
  client.on('message', (message) => client.complete(message, () => {}));
  await client.open();
  await send(completed.deviceId, 'in time', { 'iothub-messageid': 'm-1', 'iothub-ack': 'positive' });
  const [success, expiry] = await feedback_about(completed, expired);
  assert.equal(success.statusCode, 'Success');
  assert.equal(success.originalMessageId, 'm-1');
  assert.equal(success.deviceGenerationId, completed.generationId);
  assert.equal(expiry.statusCode, 'Expired');
  assert.equal(expiry.originalMessageId, 'm-2');
  assert.equal(await waiting(expired.deviceId), 0);
});

test('over MQTT a message without application properties, and one whose property is not ASCII, arrive', async () => {
  const identity = await create();
  const client = client_of(identity, mqtt);
  const messages = [];
  client.on('message', (message) => messages.push(message));
  await client.open();
  await send(identity.deviceId, 'bare');
  // Without a body Node sends the header byte by byte, so that it can hold UTF-8.
  await send(identity.deviceId, undefined, {
    'iothub-app-$key': 'a=b&c', 'iothub-app-50%': Buffer.from('Grüße, 世界').toString('latin1'),
  });
  await until('the messages', () => messages.length === 2);
  assert.equal(messages[0].getData().toString(), 'bare');
  assert.equal(messages[0].properties.count(), 0);
  assert.equal(messages[1].getData().length, 0);
  assert.equal(messages[1].properties.getValue('$key'), 'a=b&c');
  assert.equal(messages[1].properties.getValue('50%'), 'Grüße, 世界');
});

test('over MQTT a message arrives with its properties, and its PUBACK removes it from the queue', async () => {
  const identity = await create();
  const client = client_of(identity, mqtt);
  const messages = [];
  client.on('message', (message) => messages.push(message));
  await client.open();
  await send(identity.deviceId, 'hello', {
    'iothub-messageid': 'm/1', 'iothub-correlationid': 'c&1', 'iothub-app-alert': 'true & 50% = "more" /',
  });
  await until('the message', () => messages.length === 1);
  const [message] = messages;
  assert.equal(message.getData().toString(), 'hello');
  assert.equal(message.messageId, 'm/1');
  assert.equal(message.correlationId, 'c&1');
  assert.equal(message.to, `/devices/${identity.deviceId}/messages/deviceBound`);
  assert.equal(message.properties.getValue('alert'), 'true & 50% = "more" /');
  await within('complete', client.complete(message));
  await until('the queue is empty', async () => (await waiting(identity.deviceId)) === 0);
});

test('over MQTT messages that were sent while the device was away arrive in order', async () => {
  const identity = await create();
  for (let n = 0; n < 30; n += 1) await send(identity.deviceId, String(n));
  assert.equal(await waiting(identity.deviceId), 30);
  const client = client_of(identity, mqtt);
  const bodies = [];
  client.on('message', (message) => bodies.push(Number(message.getData())));
  await client.open();
  await until('all of them', () => bodies.length === 30);
  assert.deepEqual(bodies, [...Array(30).keys()]);
  await until('the queue is empty', async () => (await waiting(identity.deviceId)) === 0);
});

// A client that polls; `received` fills with each poll.
async function polling(identity) {
  const client = client_of(identity, device_http.Http);
  client.setTransportOptions({ http: { receivePolicy: { manualPolling: true } } });
  const received = [];
  client.on('message', (message) => received.push(message));
  await client.open();
  const transport = client._transport;
  return {
    client,
    async next() {
      const had = received.length;
      transport.receive();
      return until('a message over HTTPS', () => received[had]);
    },
    async nothing() {
      const had = received.length;
      const done = new Promise((resolve) => {
        const { buildRequest } = transport._http;
        transport._http.buildRequest = function watched(...args) {
          const callback = args.pop();
          transport._http.buildRequest = buildRequest;
          return buildRequest.call(this, ...args, (...answer) => { callback(...answer); resolve(answer[2].statusCode); });
        };
      });
      transport.receive();
      assert.equal(await within('an answer', done), 204);
      assert.equal(received.length, had);
    },
  };
}

test('over HTTPS a message is received, abandoned, received again, completed', async () => {
  const identity = await create();
  const device = await polling(identity);
  await device.nothing();
  await send(identity.deviceId, 'hello', { 'iothub-messageid': 'm1', 'iothub-app-colour': 'red' });
  const first = await device.next();
  assert.equal(first.getData().toString(), 'hello');
  assert.equal(first.messageId, 'm1');
  assert.equal(first.properties.getValue('iothub-app-colour'), 'red');  // this SDK keeps the header's whole name
  await device.nothing();
  await within('abandon', device.client.abandon(first));
  const second = await device.next();
  assert.equal(second.messageId, 'm1');
  await within('complete', device.client.complete(second));
  await device.nothing();
  assert.equal(await waiting(identity.deviceId), 0);
  await assert.rejects(within('complete again', device.client.complete(second)));
});

test('over HTTPS feedback reports a rejected message', async () => {
  const identity = await create();
  const device = await polling(identity);
  await send(identity.deviceId, 'unwanted', { 'iothub-messageid': `m-${identity.deviceId}`, 'iothub-ack': 'full' });
  await within('reject', device.client.reject(await device.next()));
  const [record] = await feedback_about(identity);
  assert.equal(record.originalMessageId, `m-${identity.deviceId}`);
  assert.equal(record.statusCode, 'Rejected');
  assert.equal(record.deviceGenerationId, identity.generationId);
});

test('over HTTPS telemetry is taken, alone and in batches', async () => {
  const client = client_of(await create(), device_http.Http);
  await client.open();
  const event = (body) => {
    const message = new device_sdk.Message(body);
    message.properties.add('alert', 'true');
    message.messageId = 'm-1';
    message.contentType = 'application/json';
    return message;
  };
  await within('an event', client.sendEvent(event('{"t":1}')));
  await within('a batch', client.sendEventBatch([event('{"t":1}'), event('{"t":2}')]));
  await assert.rejects(within('a large event', client.sendEvent(new device_sdk.Message('x'.repeat(256 * 1024 + 1)))),
    (error) => error.name === 'MessageTooLargeError');
});

test('over HTTPS a device with a wrong key is unauthorized', async () => {
  const identity = await create();
  identity.authentication.symmetricKey.primaryKey = Buffer.alloc(32).toString('base64');
  const client = client_of(identity, device_http.Http);
  await client.open();
  await assert.rejects(within('an event', client.sendEvent(new device_sdk.Message('x'))), (error) => error.name === 'UnauthorizedError');
});
