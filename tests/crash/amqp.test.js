// Kills the hub with SIGKILL while AMQP peers send and read: telemetry that was accepted is in the event log once and in order,
// messages to devices that were accepted are delivered after the restart, and the numbers of both go on. A reader of events that
// resumes at its checkpoint misses nothing and reads nothing twice.
//   TESTS_CRASH_ROUNDS (8)   TESTS_CRASH_SEED (random; printed)
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { after, test } = require('node:test');

const { AmqpPeer, data, from } = require('../support/node/amqp_peer');
const { EventLog } = require('../support/node/events');
const { Hub, ports } = require('../support/node/hub');
const { Random } = require('../support/node/random');
const { Rest } = require('../support/node/rest');
const { parse_connection_string, sas_token } = require('../support/node/sas');
const { sleep, until } = require('../support/node/until');

const rounds = Number(process.env.TESTS_CRASH_ROUNDS || 8);
const seed = Number(process.env.TESTS_CRASH_SEED || crypto.randomInt(1, 2 ** 31));
const devices = 6;
const telemetry_least = 8;  // of each round
const partitions = 4;

const hub = new Hub({ flags: ['--amqp-port', ports.amqp] });
after(() => hub.remove());

// What is known of one device, outside the hub.
class Device {
  constructor(identity) {
    this.id = identity.deviceId;
    this.key = identity.authentication.symmetricKey.primaryKey;
    this.telemetry = { sent: 0, accepted: 0, stored: 0 };  // the highest number of each
    this.messages = { sent: 0, accepted: new Set(), seen: new Set(), sequence: 0 };  // accepted: and not seen so far
  }

  async connect() {
    const resource = `${hub.address}/devices/${this.id}`;
    this.peer = new AmqpPeer(hub.address);
    await this.peer.authenticate(resource, sas_token({ resource, key: this.key }));
    this.sender = await this.peer.open_sender(`devices/${this.id}/messages/events`);
  }

  async send_telemetry() {
    for (;;) {
      const number = (this.telemetry.sent += 1);
      const outcome = await this.peer.send(this.sender, { body: data(JSON.stringify({ number })) });
      assert.equal(outcome, true, `${this.id}: telemetry ${number}`);
      this.telemetry.accepted = Math.max(this.telemetry.accepted, number);
    }
  }

  // Takes what has come for the device until all that was accepted is there.
  async take_messages() {
    const receiver = await this.peer.open_receiver(`devices/${this.id}/messages/devicebound`, { credit_window: 0 });
    receiver.on('message', ({ message, delivery }) => {
      const number = Number(String(message.body.content ?? message.body));
      const sequence = Number(message.message_annotations['x-opt-sequence-number']);
      assert.ok(number > 0 && number <= this.messages.sent, `${this.id}: message ${number} was never sent`);
      assert.ok(!this.messages.seen.has(number), `${this.id}: message ${number} has come before`);
      assert.ok(sequence > this.messages.sequence, `${this.id}: number ${sequence} after ${this.messages.sequence}`);
      this.messages.sequence = sequence;
      this.messages.seen.add(number);
      this.messages.accepted.delete(number);
      delivery.accept();
    });
    receiver.add_credit(1000);
    await until(`${this.id}: accepted messages ${[...this.messages.accepted]} are delivered`, () => this.messages.accepted.size === 0);
    // The dispositions have reached the hub: no message is left.
    await until(`${this.id}: its queue is empty`, async () => (await rest.get(`/devices/${this.id}`)).json.cloudToDeviceMessageCount === 0);
  }

  check_telemetry(numbers) {
    for (const number of numbers) {
      assert.equal(number, this.telemetry.stored + 1, `${this.id}: telemetry ${number} after ${this.telemetry.stored}`);
      assert.ok(number <= this.telemetry.sent);
      this.telemetry.stored = number;
    }
    assert.ok(this.telemetry.stored >= this.telemetry.accepted, `${this.id}: accepted up to ${this.telemetry.accepted}, stored up to ${this.telemetry.stored}`);
    this.telemetry.sent = this.telemetry.stored;  // what was not stored was not accepted, and is nobody's any more
  }
}

// A back end that reads every partition from its checkpoint on: the offset of the last event that it has worked through, which it
// keeps in a database of its own. Whatever it has read beyond is forgotten with its connection, as when the process dies.
class EventReader {
  constructor() {
    this.checkpoints = Array.from({ length: partitions }, () => '-1');
    this.sequences = Array.from({ length: partitions }, () => -1);  // of the checkpoints
    this.events = [];  // worked through: { device, number }
    this.read = 0;     // since the start, by whatever connection
    this.problems = [];
  }

