// The load of the crash test: devices that report and listen, a back end that writes desired properties, identities that come
// and go. Everything acknowledged is entered into ledgers; what fails because the hub was killed is not.
'use strict';

const assert = require('node:assert/strict');

const { MqttClient, topics } = require('../support/node/mqtt_client');
const { ports } = require('../support/node/hub');
const { sleep, until } = require('../support/node/until');
const { Ledger } = require('./ledger');

const etag_of = (counter) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(counter));
  return bytes.toString('base64');
};

// One device with its twin, and all that the checker knows about it.
class Subject {
  constructor(host, identity) {
    this.host = host;
    this.id = identity.deviceId;
    this.identity = identity;
    this.key = identity.authentication.symmetricKey.primaryKey;
    this.reported = new Ledger(`${this.id} reported`);
    this.desired = new Ledger(`${this.id} desired`);
    this.counts = { reported: 0, desired: 0, telemetry: 0, deltas: 0, messages: 0 };
    this.messages = { sent: 0, accepted: new Set(), seen: new Set() };  // numbers; accepted and not yet delivered
    this.telemetry = { sent: 0, acknowledged: [], stored: 0 };  // numbers of messages; the highest one stored
    this.subscribed = false;  // a SUBACK was received, in whichever life of the hub
    this.serial = 0;
  }

  // Connects; subscribes only if no SUBACK ever came: a kept session must still have its subscriptions.
  async connect() {
    this.client = new MqttClient({ host: this.host, id: this.id, key: this.key, port: ports.mqtt });
    // Set before CONNECT: messages that have waited arrive right behind the CONNACK.
    this.client.on('message', (message) => this.on_message(message));
    const answer = await this.client.connect();
    assert.equal(answer.return_code, 0, `${this.id}: CONNECT refused with ${answer.return_code}`);
    if (this.subscribed) assert.equal(answer.session_present, 1, `${this.id}: the session was lost`);
    if (!this.subscribed) {
      const filters = [topics.response, topics.desired, [`devices/${this.id}/messages/devicebound/#`, 1]];
      assert.deepEqual(await this.client.subscribe(...filters), [0, 0, 1]);
      this.subscribed = true;
    }
  }

  on_message(message) {
    const { topic, payload } = message;
    if (topic.startsWith(`devices/${this.id}/messages/devicebound/`)) return this.on_cloud_to_device(message);
    const delta = topic.match(/^\$iothub\/twin\/PATCH\/properties\/desired\/\?\$version=(\d+)$/);
    if (!delta) return undefined;
    assert.equal(JSON.parse(payload).$version, Number(delta[1]));
    this.desired.heard(Number(delta[1]));
    this.counts.deltas += 1;
    return undefined;
  }

  on_cloud_to_device(message) {
    const number = Number(message.payload);
    assert.ok(number > 0 && number <= this.messages.sent, `${this.id}: message ${message.payload} was never sent`);
    this.messages.seen.add(number);
    this.messages.accepted.delete(number);
    this.client.acknowledge(message);
  }

  next_patch(random) {
    this.serial += 1;
    const slot = `s${random.between(0, 5)}`;
    const value = random.next() < 0.15 ? null : { n: this.serial, text: 'x'.repeat(random.between(0, 400)) };
    return { serial: this.serial, [slot]: value };
  }

  // Reports until the connection ends, a few in flight; MQTT keeps their order, so each has its version in advance.
  async report_until_end(random) {
    const client = this.client;
    const one_after_the_other = async () => {
      while (!client.closed) {
        const patch = this.next_patch(random);
        const expected = this.reported.sent(patch);
        const { status, version, body } = await client.patch_reported(patch);
        assert.equal(status, 204, `${this.id}: ${body}`);
        assert.equal(version, expected, `${this.id}: reported version`);
        this.reported.heard(version);
        this.counts.reported += 1;
      }
    };
    await Promise.all([one_after_the_other(), one_after_the_other(), this.send_telemetry(client)].map(ended_by_crash));
  }

  // Numbered messages, some in flight.
  async send_telemetry(client) {
    const { telemetry } = this;
    const one_after_the_other = async () => {
      while (!client.closed) {
        const number = (telemetry.sent += 1);
        await client.publish(`devices/${this.id}/messages/events/`, `{"number":${number}}`, 1);
        telemetry.acknowledged.push(number);
        this.counts.telemetry += 1;
      }
    };
    await Promise.all(Array.from({ length: 4 }, one_after_the_other));
  }

  // `numbers`: of this device's messages that came into the event log since the last check. Each was sent, each is there once and
  // in order; whatever was acknowledged is there.
  check_telemetry(numbers) {
    const { telemetry } = this;
    for (const number of numbers) {
      assert.ok(number > telemetry.stored, `${this.id}: message ${number} stands behind message ${telemetry.stored}`);
      assert.ok(number <= telemetry.sent, `${this.id}: message ${number} was never sent`);
      telemetry.stored = number;
    }
    const there = new Set(numbers);
    const lost = telemetry.acknowledged.filter((number) => !there.has(number));
    assert.deepEqual(lost, [], `${this.id}: acknowledged messages are lost`);
    telemetry.acknowledged = [];
  }

