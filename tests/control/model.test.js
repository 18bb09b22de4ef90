// Random sequences of writes, resets, snapshots, restores and kills, each held against a model (model.js): no state leaks from
// one sequence into the next, nothing acknowledged is lost but by a reset, and a restore brings back the bytes that there were.
//   TESTS_MODEL_SEQUENCES (30)   TESTS_MODEL_SEED (1): that of the first sequence, the next has the next number
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { Random } = require('../support/node/random');
const { Rest } = require('../support/node/rest');
const { sleep, within } = require('../support/node/until');
const { adopt, check, read, without_moments } = require('./model');

const sequences = Number(process.env.TESTS_MODEL_SEQUENCES || 30);
const first_seed = Number(process.env.TESTS_MODEL_SEED || 1);

const key = crypto.createHash('sha256').update('model').digest('base64');
const seed_ids = ['pump', 'valve'];
const seed_file = seed_ids.map((id) => `[[devices]]\nid = "${id}"\nprimaryKey = "${key}"\nsecondaryKey = "${key}"\ntags = { of = "seed" }\n`).join('');

class World {
  async start() {
    this.hub = new Hub();
    this.file = path.join(this.hub.data_dir, '..', `${path.basename(this.hub.data_dir)}.toml`);
    fs.writeFileSync(this.file, seed_file);
    this.hub.flags = ['--seed', this.file];
    await this.hub.start();
    this.rest = new Rest(this.hub.connection_string(), { plain_port: ports.http });
    this.url = `http://${this.hub.address}:${ports.ops}`;
    this.clients = new Map();
    this.snapshots = new Map();  // by name: { state, bytes }
    this.counts = {};
    await this.plant();
    return this;
  }

  remove() {
    this.rest.close();
    this.hub.remove();
    fs.rmSync(this.file, { force: true });
  }

  // The hub has planted its seed: from now on every reset brings back these very bytes.
  async plant() {
    this.seed = { state: await adopt(this.rest, this.url, seed_ids.length), bytes: (await read(this.rest)).bytes };
    const { ids, configurations, jobs, log } = this.seed.state;
    assert.deepEqual([ids.sort(), configurations, jobs], [seed_ids, {}, []], 'the seed and nothing else');
    assert.deepEqual(log, Object.fromEntries(seed_ids.map((id) => [id, ['createDeviceIdentity']])), 'the seed and nothing else');
    for (const id of seed_ids) assert.deepEqual(this.seed.state.devices[id].twin.tags, { of: 'seed' });
    this.become(this.seed);
  }

  become({ state }) { this.state = state.copy(); }

  // A sequence of its own: nothing of those before it is there.
  async begin(random) {
    this.random = random;
    this.trace = [];
    this.number = 0;
    for (const name of this.snapshots.keys()) await this.order('DELETE', `snapshots/${name}`);
    this.snapshots.clear();
    await this.reset('seed');
  }

  pick(list) { return list[this.random.between(0, list.length - 1)]; }
  some_id() { return this.pick(this.state.ids); }
  fresh(what) { return `${what}-${this.number += 1}`; }

  check({ log = true } = {}) { return check(this.rest, this.url, this.state, { log }); }

  async order(method, target) {
    // A connection of its own: none is kept over the hub's end.
    const { status, text } = await new Promise((resolve, reject) => {
      const request = http.request(`${this.url}/control/${target}`, { method, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk) => { body += chunk; });
        response.on('end', () => resolve({ status: response.statusCode, text: body }));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end();
    });
    assert.equal(status, 200, `${method} ${target}: ${text}`);
    return JSON.parse(text);
  }

  async ok(answering, status = 200) {
    const answer = await answering;
    assert.equal(answer.status, status, answer.text);
    return answer.json;
  }

  // The hub has closed every connection, or is gone.
  async connections_ended() {
    this.rest.close();  // its agent may not have seen yet that the hub has closed what it keeps
    for (const client of this.clients.values()) {
      if (!client.closed) await within('the end of a connection', new Promise((resolve) => { client.once('close', resolve); }));
    }
    this.clients.clear();
  }

