// Microsoft's Event Hubs package, unmodified, at the Event Hubs-compatible endpoint: over TLS and over WebSocket.
'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, before, describe, test } = require('node:test');

const { event_hubs, iothub } = require('../support/node/azure');
const { Reader, consumer, retryOptions, transports } = require('../support/node/event_hub');
const { Rest } = require('../support/node/rest');
const { parse_connection_string } = require('../support/node/sas');
const { connection_string, host, new_id, policy_connection_string } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const { EventHubProducerClient, earliestEventPosition, latestEventPosition } = event_hubs;
const events_string = process.env.EVENTHUB_CONNECTION_STRING;
const entity = parse_connection_string(events_string).EntityPath;
const open = new Set();
let rest;

before(() => { rest = new Rest(connection_string); });
afterEach(async () => {
  for (const one of open) await one.close();
  open.clear();
});
after(() => rest.close());

function opened(client) {
  open.add(client);
  return client;
}

const client_of = (transport, options = {}) => opened(consumer(options.string ?? events_string, { transport, ...options }));

function read(client, partition, options = {}) {
  return opened(new Reader(client, partition, { startPosition: earliestEventPosition, maxBatchSize: 100, ...options }));
}

async function create_device() {
  const id = new_id('sender');
  const created = await rest.create_device(id);
  assert.equal(created.status, 200, created.text);
  return id;
}

async function send(id, body, headers = {}) {
  const answer = await rest.request('POST', `/devices/${id}/messages/events`, { body, headers });
  assert.equal(answer.status, 204, answer.text);
}

const sender_of = (event) => event.systemProperties['iothub-connection-device-id'];

// A device, and its partition with the events that it has sent so far: bodies "a", "b", "c" ..
async function sent(client, ...bodies) {
  const id = await create_device();
  for (const body of bodies) await send(id, body);
  const reader = read(client);
  const of_device = () => reader.events.filter((event) => sender_of(event) === id);
  await until('its events', () => of_device().length === bodies.length, { timeout_ms: 60_000 });
  await reader.close();
  return { id, partition: of_device()[0].partition, events: of_device() };
}

