// Backups under load, with kill -9 of the hub or of the command in the middle: what is there as a backup is whole, is one moment
// of twins and event log, holds everything acknowledged before it was ordered and nothing that was never sent; and a backup that was cut
// short does not disturb the next one. The same of a restore.
//   TESTS_CRASH_SEED (random; printed)   TESTS_CRASH_ROUNDS (at least 9)
'use strict';

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, test } = require('node:test');

const { EventLog } = require('../support/node/events');
const { Hub, binary, ports } = require('../support/node/hub');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { Random } = require('../support/node/random');
const { Rest } = require('../support/node/rest');
const { sleep, until } = require('../support/node/until');

const seed = Number(process.env.TESTS_CRASH_SEED || crypto.randomInt(1, 2 ** 31));
const rounds_min = Number(process.env.TESTS_CRASH_ROUNDS || 9);
const rounds_max = 10 * rounds_min;
const device_count = 4;
const ballast = { messages: 60, bytes: 200_000 };  // a backup takes long enough to be killed

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-backups-'));
const backups = path.join(folder, 'backups');
const hub = new Hub();
after(() => {
  hub.remove();
  fs.rmSync(folder, { recursive: true, force: true });
});

// Reports 1, 2, 3, ... and sends as many messages; only the kill ends it.
class Device {
  constructor({ deviceId, authentication }) {
    this.id = deviceId;
    this.key = authentication.symmetricKey.primaryKey;
    this.reported = { acknowledged: 0, sent: 0 };
    this.messages = { acknowledged: 0, sent: 0 };
  }

  async connect() {
    this.client = new MqttClient({ host: hub.address, id: this.id, key: this.key, port: ports.mqtt });
    await this.client.connect();
    await this.client.subscribe(topics.response);
    const { reported } = await this.client.get_twin();
    // What was sent and not acknowledged before the kill is there or not.
    const { n = 0 } = reported;
    assert.ok(n >= this.reported.acknowledged && n <= this.reported.sent, `${this.id}: ${n} of ${JSON.stringify(this.reported)}`);
    this.reported = { acknowledged: n, sent: n };
  }