  async client(id) {
    if (this.clients.has(id)) return this.clients.get(id);
    const device = this.state.devices[id];
    const { primaryKey } = device.identity.authentication.symmetricKey;
    const client = new MqttClient({ host: this.hub.address, id, key: primaryKey, port: ports.mqtt });
    this.clients.set(id, client);
    assert.deepEqual(await client.connect(), { session_present: device.has_session ? 1 : 0, return_code: 0 }, `session of ${id}`);
    await client.subscribe(topics.response);
    device.has_session = true;
    return client;
  }

  async reset(to) {
    assert.equal((await this.order('POST', `reset?to=${to}`)).state, to);
    await this.now_is(this.state_of(to));
  }

  // What an order leads to: 'seed', 'empty', or a snapshot's name.
  state_of(to) {
    if (to === 'seed') return this.seed;
    return to === 'empty' ? { state: empty(this.seed.state), bytes: [[], [], [], []] } : this.snapshots.get(to);
  }

  async now_is(to) {
    await this.connections_ended();
    this.become(to);
    assert.deepEqual((await this.check()).bytes, to.bytes, 'bytes');
  }

  // An end without a warning, and a start. A hub without a device plants its seed.
  async restart() {
    await this.hub.kill();
    await this.connections_ended();
    await this.hub.start();
  }

  async kill() {
    const is_empty = this.state.ids.length === 0;
    await this.restart();
    if (is_empty) await this.planted_anew();
  }

  async planted_anew() {
    const { configurations, jobs, log } = this.state;
    const count = Object.values(log).flat().length + seed_ids.length;
    const found = await adopt(this.rest, this.url, count);
    assert.deepEqual(found.ids.sort(), seed_ids);
    assert.deepEqual([found.configurations, [...found.jobs]], [configurations, [...jobs].sort()], 'what is no device is as it was');
    this.state = found;
    // What is planted anew has keys of the seed and etags of its own. A reset has this or the earlier one, with nothing besides.
    await this.order('POST', 'reset');
    await this.connections_ended();
    await this.plant();
  }
}

function empty(state) {
  const bare = state.copy();
  Object.assign(bare, { devices: {}, configurations: {}, jobs: [], log: {} });
  return bare;
}