  async start() {
    this.begun = [];  // read and not worked through, in order
    this.peer = await enter_as_back_end();
    for (let n = 0; n < partitions; n += 1) {
      const source = { address: `${hub.address}/ConsumerGroups/$Default/Partitions/${n}`, ...from(`x-opt-offset > '${this.checkpoints[n]}'`) };
      const receiver = await this.peer.attached(this.peer.connection.open_receiver({ source, autoaccept: true, credit_window: 300 }), `partition ${n}`);
      let last = this.sequences[n];
      receiver.on('message', ({ message }) => {
        const { 'x-opt-offset': offset, 'x-opt-sequence-number': sequence, 'iothub-connection-device-id': device } = message.message_annotations;
        if (Number(sequence) <= last) this.problems.push(`partition ${n}: ${sequence} after ${last}`);
        last = Number(sequence);
        this.read += 1;
        this.begun.push({ partition: n, offset, sequence: last, device, number: JSON.parse(message.body.content.toString()).number });
      });
    }
  }

  // Works through the first `share` of what it has read.
  check_point(share = 1) {
    for (const { partition, offset, sequence, device, number } of this.begun.splice(0, Math.ceil(this.begun.length * share))) {
      this.checkpoints[partition] = offset;
      this.sequences[partition] = sequence;
      this.events.push({ device, number });
    }
  }
}

let rest;
let policy;

function enter_as_back_end() {
  const token = sas_token({ resource: hub.address, key: policy.SharedAccessKey, policy: policy.SharedAccessKeyName });
  return new AmqpPeer(hub.address).authenticate(hub.address, token);
}

async function connect_back_end() {
  const peer = await enter_as_back_end();
  return { peer, sender: await peer.open_sender('messages/devicebound') };
}

async function send_messages({ peer, sender }, device) {
  for (let turn = 0; turn < 30; turn += 1) {  // a queue holds fifty
    const number = (device.messages.sent += 1);
    const outcome = await peer.send(sender, { to: `/devices/${device.id}/messages/devicebound`, body: data(String(number)) });
    assert.equal(outcome, true, `${device.id}: message ${number}`);
    device.messages.accepted.add(number);
  }
}

const sum = (all, count) => all.reduce((total, device) => total + count(device), 0);

// A cut connection is what this test is about; a wrong answer is not.
const until_cut = (work) => work.catch((error) => { if (error instanceof assert.AssertionError) throw error; });

async function live_and_die(random, all, reader, round) {
  const back_end = await connect_back_end();
  await reader.start();
  const load = [];
  for (const device of all) {
    load.push(until_cut(device.send_telemetry()));
    load.push(until_cut(send_messages(back_end, device)));
  }
  await sleep(random.between(30, 600));
  // A slow disk takes little in that time: not before there is as much as this many rounds are to have.
  await until('a load', () => sum(all, ({ telemetry: { accepted } }) => accepted) >= round * telemetry_least
    && sum(all, ({ messages: { seen, accepted } }) => seen.size + accepted.size) >= round);
  reader.check_point(random.between(0, 100) / 100);
  await hub.kill();
  await Promise.all(load);
  await reader.peer.closed;
}

test(`nothing that AMQP peers were told is accepted is lost in ${rounds} kills (TESTS_CRASH_SEED=${seed})`, async (t) => {
  const random = new Random(seed);
  await hub.start();
  policy = parse_connection_string(hub.connection_string());
  rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  const events = new EventLog(hub);
  const reader = new EventReader();
  const all = [];
  for (let n = 0; n < devices; n += 1) {
    const { status, json, text } = await rest.create_device(`device-${n}`);
    assert.equal(status, 200, text);
    all.push(new Device(json));
  }
  for (let round = 1; round <= rounds; round += 1) {
    await Promise.all(all.map((device) => device.connect()));
    await live_and_die(random, all, reader, round);
    rest.close();
    await hub.start();
    const numbers = new Map(all.map(({ id }) => [id, []]));
    for (const { source, device, body } of await events.read()) {
      if (source === 'telemetry') numbers.get(device).push(JSON.parse(body).number);
    }
    for (const device of all) device.check_telemetry(numbers.get(device.id));
    await Promise.all(all.map((device) => device.connect()));
    await Promise.all(all.map((device) => device.take_messages()));
    for (const device of all) device.peer.close();
    await Promise.all(all.map((device) => device.peer.closed));
  }
  await reader.start();
  const stored = all.reduce((total, device) => total + device.telemetry.stored, 0);
  await until('the reader has read everything', () => reader.events.length + reader.begun.length >= stored);
  reader.check_point();
  assert.deepEqual(reader.problems, []);
  for (const { id, telemetry: { stored: highest } } of all) {
    const numbers = reader.events.filter(({ device }) => device === id).map(({ number }) => number);
    assert.deepEqual(numbers, Array.from({ length: highest }, (_, i) => i + 1), `${id}: each event once, and in order`);
  }
  reader.peer.close();
  await reader.peer.closed;
  const telemetry = sum(all, ({ telemetry: { accepted } }) => accepted);
  const messages = sum(all, ({ messages: { seen } }) => seen.size);
  t.diagnostic(`seed ${seed}: ${rounds} kills, accepted and found again: ${telemetry} telemetry, ${messages} messages; `
    + `${reader.read - reader.events.length} events read beyond a checkpoint and read again`);
  assert.ok(telemetry >= rounds * telemetry_least && messages >= rounds, 'hardly any load');
  rest.close();
  await hub.stop();
});
