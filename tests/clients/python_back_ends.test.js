// Back ends in Python, on Debian's packages: Microsoft's azure-eventhub over TLS and WebSocket, uAMQP as the az IoT extension
// uses it, and Qpid Proton, which is nobody's client of IoT Hub and knows AMQP alone.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const { Program } = require('../support/node/program');
const { parse_connection_string } = require('../support/node/sas');
const { until } = require('../support/node/until');
const { World } = require('./world');

// A client's first connection with all of Python behind it, on a busy machine.
const slow = { timeout_ms: 60_000 };

let world;
let owner;
before(async () => {
  world = await World.start({ env: { TWINHUB_C2D_FEEDBACK_BATCH_SECONDS: '0' } });
  owner = parse_connection_string(world.hub.connection_string());
});
after(() => world.end());

function program(t, file, args, env = {}) {
  const started = new Program('/usr/bin/python3', [path.join(__dirname, file), ...args], {
    env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore', ...env },
  });
  t.after(() => started.kill());
  return started;
}

async function new_device() {
  return (await world.device()).id;
}

async function send_event(id, body, headers = {}) {
  const answer = await world.rest.request('POST', `/devices/${id}/messages/events`, { body, headers });
  assert.equal(answer.status, 204, answer.text);
}

const headers = { 'iothub-messageid': 'm-1', 'iothub-contenttype': 'application/json', 'iothub-contentencoding': 'utf-8', 'iothub-app-room': 'a b' };

for (const transport of ['tls', 'websocket']) {
  describe(`azure-eventhub over ${transport}`, () => {
    const reader = (t, position, ...more) => program(t, 'event_hub_reader.py',
      [transport, world.hub.events_connection_string(), world.hub.ca_file, position, ...more]);

    test('the event hub is described, and every event comes with its properties', async (t) => {
      const id = await new_device();
      await send_event(id, '{"n":1}', headers);
      const client = reader(t, '-1');
      const hub = await client.event('the hub', ({ event }) => event === 'hub', 0, slow);
      assert.equal(hub.name, world.host);
      assert.deepEqual(hub.partitions, ['0', '1', '2', '3']);
      const event = await client.event('the event', ({ event: what, system }) => what === 'event' && system['iothub-connection-device-id'] === id, 0, slow);
      assert.equal(event.body, '{"n":1}');
      assert.equal(event.content_type, 'application/json');
      assert.equal(event.message_id, 'm-1');
      assert.deepEqual(event.properties, { room: 'a b' });
      assert.equal(event.system['iothub-message-source'], 'Telemetry');
      assert.equal(event.offset, String(event.sequence));
      assert.ok(event.last >= event.sequence, JSON.stringify(event));
      const partition = await client.event('its partition', ({ event: what, id: number }) => what === 'partition' && number === event.partition);
      assert.ok(partition.last >= event.sequence);
      assert.equal(partition.empty, false);
      await send_event(id, `more of ${id}`);
      const more = await client.event('one more', ({ event: what, body }) => what === 'event' && body === `more of ${id}`, 0, slow);
      assert.equal(more.partition, event.partition);
      client.child.stdin.end();
      await client.success();
    });

    test('a reader with a higher owner level takes the partitions over', async (t) => {
      const id = await new_device();
      await send_event(id, `for ${id}`);
      const mine = ({ event, body }) => event === 'event' && body === `for ${id}`;
      const low = reader(t, '-1', 1);
      await low.event('the event', mine, 0, slow);
      const high = reader(t, '-1', 2);
      await high.event('the event', mine, 0, slow);
      const error = await low.event('that it is out', ({ event }) => event === 'error', 0, slow);
      assert.match(error.words, /amqp:link:stolen|higher epoch/);
      const late = reader(t, '-1', 1);
      const refused = await late.event('a refusal', ({ event }) => event === 'error', 0, slow);
      assert.match(refused.words, /amqp:link:stolen|higher epoch/);
      await send_event(id, `more for ${id}`);
      await high.event('one more', ({ event, body }) => event === 'event' && body === `more for ${id}`, 0, slow);
    });
  });
}

