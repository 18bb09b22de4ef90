// The service SDK's Client as a back end uses it, unmodified: cloud-to-device messages by AMQP and by AMQP over WebSocket,
// received by a device on MQTT or HTTPS, and the feedback on them.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');

const { device: device_sdk, device_http, iothub, mqtt } = require('../support/node/azure');
const { connection_string, device_connection_string, new_id, policy_connection_string } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const { Message } = device_sdk;
const registry = iothub.Registry.fromConnectionString(connection_string);
const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});

const create = async () => (await registry.create({ deviceId: new_id('amqp') })).responseBody;

async function receiver_of(identity) {
  const key = identity.authentication.symmetricKey.primaryKey;
  const client = device_sdk.Client.fromConnectionString(device_connection_string(identity.deviceId, key), mqtt);
  open_clients.add(client);
  client.on('error', () => {});
  const messages = [];
  const waiters = [];
  client.on('message', (message) => {
    client.complete(message, () => {});
    const waiter = waiters.shift();
    if (waiter) waiter(message);
    else messages.push(message);
  });
  await client.open();
  return () => (messages.length > 0 ? messages.shift() : within('a message', new Promise((resolve) => waiters.push(resolve)), 60_000));
}

function sender(transport, string = connection_string) {
  const client = iothub.Client.fromConnectionString(string, transport);
  open_clients.add(client);
  client.on('disconnect', () => {});
  return client;
}

// A device that takes one message and settles it: over HTTPS, where each outcome can be chosen.
async function settle_one(identity, how) {
  const key = identity.authentication.symmetricKey.primaryKey;
  const client = device_sdk.Client.fromConnectionString(device_connection_string(identity.deviceId, key), device_http.Http);
  open_clients.add(client);
  client.on('error', () => {});
  await client.setOptions({ http: { receivePolicy: { interval: 1 } } });
  const settled = new Promise((resolve, reject) => {
    client.once('message', (message) => client[how](message, (error) => (error ? reject(error) : resolve())));
  });
  await client.open();
  await within(`a message to ${how}`, settled, 60_000);
  await client.close();
  open_clients.delete(client);
}

const receiver_for = (client, what) => within(what, new Promise((resolve, reject) => {
  client[what]((error, receiver) => (error ? reject(error) : resolve(receiver)));
}));

// The hub's feedback as one reader of it sees it: batches go to `settle`, and records are kept.
async function feedback_reader(transport, settle) {
  const client = sender(transport);
  const receiver = await receiver_for(client, 'getFeedbackReceiver');
  const records = [];
  receiver.on('error', () => {});
  receiver.on('message', async (message) => {
    const batch = JSON.parse(message.getData().toString());
    assert.equal(message.contentType, 'application/vnd.microsoft.iothub.feedback.json');
    records.push(...batch);
    await settle(receiver, message, batch);
  });
  return { client, records };
}

const complete = (receiver, message) => receiver.complete(message);

