// Devices on Eclipse Paho, in C++ and in Python, written as their documentation shows: what they subscribe once must serve them
// over every reconnect, since they keep their sessions and do not subscribe again.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const { ports } = require('../support/node/hub');
const { Program } = require('../support/node/program');
const { until } = require('../support/node/until');
const { World, properties_of } = require('./world');

const cpp_program = process.env.TESTS_PAHO_DEVICE
  || path.join(__dirname, '..', '..', 'build', 'release', 'tests', 'clients', 'paho_device');
const python_program = path.join(__dirname, 'paho_device.py');

// How a device authenticates: by a token, or by a certificate and its key.
const proof = ({ password, certificate, private_key }) => (certificate ? [certificate, private_key] : [password]);

const python = (transport) => ({ host, hub }, device) => new Program(
  '/usr/bin/python3', [python_program, transport, host, device.id, device.user_name, hub.ca_file, ...proof(device)]);
const kinds = {
  'Paho C++': ({ host, hub }, device) => new Program(
    cpp_program, [`ssl://${host}:${ports.mqtts}`, device.id, device.user_name, hub.ca_file, ...proof(device)]),
  'Paho Python': python('tls'),
  'Paho Python over WebSocket': python('websocket'),
};

// The device program, driven by lines.
class Device {
  constructor(program, id) {
    this.program = program;
    this.id = id;
    this.serial = 0;
  }

  event(what, fits, from = 0) {
    return this.program.event(what, fits, from);
  }

  async do(line, done) {
    const from = this.program.lines.length;
    this.program.say(line);
    await this.event(`${done} after: ${line}`, ({ event }) => event === done, from);
  }

  subscribe(filter) { return this.do(`subscribe ${filter}`, 'subscribed'); }
  publish(qos, topic, payload) { return this.do(`publish ${qos} ${topic} ${payload}`, 'published'); }

  message(topic_prefix, from = 0) {
    return this.event(`a message on ${topic_prefix}`, ({ event, topic }) => event === 'message' && topic.startsWith(topic_prefix), from);
  }

  // -> { topic, payload } of the answer.
  async twin_request(what, payload) {
    this.serial += 1;
    const from = this.program.lines.length;
    await this.publish(1, `$iothub/twin/${what}/?$rid=${this.serial}`, payload);
    return this.event(`answer to ${what}`, ({ event, topic }) => event === 'message' && topic.startsWith('$iothub/twin/res/')
      && new RegExp(`\\?\\$rid=${this.serial}(&|$)`).test(topic), from);
  }

  async twin() {
    const { topic, payload } = await this.twin_request('GET', '{}');
    assert.equal(topic, `$iothub/twin/res/200/?$rid=${this.serial}`);
    return JSON.parse(payload);
  }

  async delta(world, desired) {
    const version = await world.patch_desired(this.id, desired);
    const { payload } = await this.message(`$iothub/twin/PATCH/properties/desired/?$version=${version}`);
    assert.deepEqual(JSON.parse(payload), { ...desired, $version: version });
  }

  // Waits for the next call of a method and answers it; -> its payload.
  async answer_call(method, status, payload, from) {
    const call = await this.message(`$iothub/methods/POST/${method}/?$rid=`, from);
    const rid = call.topic.slice(call.topic.indexOf('$rid=') + 5);
    await this.publish(1, `$iothub/methods/res/${status}/?$rid=${rid}`, payload);
    return JSON.parse(call.payload);
  }

  async called(world, method, sent, status, answered) {
    const from = this.program.lines.length;
    const answer = world.invoke(this.id, method, sent);
    assert.deepEqual(await this.answer_call(method, status, JSON.stringify(answered), from), sent);
    assert.deepEqual(await answer, { status, payload: answered });
  }

  // Sends a cloud-to-device message and waits until the hub has the PUBACK.
  async sent(world, body, headers = {}) {
    const from = this.program.lines.length;
    await world.send_message(this.id, body, headers);
    const message = await this.message(`devices/${this.id}/messages/devicebound/`, from);
    assert.equal(message.payload, body);
    await until('it is completed', async () => (await world.waiting_messages(this.id)) === 0);
    return properties_of(message.topic);
  }

  count(what) { return this.program.lines.filter((line) => JSON.parse(line).event === what).length; }
}

async function connected(t, world, start, identity) {
  identity ??= await world.device();
  const device = new Device(start(world, identity), identity.id);
  t.after(() => device.program.kill());
  await device.event('connected', ({ event }) => event === 'connected');
  return device;
}

async function ended(device) {
  device.program.say('disconnect');
  await device.program.success();
}

