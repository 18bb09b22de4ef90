// No delta is lost, repeated or out of order for a subscribed device, whatever happens: devices that reconnect at random, with and
// without clean session, that are taken over; a hub that is stopped or killed; back ends that write at the same time. After each
// storm the device's copy equals the hub's (https://github.com/Azure/iotedge/issues/2757 and /7148 are what this looks for).
//   TESTS_STORM_SEED (random; printed)   TESTS_STORM_DELTA_ROUNDS (8)   TESTS_STORM_DELTA_DEVICES (8)
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { MqttClient, topics } = require('../support/node/mqtt_client');
const { sleep, until } = require('../support/node/until');
const { Chronicle, Copy } = require('./copy');
const { Storm, from_environment, seed } = require('./storm');

const rounds = from_environment('DELTA_ROUNDS', 8);
const device_count = from_environment('DELTA_DEVICES', 8);
const writers_per_device = 2;
const storm_ms = { min: 200, max: 700 };
const stay_ms = { min: 0, max: 150 };

// The storm's strikes at the hub: a connection that ends is an error unless the hub was struck in its time.
class Weather {
  constructor() {
    this.failures = [];
    this.serves = true;
    this.strikes = 0;
    this.blows = false;  // devices come and go
    this.writes = false;  // back ends write
  }

  // Runs `work`; a wrong answer is kept for the test's main line, a connection that ended with the hub is what this is about.
  // A hub may be up again before `work` looks, so what counts is a strike since `work` began.
  async guard(work) {
    const { strikes } = this;
    const served = this.serves;
    try {
      await work();
    } catch (error) {
      const struck = !served || this.strikes !== strikes;
      if (!struck || error instanceof assert.AssertionError) this.failures.push(error);
      await sleep(10);
    }
  }

  check() {
    if (this.failures.length > 0) throw this.failures[0];
  }
}

class Device {
  constructor(storm, weather, identity, secure) {
    Object.assign(this, { storm, weather, identity, secure, id: identity.id });
    this.chronicle = new Chronicle(this.id);
    this.session = 'none';  // what the hub has: 'none', 'kept', or 'unknown' when it died before it answered
    this.counts = { connections: 0, deltas: 0, take_overs: 0, writes: 0 };
    this.serial = 0;
  }

  // Connects, subscribes if it must, reads its twin. Deltas count from CONNACK on.
  async connect(clean) {
    const client = this.storm.client(this.identity, { secure: this.secure });
    const copy = new Copy(this.chronicle);
    client.on('message', (message) => this.on_message(copy, message));
    const expected = clean ? 'none' : this.session;
    this.session = 'unknown';
    const { return_code, session_present } = await client.connect({ clean_session: clean });
    assert.equal(return_code, 0, this.id);
    if (expected !== 'unknown') assert.equal(session_present, expected === 'kept' ? 1 : 0, `${this.id}: session present`);
    // A session whose SUBACK never came may hold any part of what was asked for.
    if (!session_present || expected !== 'kept') assert.deepEqual(await client.subscribe(topics.response, topics.desired), [0, 0]);
    this.session = clean ? 'none' : 'kept';
    Object.assign(this, { client, copy });
    this.counts.connections += 1;
    copy.asks();
    const twin = await client.get_twin();
    this.checked(() => copy.read(twin.desired));
  }

  on_message(copy, { topic, payload }) {
    const delta = topic.match(/^\$iothub\/twin\/PATCH\/properties\/desired\/\?\$version=(\d+)$/);
    if (!delta) return;
    this.counts.deltas += 1;
    this.checked(() => copy.delta(Number(delta[1]), JSON.parse(payload)));
  }

  checked(work) {
    try {
      work();
    } catch (error) {
      this.weather.failures.push(error);
    }
  }

  // One stay after the other, until the storm is over.
  async come_and_go(random) {
    while (this.weather.blows) {
      await this.weather.guard(async () => {
        await this.connect(random.next() < 0.3);
        await sleep(random.between(stay_ms.min, stay_ms.max));
        if (this.client.closed) throw new Error(`${this.id}: the hub closed the connection`);
        this.leave(random.next());
      });
    }
  }

  leave(chance) {
    if (chance < 0.35) this.client.destroy();  // as a lost network
    else if (chance < 0.6) this.client.disconnect();
    else if (chance < 0.9) this.counts.take_overs += 1;  // the next connection finds this one open
    // else: leaves in the middle of a request
    else {
      this.client.get_twin().catch(() => {});
      this.client.destroy();
    }
  }