for (const [name, transport] of [['AMQP', iothub.Amqp], ['AMQP over WebSocket', iothub.AmqpWs]]) {
  test(`over ${name} a message reaches the device with its properties`, async () => {
    const identity = await create();
    const next = await receiver_of(identity);
    const client = sender(transport);
    const sent = new Message(JSON.stringify({ on: true }));
    sent.messageId = '123e4567-e89b-12d3-a456-426614174000'; // the SDK sends it as an AMQP uuid
    sent.correlationId = 'c-1';
    sent.contentType = 'application/json';
    sent.contentEncoding = 'utf-8';
    sent.ack = 'full';
    sent.expiryTimeUtc = Date.now() + 60_000;
    sent.properties.add('colour', 'dark red');
    await client.send(identity.deviceId, sent);
    const received = await next();
    assert.equal(received.getData().toString(), '{"on":true}');
    assert.equal(received.messageId, sent.messageId);
    assert.equal(received.correlationId, 'c-1');
    assert.equal(received.properties.getValue('colour'), 'dark red');
  });

  test(`over ${name} what the hub refuses comes back as the SDK's own error`, async () => {
    const client = sender(transport);
    await assert.rejects(client.send(new_id('nobody'), 'lost'), { name: 'DeviceNotFoundError' });
    const identity = await create();
    for (let i = 0; i < 50; ++i) await client.send(identity.deviceId, `message ${i}`);
    await assert.rejects(client.send(identity.deviceId, 'one too many'), { name: 'DeviceMaximumQueueDepthExceededError' });
    await assert.rejects(client.send(identity.deviceId, 'x'.repeat(64 * 1024 + 1)), { name: 'MessageTooLargeError' });
    assert.equal((await registry.getTwin(identity.deviceId)).responseBody.cloudToDeviceMessageCount, 50);
  });

  test(`over ${name} a policy without ServiceConnect sends nothing`, async () => {
    const identity = await create();
    await assert.rejects(sender(transport, policy_connection_string('device')).send(identity.deviceId, 'x'), { name: 'UnauthorizedError' });
  });

  test(`over ${name} each ack mode brings the feedback that it asks for`, async () => {
    const client = sender(transport);
    const reader = await feedback_reader(transport, complete);
    const sent = [];
    for (const ack of ['none', 'positive', 'negative', 'full']) {
      for (const how of ['complete', 'reject']) {
        const identity = await create();
        const message = new Message('x');
        Object.assign(message, { ack, messageId: `${ack}-${how}` });
        await client.send(identity.deviceId, message);
        await settle_one(identity, how);
        sent.push({ identity, messageId: message.messageId });
      }
    }
    const of_ours = () => reader.records.filter((record) => sent.some(({ identity }) => identity.deviceId === record.deviceId));
    // The last message is one that asks for feedback: by then the others' records have come.
    await until('feedback', () => of_ours().some((record) => record.originalMessageId === 'full-reject'), { timeout_ms: 60_000 });
    const seen = Object.fromEntries(of_ours().map((record) => [record.originalMessageId, record.statusCode]));
    assert.deepEqual(seen, {
      'positive-complete': 'Success', 'negative-reject': 'Rejected', 'full-complete': 'Success', 'full-reject': 'Rejected',
    });
    const generation = sent.at(-1).identity.generationId;
    assert.equal(of_ours().find((record) => record.originalMessageId === 'full-reject').deviceGenerationId, generation);
  });

  test(`over ${name} feedback that is abandoned comes again, and feedback that is rejected does not`, async () => {
    const client = sender(transport);
    const identities = [await create(), await create()];  // known before any feedback about them comes
    const about = async (identity, messageId) => {
      await client.send(identity.deviceId, Object.assign(new Message('x'), { ack: 'full', messageId }));
      await settle_one(identity, 'complete');
    };
    let deliveries = 0;
    const [{ deviceId: abandoned }, { deviceId: later }] = identities;
    const reader = await feedback_reader(transport, async (receiver, message, batch) => {
      if (!batch.some((record) => record.deviceId === abandoned)) return receiver.complete(message);
      deliveries += 1;
      return deliveries < 3 ? receiver.abandon(message) : receiver.reject(message);
    });
    await about(identities[0], 'abandoned');
    await until('the third delivery', () => deliveries === 3, { timeout_ms: 60_000 });
    await about(identities[1], 'later');
    await until('later feedback', () => reader.records.some((record) => record.deviceId === later), { timeout_ms: 60_000 });
    assert.equal(deliveries, 3);
  });

  test(`over ${name} two readers share the feedback, and file notifications are awaited`, async () => {
    const readers = [await feedback_reader(transport, complete), await feedback_reader(transport, complete)];
    const files = await receiver_for(sender(transport), 'getFileNotificationReceiver');
    files.on('message', () => assert.fail('there are no file notifications'));
    const client = sender(transport);
    const ids = new Set();
    for (let i = 0; i < 3; i += 1) {
      const identity = await create();
      ids.add(identity.deviceId);
      await client.send(identity.deviceId, Object.assign(new Message('x'), { ack: 'full' }));
      await settle_one(identity, 'complete');
    }
    const of_ours = () => readers.flatMap(({ records }) => records).filter((record) => ids.has(record.deviceId));
    await until('feedback', () => new Set(of_ours().map((record) => record.deviceId)).size === 3, { timeout_ms: 60_000 });
    assert.equal(of_ours().length, 3);
  });
}