  async load() {
    const { client } = this;
    const until_end = async (counts, send) => {
      try {
        while (!client.closed) {
          counts.sent += 1;
          const number = counts.sent;
          await send(number);
          counts.acknowledged = number;
        }
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
    };
    await Promise.all([
      until_end(this.reported, async (n) => assert.equal((await client.patch_reported({ n })).status, 204)),
      until_end(this.messages, (n) => client.publish(`devices/${this.id}/messages/events/`, `{"n":${n}}`, 1)),
    ]);
  }

  now() { return { reported: { ...this.reported }, messages: { ...this.messages } }; }
}

const names = () => (fs.existsSync(backups) ? fs.readdirSync(backups).filter((name) => name !== '.twinhub-unfinished') : []);
const where = () => [...hub.mode, '--data-dir', hub.data_dir, '--ops-listen', hub.address, '--ops-port', String(ports.ops)];

function start_backup() {
  const child = spawn(binary, ['backup', backups, ...where()], { stdio: ['ignore', 'pipe', 'pipe'] });
  const command = { child, output: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { command.output += chunk; });
  command.ended = new Promise((resolve) => { child.once('close', (code, signal) => resolve({ code, signal })); });
  return command;
}

async function backup_state() {
  const response = await fetch(`http://${hub.address}:${ports.ops}/backup`);
  return response.json();
}

// `from` was acknowledged before the backup was ordered, `to` was sent before its end.
async function verify(name, devices, from, to) {
  const checked = spawnSync(binary, ['check', path.join(backups, name)], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  const copy = new Hub();
  try {
    const ran = spawnSync(binary, ['restore', path.join(backups, name), '--data-dir', copy.data_dir], { encoding: 'utf8' });
    assert.equal(ran.status, 0, ran.stderr);
    const whole = spawnSync(binary, ['check', copy.data_dir], { encoding: 'utf8' });
    assert.equal(whole.status, 0, whole.stderr);
    const events = await new EventLog(copy).read();
    await copy.start();
    const rest = new Rest(copy.connection_string(), { plain_port: ports.http });
    for (const [i, device] of devices.entries()) {
      const { json: twin } = await rest.get(`/twins/${device.id}`);
      const { $version: version, n = 0 } = twin.properties.reported;
      assert.equal(version, n + 1, `${device.id}: version and content are of one write`);
      assert.ok(n >= from[i].reported.acknowledged && n <= to[i].reported.sent, `${device.id}: report ${n}, ${JSON.stringify([from[i], to[i]])}`);
      const own = events.filter((event) => event.device === device.id);
      assert.equal(own.filter(({ source }) => source === 'twin_change').length, n, `${device.id}: an event for each report`);
      const numbers = own.filter(({ source, body }) => source === 'telemetry' && body.startsWith('{')).map(({ body }) => JSON.parse(body).n);
      const newest = numbers.length ? numbers[numbers.length - 1] : 0;
      assert.ok(newest >= from[i].messages.acknowledged && newest <= to[i].messages.sent,
        `${device.id}: message ${newest}, ${JSON.stringify([from[i], to[i]])}`);
      assert.equal(numbers.length, new Set(numbers).size, `${device.id}: each message once`);
    }
    rest.close();
    await copy.stop();
  } finally {
    copy.remove();
  }
}

test(`a backup is whole or none over kills under load (TESTS_CRASH_SEED=${seed})`, async (t) => {
  const random = new Random(seed);
  const counts = { whole: 0, cut_short: 0, command_killed: 0 };
  await hub.start();
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  const devices = [];
  for (let n = 0; n < device_count; n += 1) devices.push(new Device((await rest.create_device(`d${n}`)).json));
  rest.close();

  let is_first = true;
  for (let round = 0; round < rounds_max; round += 1) {
    if (round >= rounds_min && counts.whole >= 3 && counts.cut_short >= 2 && counts.command_killed >= 1) break;
    for (const device of devices) await device.connect();
    if (is_first) {
      for (let n = 0; n < ballast.messages; n += 1)
        await devices[0].client.publish('devices/d0/messages/events/', Buffer.concat([Buffer.from('ballast'), crypto.randomBytes(ballast.bytes)]), 1);
    }
    is_first = false;
    const load = devices.map((device) => device.load());
    const start = devices.map((device) => device.reported.acknowledged);
    await until('a load', () => devices.every((device, i) => device.reported.acknowledged > start[i] + 5));

    const before = new Set(names());
    const from = devices.map((device) => device.now());
    const command = start_backup();
    const kind = ['let it end', 'kill the hub', 'kill the command'][round % 3];
    if (kind === 'let it end') {
      assert.deepEqual(await command.ended, { code: 0, signal: null }, command.output);
    } else {
      await Promise.race([command.ended, until('the hub has begun a backup', async () => (await backup_state()).state !== 'none', { every_ms: 1 })]);
      await Promise.race([command.ended, sleep(random.between(0, 150))]);
      if (kind === 'kill the command') {
        if (command.child.exitCode === null) counts.command_killed += 1;
        command.child.kill('SIGKILL');
        await command.ended;
        // The hub goes on with it.
        const state = await until('the end', async () => { const now = await backup_state(); return now.state !== 'running' && now; });
        assert.equal(state.state, 'done', JSON.stringify(state));
      }
    }
    await hub.kill();
    await Promise.all([...load, command.ended]);
    const to = devices.map((device) => device.now());

    const made = names().filter((name) => !before.has(name));
    assert.ok(made.length <= 1 && (made.length === 1 || kind === 'kill the hub'), `${kind}: ${made}`);
    counts.whole += made.length;
    counts.cut_short += 1 - made.length;
    for (const name of made) await verify(name, devices, from, to);
    if (made.length === 0) {
      const found = spawnSync(binary, ['check', backups], { encoding: 'utf8' });
      assert.equal(found.status, before.size > 0 ? 0 : 1, found.stdout + found.stderr);
    }
    await hub.start();
    assert.equal(fs.existsSync(path.join(hub.data_dir, 'backup-scratch')), false, 'a start clears away what a backup has left');
  }
  t.diagnostic(`seed ${seed}: ${JSON.stringify(counts)}`);
  assert.ok(counts.whole >= 3 && counts.cut_short >= 2 && counts.command_killed >= 1, JSON.stringify(counts));
  await hub.stop();
});

test(`a restore is whole or none over kills (TESTS_CRASH_SEED=${seed})`, async (t) => {
  const random = new Random(seed);
  const [name] = names();
  const restore = ['restore', path.join(backups, name), '--data-dir'];
  const run = (...args) => spawnSync(binary, args, { encoding: 'utf8' });
  const counts = { whole: 0, cut_short: 0 };
  const began = Date.now();
  assert.equal(run(...restore, path.join(folder, 'measured')).status, 0);
  const whole_ms = Date.now() - began;  // kills are spread over what a restore takes here
  fs.rmSync(path.join(folder, 'measured'), { recursive: true });
  for (let round = 0; round < rounds_max && counts.cut_short < 3; round += 1) {
    const into = path.join(folder, `restored-${round}`);
    const child = spawn(binary, [...restore, into], { stdio: 'ignore' });
    const ended = new Promise((resolve) => { child.once('close', resolve); });
    let running = true;
    ended.then(() => { running = false; });
    await until('it has begun', () => !running || fs.existsSync(path.join(into, 'restore-unfinished')), { every_ms: 1 });
    await Promise.race([ended, sleep(random.between(0, whole_ms))]);
    child.kill('SIGKILL');
    await ended;
    const is_whole = run('check', into).status === 0;
    if (!is_whole) {
      counts.cut_short += 1;
      // No hub starts on it; the same command again makes it whole.
      const started = run('serve', '--dev', '--data-dir', into, '--https-port', '0', '--mqtts-port', '0', '--amqps-port', '0', '--ops-port', '0');
      assert.equal(started.status, 1, started.stdout);
      assert.match(started.stderr, /a restore into .* was cut short/);
      const again = run(...restore, into);
      assert.equal(again.status, 0, again.stderr);
    } else {
      counts.whole += 1;
    }
    const checked = run('check', into);
    assert.equal(checked.status, 0, checked.stderr);
    fs.rmSync(into, { recursive: true });
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts.cut_short >= 3, JSON.stringify(counts));
});