const operations = {
  async create(world) {
    const id = world.fresh('device');
    const identity = await world.ok(world.rest.create_device(id));
    delete identity.connectionState;
    delete identity.connectionStateUpdatedTime;
    delete identity.lastActivityTime;
    const twin = without_moments(await world.ok(world.rest.get(`/twins/${id}`)));
    assert.deepEqual([twin.version, twin.tags, twin.properties], [2, {}, { desired: { $version: 1 }, reported: { $version: 1 } }]);
    world.state.add(identity, twin);
    world.state.logged(id, 'createDeviceIdentity');
  },

  async remove(world, id) {
    await world.ok(world.rest.delete(`/devices/${id}`), 204);
    world.state.remove(id);
    const client = world.clients.get(id);
    world.clients.delete(id);
    if (client && !client.closed) await within('the end of its connection', new Promise((resolve) => { client.once('close', resolve); }));
  },

  // Each section with a value that it has not had: a patch that changes nothing gives no version.
  async patch(world, id, if_match) {
    const section = () => ({ count: world.fresh('value'), mode: world.pick([null, 1, 'text', { inner: world.number }]) });
    const sections = { tags: world.pick([undefined, section()]), desired: section() };
    const body = { tags: sections.tags, properties: { desired: sections.desired } };
    const { etag } = await world.ok(world.rest.patch(`/twins/${id}`, body, { if_match }));
    world.state.patch(id, sections, etag);
  },

  async patch_if_match(world, id) {
    const { etag } = world.state.devices[id].twin;
    await operations.patch(world, id, `"${etag}"`);
    await world.ok(world.rest.patch(`/twins/${id}`, { tags: { never: 1 } }, { if_match: `"${etag}"` }), 412);
  },

  async report(world, id) {
    const client = await world.client(id);
    const patch = { state: world.pick([null, 'on', { inner: 1 }]), count: world.fresh('value') };
    const { status, version } = await client.patch_reported(patch);
    assert.deepEqual([status, version], [204, world.state.report(id, patch)]);
  },

  async telemetry(world, id) {
    const client = await world.client(id);
    const body = world.fresh('message');
    await within('PUBACK', client.publish(`devices/${id}/messages/events/`, body, 1));
    world.state.logged(id, `=${body}`);
  },

  async send(world, id) {
    const body = world.fresh('command');
    await world.ok(world.rest.request('POST', `/devices/${id}/messages/deviceBound`, { body }), 204);
    world.state.send(id, body);
  },

  async receive(world, id) {
    if (world.state.devices[id].waiting.length === 0) return void (await world.ok(world.rest.get(`/devices/${id}/messages/deviceBound`), 204));
    const { text, headers } = await world.rest.get(`/devices/${id}/messages/deviceBound`);
    assert.equal(text, world.state.devices[id].waiting[0]);
    await world.ok(world.rest.delete(`/devices/${id}/messages/deviceBound/${headers.etag.replaceAll('"', '')}`), 204);
    world.state.receive(id);
  },

  async configuration(world) {
    const id = world.pick(['one', 'two']);
    if (id in world.state.configurations) {
      await world.ok(world.rest.delete(`/configurations/${id}`), 204);
      delete world.state.configurations[id];
    } else {
      const content = { deviceContent: { 'properties.desired.of': id } };
      const { etag } = await world.ok(world.rest.put(`/configurations/${id}`, { id, schemaVersion: '1.0', content, targetCondition: '', priority: 1 }));
      world.state.configurations[id] = etag;
    }
  },

  async job(world) {
    const id = world.fresh('job');
    const hour_ms = 3_600_000;
    await world.ok(world.rest.put(`/jobs/v2/${id}`, {
      jobId: id, type: 'scheduleUpdateTwin', updateTwin: { etag: '*', tags: { never: 1 } }, queryCondition: "deviceId = 'pump'",
      startTime: new Date(Date.now() + hour_ms).toISOString(), maxExecutionTimeInSeconds: 60,
    }));
    world.state.jobs.push(id);
  },

  async save(world) {
    const name = world.pick(['red', 'green']);
    const { bytes } = await world.check({ log: false });
    await world.order('POST', `snapshots/${name}`);
    world.snapshots.set(name, { state: world.state.copy(), bytes });
  },

  async restore(world) {
    const name = world.pick([...world.snapshots.keys()]);
    assert.equal((await world.order('POST', `snapshots/${name}/restore`)).state, name);
    await world.now_is(world.snapshots.get(name));
  },

  async drop(world) {
    const name = world.pick([...world.snapshots.keys()]);
    await world.order('DELETE', `snapshots/${name}`);
    world.snapshots.delete(name);
  },

  reset: (world) => world.reset(world.pick(['seed', 'seed', 'empty'])),
  kill: (world) => world.kill(),

  // What planted the seed a second time is a hub that has more than the seed.
  async kill_without_devices(world) {
    await world.reset('empty');
    await operations.configuration(world);
    await operations.job(world);
    await world.kill();
  },

  // Writers do not wait for the order: what was acknowledged before it is gone, what was begun after its answer stays, what was
  // under way is there or not.
  async race(world) {
    const to = world.pick(['seed', ...world.snapshots.keys()]);
    let moment = 0;
    let ended = null;
    const writes = [];
    const writer = async () => {
      for (let after = 0; after < 2;) {
        const write = { id: world.fresh('raced'), begun: moment += 1 };
        writes.push(write);
        const answer = await world.rest.create_device(write.id).catch(() => null);
        if (answer) assert.ok([200, 503].includes(answer.status), answer.text);
        if (answer?.status === 200) write.acknowledged = moment += 1;
        if (ended !== null && write.begun > ended && write.acknowledged) after += 1;
      }
    };
    const writers = [writer(), writer(), writer()];
    await sleep(world.random.between(0, 5));
    const asked = moment += 1;
    await world.order('POST', to === 'seed' ? 'reset' : `snapshots/${to}/restore`);
    ended = moment += 1;
    await Promise.all(writers);
    await world.connections_ended();
    world.become(world.state_of(to));
    const found = await read(world.rest);
    for (const { id, begun, acknowledged = 0 } of writes) {
      const is_there = id in found.twins;
      if (acknowledged && acknowledged < asked) assert.ok(!is_there, `${id} was acknowledged before the order, and is there`);
      if (acknowledged && begun > ended) assert.ok(is_there, `${id} was acknowledged after the order, and is lost`);
      if (!is_there) continue;
      world.state.add(found.identities[id], found.twins[id]);
      world.state.logged(id, 'createDeviceIdentity');
    }
    await world.check();
  },

  // The hub is killed while it carries out an order: it has the state that it had, or the new one.
  async kill_in_order(world) {
    const to = world.pick(['seed', ...world.snapshots.keys()]);
    // At its start a hub without a device plants the seed (kill_without_devices).
    if (world.state.ids.length === 0 || world.state_of(to).state.ids.length === 0) return;
    const before = { state: world.state.copy(), bytes: (await world.check({ log: false })).bytes };
    // Whether the order was carried out is told by the bytes.
    if (JSON.stringify(before.bytes) === JSON.stringify(world.state_of(to).bytes)) return;
    const ordered = world.order('POST', to === 'seed' ? 'reset' : `snapshots/${to}/restore`).catch(() => {});
    await sleep(world.random.between(0, 60));
    await world.restart();
    await ordered;
    const { bytes } = await read(world.rest);
    const is_as_before = JSON.stringify(bytes) === JSON.stringify(before.bytes);
    await world.now_is(is_as_before ? before : world.state_of(to));
  },
};