for (const transport of Object.keys(transports)) {
  describe(`over ${transport}`, () => {
    test('the event hub and its partitions are described', async () => {
      const client = client_of(transport);
      const { events } = await sent(client, 'x');
      const properties = await client.getEventHubProperties();
      assert.equal(properties.name, entity);
      assert.deepEqual(properties.partitionIds, ['0', '1', '2', '3']);
      assert.deepEqual(await client.getPartitionIds(), ['0', '1', '2', '3']);
      assert.ok(properties.createdOn instanceof Date && Date.now() - properties.createdOn < 3600_000, `${properties.createdOn}`);
      for (const id of properties.partitionIds) {
        const partition = await client.getPartitionProperties(id);
        assert.equal(partition.eventHubName, entity);
        assert.equal(partition.partitionId, id);
        assert.equal(partition.isEmpty, partition.lastEnqueuedSequenceNumber < 0);
        assert.equal(partition.lastEnqueuedOffset, String(partition.lastEnqueuedSequenceNumber));
      }
      const partition = await client.getPartitionProperties(events[0].partition);
      assert.ok(partition.lastEnqueuedSequenceNumber >= events[0].sequenceNumber);
      assert.ok(partition.lastEnqueuedOnUtc >= events[0].enqueuedTimeUtc);
      await assert.rejects(client.getPartitionProperties('9'), { code: 'ArgumentOutOfRangeError' });
    });

    test('an event arrives with everything that its sender gave', async () => {
      const client = client_of(transport);
      const id = await create_device();
      const before_it = Date.now();
      await send(id, '{"temperature":21.5}', {
        'iothub-messageid': `m-${id}`, 'iothub-correlationid': 'c-1', 'iothub-contenttype': 'application/json',
        'iothub-contentencoding': 'utf-8', 'iothub-app-room': 'a b',
      });
      const reader = read(client);
      const event = await until('the event', () => reader.events.find((one) => sender_of(one) === id), { timeout_ms: 60_000 });
      assert.equal(event.messageId, `m-${id}`);
      assert.deepEqual(event.body, { temperature: 21.5 });
      assert.equal(event.contentType, 'application/json');
      assert.equal(event.correlationId, 'c-1');
      assert.equal(event.properties.room, 'a b');
      assert.equal(event.systemProperties['iothub-message-source'], 'Telemetry');
      assert.equal(event.systemProperties.contentEncoding, 'utf-8');
      const { scope } = JSON.parse(event.systemProperties['iothub-connection-auth-method']);
      assert.equal(scope, 'hub');
      const generation = (await rest.get(`/devices/${id}`)).json.generationId;
      assert.equal(event.systemProperties['iothub-connection-auth-generation-id'], generation);
      assert.ok(Math.abs(event.enqueuedTimeUtc - before_it) < 60_000, `${event.enqueuedTimeUtc}`);
      assert.equal(event.offset, String(event.sequenceNumber));
      assert.equal(event.partitionKey, undefined);
    });

    test('a reader starts where it says', async () => {
      const client = client_of(transport);
      const { id, partition, events } = await sent(client, 'a', 'b', 'c');
      const from = async (startPosition, expected) => {
        const reader = read(client, partition, { startPosition });
        await reader.has(...expected);
        const seen = reader.events.filter((event) => sender_of(event) === id).map(({ body }) => body);
        assert.deepEqual(seen, expected);
        await reader.close();
      };
      const [, b] = events;
      await from(earliestEventPosition, ['a', 'b', 'c']);
      await from({ sequenceNumber: b.sequenceNumber }, ['c']);
      await from({ sequenceNumber: b.sequenceNumber, isInclusive: true }, ['b', 'c']);
      await from({ offset: b.offset }, ['c']);
      await from({ offset: b.offset, isInclusive: true }, ['b', 'c']);
      await from({ enqueuedOn: new Date(events[0].enqueuedTimeUtc.getTime() - 1) }, ['a', 'b', 'c']);
      await from({ enqueuedOn: 0 }, ['a', 'b', 'c']);

      // What lies behind a reader that starts at the end does not come; what comes after it does.
      const latest = read(client, partition, { startPosition: latestEventPosition });
      await until('a new event', async () => {
        await send(id, 'later');
        return latest.bodies.includes('later');
      }, { every_ms: 200, timeout_ms: 60_000 });
      assert.deepEqual([...new Set(latest.events.filter((event) => sender_of(event) === id).map(({ body }) => body))],
        ['later']);
    });

    test('a reader is told how far its partition has come, if it asks', async () => {
      const client = client_of(transport);
      const { id, partition, events } = await sent(client, 'first');
      const reader = read(client, partition, { startPosition: { offset: events[0].offset, isInclusive: true }, trackLastEnqueuedEventProperties: true });
      await reader.has('first');
      assert.ok(reader.last_enqueued.sequenceNumber >= events[0].sequenceNumber);
      const { sequenceNumber } = reader.last_enqueued;
      await send(id, 'second');
      await reader.has('second');
      assert.ok(reader.last_enqueued.sequenceNumber > sequenceNumber);
      assert.equal(reader.last_enqueued.offset, String(reader.last_enqueued.sequenceNumber));
      assert.ok(reader.last_enqueued.enqueuedOn >= events[0].enqueuedTimeUtc);
      assert.ok(reader.last_enqueued.retrievedOn instanceof Date);
      const plain = read(client_of(transport), partition);
      await plain.has('second');
      assert.equal(plain.last_enqueued, null);
    });

    test('the reader with the higher owner level takes the partition', async () => {
      const { partition } = await sent(client_of(transport), 'x');
      const low = read(client_of(transport), partition, { ownerLevel: 1 });
      await low.has('x');
      const high = read(client_of(transport), partition, { ownerLevel: 2 });
      await high.has('x');
      assert.equal((await low.error()).code, 'ReceiverDisconnectedError');
      await until('it is closed', () => low.closed.length > 0);
      assert.equal(low.closed[0], 'OwnershipLost');
      await low.close();
      for (const ownerLevel of [1, undefined]) {
        const late = read(client_of(transport), partition, { ownerLevel });
        assert.equal((await late.error()).code, 'ReceiverDisconnectedError');
        assert.deepEqual(late.events, []);
        await late.close();
      }
      assert.deepEqual(high.errors, []);
      assert.deepEqual(high.closed, []);
    });

    test('five readers share a partition, and consumer groups do not disturb each other', async () => {
      const { partition } = await sent(client_of(transport), 'x');
      const readers = [];
      for (let i = 0; i < 5; i += 1) {
        readers.push(read(client_of(transport), partition));
        await readers.at(-1).has('x');
      }
      const sixth = read(client_of(transport), partition);
      assert.equal((await sixth.error()).code, 'QuotaExceededError');
      await sixth.close();
      const other = read(client_of(transport, { group: 'dashboards' }), partition, { ownerLevel: 0 });
      await other.has('x');
      for (const reader of readers) assert.deepEqual(reader.errors, []);
      await readers[0].close();
      const seventh = read(client_of(transport), partition);
      await seventh.has('x');
    });

    test('what is not there, and who may not read', async () => {
      const refused = async (code, client, partition = '0') => {
        const reader = read(client, partition);
        assert.equal((await reader.error()).code, code);
        await reader.close();
        await client.close();
        open.delete(client);
      };
      await refused('MessagingEntityNotFoundError', client_of(transport, { group: 'nobodys' }));
      await refused('ArgumentOutOfRangeError', client_of(transport), '9');
      await refused('MessagingEntityNotFoundError', client_of(transport, { string: events_string.replace(/EntityPath=.*/, 'EntityPath=another') }));
      const key = parse_connection_string(policy_connection_string('device')).SharedAccessKey;
      const string = `Endpoint=sb://${host}/;SharedAccessKeyName=device;SharedAccessKey=${key};EntityPath=${entity}`;
      const client = client_of(transport, { string });
      await assert.rejects(client.getEventHubProperties(), { code: 'UnauthorizedError' });
      await refused('UnauthorizedError', client);
    });

    test('events are sent by devices alone', async () => {
      const producer = opened(new EventHubProducerClient(events_string, transports[transport]));
      await assert.rejects(within('a refusal', producer.sendBatch([{ body: 'x' }]), 60_000), { code: 'InvalidOperationError' });
    });
  });
}