  // The back end's writes to this twin, one at a time, until the hub is gone.
  async write_desired_until_end(rest, random, running) {
    await ended_by_crash((async () => {
      while (running()) {
        const patch = this.next_patch(random);
        const expected = this.desired.sent(patch);
        const { status, json, text } = await rest.patch(`/twins/${this.id}`, { properties: { desired: patch } });
        assert.equal(status, 200, `${this.id}: ${text}`);
        assert.equal(json.properties.desired.$version, expected);
        this.desired.heard(expected);
        this.reported.heard(json.properties.reported.$version);
        this.counts.desired += 1;
      }
    })());
  }

  // The back end's messages to this device, one at a time, until the hub is gone.
  async send_messages_until_end(rest, running) {
    await ended_by_crash((async () => {
      while (running()) {
        const number = (this.messages.sent += 1);
        const { status, text } = await rest.request('POST', `/devices/${this.id}/messages/devicebound`, { body: String(number) });
        if (status === 403) {  // 50 wait already
          await sleep(5);
          continue;
        }
        assert.equal(status, 204, `${this.id}: ${text}`);
        if (!this.messages.seen.has(number)) this.messages.accepted.add(number);
        this.counts.messages += 1;
      }
    })());
  }

  // After a restart: identity, twin, versions, etag, and the device's own view.
  async check(rest) {
    const identity = await rest.get(`/devices/${this.id}`);
    assert.equal(identity.status, 200, `${this.id}: ${identity.text}`);
    for (const name of ['etag', 'generationId', 'status', 'authentication']) {
      assert.deepEqual(identity.json[name], this.identity[name], `${this.id}: ${name}`);
    }
    const { status, json: twin, text } = await rest.get(`/twins/${this.id}`);
    assert.equal(status, 200, `${this.id}: ${text}`);
    this.desired.settle(twin.properties.desired);
    this.reported.settle(twin.properties.reported);
    // Only desired is written by the back end here: the etag counts exactly those writes.
    const { $version: desired_version } = twin.properties.desired;
    assert.equal(twin.etag, etag_of(desired_version), `${this.id}: etag`);
    assert.equal(twin.version, desired_version + twin.properties.reported.$version, `${this.id}: version`);

    await this.connect();
    const { $metadata: m1, ...desired } = twin.properties.desired;
    const { $metadata: m2, ...reported } = twin.properties.reported;
    assert.deepEqual(await this.client.get_twin(), { desired, reported }, `${this.id}: the device's view`);
    // Every accepted message that was not delivered before is delivered now, without a new subscription.
    const { accepted } = this.messages;
    await until(`${this.id}: accepted messages ${[...accepted]} are delivered`, () => accepted.size === 0);
  }
}

// Runs until the hub dies under it. A wrong answer is an AssertionError and counts; a cut connection is what this test is about.
async function ended_by_crash(work) {
  try {
    await work;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

// Creates identities and deletes every second one, as long as the hub lives; knows for certain which are there and which are not.
class Churn {
  constructor() {
    this.present = new Map();  // id -> identity as acknowledged
    this.absent = new Set();  // deletion was acknowledged
    this.serial = 0;
  }

  async run_until_end(rest, running) {
    await ended_by_crash((async () => {
      while (running()) {
        const id = `churn-${(this.serial += 1)}`;
        const created = await rest.create_device(id);
        assert.equal(created.status, 200, created.text);
        if (this.serial % 2) {
          this.present.set(id, created.json);
          continue;
        }
        assert.equal((await rest.delete(`/devices/${id}`)).status, 204);
        this.absent.add(id);
      }
    })());
  }

  // Then forgets them, so that the next round starts with little to check.
  async check(rest) {
    for (const [id, identity] of this.present) {
      const read = await rest.get(`/devices/${id}`);
      assert.equal(read.status, 200, `${id} was acknowledged and is lost`);
      assert.deepEqual(read.json, identity);
      const twin = await rest.get(`/twins/${id}`);
      assert.deepEqual([twin.status, twin.json.etag, twin.json.version], [200, 'AAAAAAAAAAE=', 2], `${id}: twin`);
      assert.equal((await rest.delete(`/devices/${id}`)).status, 204);
    }
    for (const id of this.absent) {
      assert.equal((await rest.get(`/devices/${id}`)).status, 404, `${id} was deleted and is back`);
      assert.equal((await rest.get(`/twins/${id}`)).status, 404, `the twin of ${id} is back`);
    }
    this.present.clear();
    this.absent.clear();
  }
}

module.exports = { Churn, Subject };