// How often each comes; `needs` a device or a snapshot to be there.
const weights = [
  ['create', 40], ['remove', 8, 'device'], ['patch', 50, 'device'], ['patch_if_match', 10, 'device'], ['report', 30, 'device'],
  ['telemetry', 30, 'device'], ['send', 30, 'device'], ['receive', 15, 'device'], ['configuration', 10], ['job', 6], ['save', 30],
  ['restore', 30, 'snapshot'], ['drop', 4, 'snapshot'], ['reset', 15], ['race', 6], ['kill', 2], ['kill_without_devices', 1],
  ['kill_in_order', 2],
];

async function step(world) {
  const can = { device: world.state.ids.length > 0, snapshot: world.snapshots.size > 0 };
  const possible = weights.filter(([, , needs]) => !needs || can[needs]);
  let at = world.random.between(1, possible.reduce((sum, [, weight]) => sum + weight, 0));
  const [name, , needs] = possible.find(([, weight]) => (at -= weight) <= 0);
  const id = needs === 'device' ? world.some_id() : undefined;
  world.trace.push(id ? `${name} ${id}` : name);
  world.counts[name] = (world.counts[name] || 0) + 1;
  await operations[name](world, id);
}

test(`${sequences} random sequences leave the hub as the model says (TESTS_MODEL_SEED=${first_seed})`, async (t) => {
  const world = await new World().start();
  t.after(() => world.remove());
  for (let i = 0; i < sequences; ++i) {
    try {
      await world.begin(new Random(first_seed + i));
      for (let left = world.random.between(3, 12); left > 0; --left) await step(world);
      await world.check();
      if ((i + 1) % 100 === 0) process.stdout.write(`# ${i + 1} sequences: ${JSON.stringify(world.counts)}\n`);
    } catch (error) {
      error.message = `sequence ${i}, TESTS_MODEL_SEED=${first_seed + i}: ${world.trace.join(', ')}: ${error.message}`;
      throw error;
    }
  }
});