test('a token that is made by hand for the event hub does', async () => {
  const { AzureSASCredential } = require(require.resolve('@azure/core-auth', { paths: [require.resolve('@azure/event-hubs', { paths: [__dirname] })] }));
  const { SharedAccessKeyName, SharedAccessKey } = parse_connection_string(events_string);
  const { createHmac } = require('node:crypto');
  const sr = encodeURIComponent(`sb://${host}/${entity}`);
  const se = Math.floor(Date.now() / 1000) + 3600;
  const sig = encodeURIComponent(createHmac('sha256', SharedAccessKey).update(`${sr}\n${se}`).digest('base64'));
  const credential = new AzureSASCredential(`SharedAccessSignature sr=${sr}&sig=${sig}&se=${se}&skn=${SharedAccessKeyName}`);
  const client = opened(new event_hubs.EventHubConsumerClient('$Default', host, entity, credential, { retryOptions }));
  assert.equal((await client.getEventHubProperties()).name, entity);
  const { partition } = await sent(client, 'x');
  await read(client, partition).has('x');
});

test('what the registry does is not shown where no route leads it here', async () => {
  const registry = iothub.Registry.fromConnectionString(connection_string);
  const id = new_id('quiet');
  await registry.create({ deviceId: id });
  await registry.updateTwin(id, { tags: { room: 'attic' } }, '*');
  const client = client_of('AMQP');
  await sent(client, 'x');
  const reader = read(client);
  await reader.has('x');
  assert.deepEqual([...new Set(reader.events.map((event) => event.systemProperties['iothub-message-source']))], ['Telemetry']);
});