describe('uAMQP, as the az IoT extension uses it', () => {
  const az = (t, ...args) => program(t, 'az_iot.py', [world.host, owner.SharedAccessKeyName, owner.SharedAccessKey, ...args],
    { SSL_CERT_FILE: world.hub.ca_file });

  test('monitor-events finds the event hub by a redirect and reads all partitions on one connection', async (t) => {
    const since = Date.now();
    const ids = [];
    for (let i = 0; i < 8; i += 1) ids.push(await new_device());
    for (const id of ids) await send_event(id, '{"n":1}', headers);
    const monitor = az(t, 'monitor', since - 1);
    const redirect = await monitor.event('the redirect', ({ event }) => event === 'redirect', 0, slow);
    assert.equal(redirect.hostname, world.host);
    assert.equal(redirect.port, 5671);
    assert.equal(redirect.address, `amqps://${world.host}:5671/${world.host}/$management`);
    const described = await monitor.event('the event hub', ({ event }) => event === 'described', 0, slow);
    assert.deepEqual({ ...described }, { event: 'described', name: world.host, count: 4, partitions: ['0', '1', '2', '3'] });
    const of = (device) => ({ event, device: sender }) => event === 'event' && sender === device;
    const partitions = new Set();
    for (const id of ids) {
      const event = await monitor.event(`the event of ${id}`, of(id), 0, slow);
      partitions.add(event.partition);
      delete event.partition;
      assert.deepEqual(event, {
        event: 'event', device: id, source: 'Telemetry', body: '{"n":1}', content_type: 'application/json',
        content_encoding: 'utf-8', properties: { room: 'a b' },
      });
    }
    assert.ok(partitions.size > 1, 'of several partitions');
    const from = monitor.lines.length;
    await send_event(ids[0], 'later');
    assert.equal((await monitor.event('a later event', of(ids[0]), from, slow)).body, 'later');
  });

  test('a cloud-to-device message is sent, and its feedback comes', async (t) => {
    const id = await new_device();
    const reader = az(t, 'feedback');
    const send = az(t, 'send', id, 'message-1', '{"on":true}');
    assert.deepEqual(await send.event('the outcome', () => true, 0, slow), { event: 'sent', failed: 0 });
    const box = `/devices/${id}/messages/deviceBound`;
    const received = await world.rest.get(box);
    assert.equal(received.text, '{"on":true}');
    assert.equal(received.headers['iothub-messageid'], 'message-1');
    assert.equal(received.headers['iothub-app-room'], 'attic');
    const lock = received.headers.etag.replaceAll('"', '');
    assert.equal((await world.rest.request('DELETE', `${box}/${lock}`)).status, 204);
    const record = await reader.event('feedback', ({ originalMessageId }) => originalMessageId === 'message-1', 0, slow);
    assert.equal(record.deviceId, id);
    assert.equal(record.statusCode, 'Success');
  });

  test('a message to nobody fails', async (t) => {
    const send = az(t, 'send', 'nobody', 'message-1', '{}');
    assert.deepEqual(await send.event('the outcome', () => true, 0, slow), { event: 'sent', failed: 1 });
  });
});

describe('Qpid Proton', () => {
  test('what AMQP allows and no SDK does', async (t) => {
    const id = await new_device();
    const client = program(t, 'proton_back_end.py',
      [world.host, world.hub.ca_file, owner.SharedAccessKeyName, world.hub.token(), world.host, id]);
    const answered = async (what) => client.event(what, ({ event }) => event === what, 0, slow);
    assert.match((await answered('plain and wrong')).words, /unauthorized-access.*Authentication failed/);
    const ids = (await answered('correlation')).ids;
    for (const [sent, returned] of ids) assert.equal(returned, sent);
    assert.deepEqual((await answered('sent')).outcomes, ['accepted', 'amqp:not-found', 'com.microsoft:argument-error', 'amqp:link:message-size-exceeded']);
    assert.equal((await answered('after an aborted one')).outcome, 'accepted');
    assert.equal(await world.waiting_messages(id), 2);

    const box = `/devices/${id}/messages/deviceBound`;
    const received = await until('the message', async () => {
      const answer = await world.rest.get(box);
      return answer.status === 200 && answer;
    });
    assert.equal((await world.rest.request('DELETE', `${box}/${received.headers.etag.replaceAll('"', '')}`)).status, 204);
    const feedback = await answered('feedback');
    // Each outcome is answered by one: accepted, for it was carried out.
    assert.deepEqual(feedback.deliveries, [['released', 'accepted'], ['modified', 'accepted'], ['accepted', 'accepted']]);
    assert.ok(feedback.records.some(({ originalMessageId }) => originalMessageId === 'proton-1'));

    await send_event(id, 'one');
    await send_event(id, 'two');
    await send_event(id, 'three');
    client.say('read');
    assert.deepEqual((await answered('drained')).bodies, ['one', 'two', 'three']);
    assert.deepEqual((await answered('one by one')).bodies, ['one', 'two', 'three']);
    await client.success();
  });
});