for (const [name, start] of Object.entries(kinds)) {
  describe(name, () => {
    let world;
    before(async () => { world = await World.start(); });
    after(() => world.end());

    test('telemetry of QoS 0 and 1 is in the event log with its properties', async (t) => {
      const device = await connected(t, world, start);
      await device.publish(0, `devices/${device.id}/messages/events/`, '{"id":123}');
      await device.publish(1, `devices/${device.id}/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8&level=high`, '{"id":124}');
      const seen = [];
      await until('two messages', async () => {
        seen.push(...(await world.events.read()).filter((event) => event.source === 'telemetry' && event.device === device.id));
        return seen.length >= 2;
      }, { every_ms: 100 });
      assert.deepEqual(seen.map(({ body }) => body), ['{"id":123}', '{"id":124}']);
      assert.deepEqual(seen[0].application, {});
      assert.deepEqual(seen[1].application, { level: 'high' });
      assert.equal(seen[1].system['content-type'], 'application/json');
      assert.equal(seen[1].system['content-encoding'], 'utf-8');
      await ended(device);
    });

    test('the twin is read, reported to and listened to', async (t) => {
      const device = await connected(t, world, start);
      await device.subscribe('$iothub/twin/res/#');
      await device.subscribe('$iothub/twin/PATCH/properties/desired/#');
      assert.deepEqual(await device.twin(), { desired: { $version: 1 }, reported: { $version: 1 } });
      await device.delta(world, { interval: 5, nested: { deep: true } });
      const { topic, payload } = await device.twin_request('PATCH/properties/reported', '{"fw":"1.1","old":null}');
      assert.equal(topic, `$iothub/twin/res/204/?$rid=${device.serial}&$version=2`);
      assert.equal(payload, '');
      assert.deepEqual(await device.twin(), {
        desired: { interval: 5, nested: { deep: true }, $version: 2 }, reported: { fw: '1.1', $version: 2 },
      });
      assert.equal((await world.reported(device.id)).fw, '1.1');
      await ended(device);
      await until('it shows as disconnected', async () => !(await world.is_connected(device.id)));
    });

    test('direct methods are called and answered', async (t) => {
      const device = await connected(t, world, start);
      await device.subscribe('$iothub/methods/POST/#');
      await device.called(world, 'reboot', { delay: 5 }, 200, { accepted: true });
      await device.called(world, 'get-log', null, 404, 'no such log');
      await ended(device);
    });

    test('cloud-to-device messages arrive with their properties, also those sent while the device was away', async (t) => {
      const device = await connected(t, world, start);
      await device.subscribe(`devices/${device.id}/messages/devicebound/#`);
      const properties = await device.sent(world, '{"from":"the cloud"}', {
        'iothub-messageid': 'm/1', 'iothub-correlationid': 'c 1', 'iothub-app-colour': 'light blue', 'iothub-app-sum': 'a=b&c',
      });
      assert.equal(properties['$.mid'], 'm/1');
      assert.equal(properties['$.cid'], 'c 1');
      assert.match(properties['$.to'], new RegExp(`^/devices/${device.id}/messages/devicebound$`, 'i'));
      assert.equal(properties.colour, 'light blue');
      assert.equal(properties.sum, 'a=b&c');

      await world.hub.kill();
      await world.hub.start();
      const from = device.program.lines.length;
      for (let n = 0; n < 5; n += 1) await world.send_message(device.id, `message ${n}`);
      await until('all are completed', async () => (await world.waiting_messages(device.id)) === 0);
      // Paho may send the PUBACK before the program has said what it was given.
      const messages = () => device.program.lines.slice(from).map((line) => JSON.parse(line)).filter(({ event }) => event === 'message');
      await until('all are shown', () => messages().length >= 5);
      assert.deepEqual(messages().map(({ payload }) => payload), [0, 1, 2, 3, 4].map((n) => `message ${n}`));
      await ended(device);
    });

    test('a certificate serves instead of a token, and another device\'s certificate does not', async (t) => {
      const identity = await world.x509_device();
      const device = await connected(t, world, start, identity);
      await device.publish(1, `devices/${device.id}/messages/events/`, '{"id":125}');
      const event = await world.events.telemetry(device.id);
      assert.match(event.system['iothub-connection-auth-method'], /"x509"/);
      await ended(device);
      const { certificate, private_key } = await world.x509_device();
      const impostor = start(world, { ...identity, certificate, private_key });
      await until('it is refused', () => impostor.ended);
      assert.notEqual(impostor.ended.code, 0);
    });

    test('the client comes back by itself after a stop and a crash of the hub, and does not subscribe again', async (t) => {
      const device = await connected(t, world, start);
      await device.subscribe('$iothub/twin/res/#');
      await device.subscribe('$iothub/twin/PATCH/properties/desired/#');
      await device.subscribe('$iothub/methods/POST/#');
      await device.subscribe(`devices/${device.id}/messages/devicebound/#`);
      await device.delta(world, { before: true });
      for (const end of ['stop', 'kill']) {
        const from = device.program.lines.length;
        await world.hub[end]();
        await device.event('lost', ({ event }) => event === 'lost', from);
        await world.hub.start();
        await device.event('connected', ({ event }) => event === 'connected', from);
        await device.delta(world, { after: end });
        assert.equal((await device.twin()).desired.after, end);
        await device.called(world, 'reboot', { after: end }, 200, null);
        await device.sent(world, end);
      }
      assert.equal(device.count('subscribed'), 4);
      await ended(device);
    });
  });
}