  next_section(random) {
    this.serial += 1;
    const value = () => [this.serial, `text ${this.serial}`, [this.serial, { in: 'array' }], { n: this.serial, deep: { er: this.serial } },
      { n: null }, null, { deep: { er: null, also: true } }][random.between(0, 6)];
    return { serial: this.serial, [`p${random.between(0, 4)}`]: value(), [`q${random.between(0, 2)}`]: value() };
  }

  // A back end that patches, replaces, or changes tags, which devices do not see.
  async write_at_random(random) {
    const path = `/twins/${this.id}`;
    const { rest } = this.storm;
    while (this.weather.writes) {
      await this.weather.guard(async () => {
        const desired = this.next_section(random);
        const kind = random.next();
        let answer;
        if (kind < 0.75) answer = await rest.patch(path, { properties: { desired } });
        else if (kind < 0.9) answer = await rest.put(path, { tags: { t: this.serial }, properties: { desired: without_nulls(desired) } });
        else answer = await rest.patch(path, { tags: { t: this.serial } });
        assert.equal(answer.status, 200, answer.text);
        this.chronicle.note(answer.json.properties.desired, 'the back end');
        this.counts.writes += 1;
        await sleep(random.between(0, 5));
      });
    }
  }

  // The device's copy equals the hub's, at a version no older than any that a client has seen.
  async check() {
    const answer = await this.storm.rest.get(`/twins/${this.id}`);
    assert.equal(answer.status, 200, answer.text);
    const { $version: version, $metadata: metadata, ...content } = answer.json.properties.desired;
    assert.ok(version >= this.chronicle.told, `${this.id}: the hub is at ${version}, ${this.chronicle.told} was told`);
    await until(`${this.id} is at version ${version}`, () => {
      this.weather.check();
      return this.copy.version >= version;
    });
    assert.deepEqual({ version: this.copy.version, content: this.copy.content }, { version, content }, this.id);
    this.chronicle.known.clear();
  }
}

// A replacement knows no nulls.
function without_nulls(value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null).map(([name, member]) => [name, without_nulls(member)]));
}

// The strikes: a stop, a kill or nothing, in the middle of a storm.
async function strike(storm, weather, random) {
  const chance = random.next();
  if (chance < 0.3) return 'none';
  const how = chance < 0.6 ? 'stop' : 'kill';
  weather.serves = false;
  weather.strikes += 1;
  await storm.hub[how]();
  await storm.hub.start();
  weather.serves = true;
  return how;
}

// A storm, and the calm behind it: devices are back to stay while back ends still write, so that what they know in the end came
// as deltas.
async function blow(storm, weather, devices, random) {
  weather.blows = true;
  weather.writes = true;
  const come_and_go = devices.map((device) => device.come_and_go(random));
  const writes = devices.flatMap((device) => Array.from({ length: writers_per_device }, () => device.write_at_random(random)));
  let how;
  try {
    await sleep(random.between(storm_ms.min, storm_ms.max));
    how = await strike(storm, weather, random);
    await sleep(random.between(storm_ms.min, storm_ms.max));
    weather.blows = false;
    await Promise.all(come_and_go);
    await Promise.all(devices.map((device) => device.connect(random.next() < 0.3)));
    await sleep(random.between(stay_ms.min, stay_ms.max));
  } finally {
    weather.blows = false;
    weather.writes = false;
  }
  await Promise.all(writes);
  return how;
}

test(`the device's copy is the hub's after each of ${rounds} storms (TESTS_STORM_SEED=${seed})`, async (t) => {
  const storm = await Storm.start();
  t.after(() => storm.end());
  const { random } = storm;
  const weather = new Weather();
  const devices = (await storm.devices(device_count)).map((identity, n) => new Device(storm, weather, identity, n % 2 === 0));
  const strikes = [];
  for (let round = 0; round < rounds; round += 1) {
    strikes.push(await blow(storm, weather, devices, random));
    weather.check();
    await Promise.all(devices.map((device) => device.check()));
    weather.check();
  }
  const counted = Object.keys(devices[0].counts).map((what) => `${devices.reduce((sum, { counts }) => sum + counts[what], 0)} ${what}`);
  const compared = devices.reduce((sum, { chronicle }) => sum + chronicle.compared, 0);
  t.diagnostic(`seed ${seed}: ${counted.join(', ')}; ${compared} versions known to two; hub: ${strikes.join(' ')}`);
  assert.ok(compared >= rounds * device_count, 'hardly any load');
  for (const { client } of devices) client.destroy();
});
