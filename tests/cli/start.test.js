// A hub that a test starts for itself: ports that the system chooses, a file that says when it serves and where, devices that
// are there from the first moment on.
'use strict';

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { afterEach, test } = require('node:test');

const { scratch } = require('../support/node/cli');
const { binary } = require('../support/node/hub');
const { until } = require('../support/node/until');

const any_port = ['mqtts', 'amqps', 'https', 'mqtt', 'amqp', 'http', 'ops'].flatMap((door) => [`--${door}-port`, 'auto']);

// What a ready file says; null when there is none.
function said_by(ready_file) {
  try {
    return JSON.parse(fs.readFileSync(ready_file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return null;
  }
}

// A test that fails leaves hubs behind. This comes before its own hooks, of which one removes the folder: that fails while a hub
// writes to it, and the hooks behind it are left out then.
const children = new Set();
afterEach(async () => {
  for (const { child, ended } of children) {
    child.kill('SIGKILL');
    await ended;
  }
  children.clear();
});

// A process of `twinhub serve`; `started` settles with what the ready file says. `before`: words in front of the command.
function serve(t, folder, flags, before = []) {
  const ready_file = path.join(folder, 'ready.json');
  const data_dir = path.join(folder, 'data');
  const [command, ...words] = [...before, binary, 'serve', '--dev', '--data-dir', data_dir, ...any_port, '--ready-file', ready_file, ...flags];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const hub = { data_dir, ready_file, log: '', child };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { hub.log += chunk; });
  hub.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  hub.started = until('the ready file', () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(hub.log);
    return said_by(ready_file);
  }, { every_ms: 10 });
  hub.started.catch(() => {});
  // What is logged comes by another way than the ready file.
  hub.logs = (line) => until(`the log says ${line}`, () => line.test(hub.log), { every_ms: 10 });
  hub.stop = async (signal = 'SIGTERM') => { child.kill(signal); return hub.ended; };
  hub.ask = (...args) => {
    const ran = spawnSync(binary, [...args, '--data-dir', data_dir], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(ran.status, 0, ran.stderr);
    return ran.stdout;
  };
  children.add(hub);
  return hub;
}

const is_taken = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('connect', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

test('ports that are "auto" are free ones, two hubs run side by side, and hub.json and the ready file name them', async (t) => {
  const hubs = [serve(t, scratch(t), []), serve(t, scratch(t), [])];
  const ports = [];
  for (const hub of hubs) {
    const said = await hub.started;
    assert.deepEqual(JSON.parse(fs.readFileSync(path.join(hub.data_dir, 'hub.json'), 'utf8')), said);
    assert.equal(said.pid, hub.child.pid);
    for (const door of ['mqtts', 'amqps', 'https', 'mqtt', 'amqp', 'http', 'ops']) {
      const port = said[`${door}_port`];
      assert.ok(port > 0 && await is_taken(port), `${door}: ${port}`);
      ports.push(port);
    }
    assert.match(hub.ask('device', 'create', 'd1'), new RegExp(`^HostName=[^;]+:${said.mqtts_port};DeviceId=d1;`));
    assert.match(hub.ask('connection-string', '--events'), new RegExp(`:${said.amqps_port}/`));
    assert.equal(hub.ask('health'), 'ready\n');
    await hub.logs(new RegExp(`is ready: mqtts://127\\.0\\.0\\.1:${said.mqtts_port}, `));
    const variables = spawnSync(binary, ['health', '--data-dir', hub.data_dir], { encoding: 'utf8', env: { PATH: process.env.PATH, TWINHUB_OPS_PORT: 'auto' } });
    assert.equal(variables.stdout, 'ready\n', 'the settings that the hub was started with are those of the commands, too');
    const reloaded = hub.ask('reload');
    assert.doesNotMatch(reloaded, /_port/, 'a reload finds no other ports');
  }
  assert.equal(new Set(ports).size, ports.length);
  for (const hub of hubs) assert.equal((await hub.stop()).code, 0);
});

test('the ready file is there while the hub serves, and a hub that was killed leaves none that lies', async (t) => {
  const folder = scratch(t);
  const first = serve(t, folder, []);
  await first.started;
  // Who cannot have the folder does not touch the file either.
  const second = serve(t, folder, []);
  assert.equal((await second.ended).code, 1);
  assert.equal(JSON.parse(fs.readFileSync(first.ready_file, 'utf8')).pid, first.child.pid);
  await first.stop('SIGKILL');
  assert.ok(fs.existsSync(first.ready_file));
  const third = serve(t, folder, []);
  await until('its own file', () => said_by(third.ready_file)?.pid === third.child.pid);
  assert.equal((await third.stop()).code, 0);
  assert.equal(fs.existsSync(third.ready_file), false);
});

test('--dev says so when any of its doors is open to other machines', async (t) => {
  const hub = serve(t, scratch(t), ['--plain-listen', '0.0.0.0']);
  await hub.started;
  await hub.logs(/DEV MODE: .*; OTHER MACHINES REACH IT ON 0\.0\.0\.0: they own this hub/);
  await hub.stop();
});

const seed_toml = `
[[devices]]
id = "pump-1"
primaryKey = "MDEyMzQ1Njc4OWFiY2RlZg=="
tags = { room = "attic" }
desired = { interval = 5 }
[[devices.modules]]
id = "camera"
desired = { zoom = 2 }
`;

test('a hub that keeps its store in memory alone is asked for the keys of a device', async (t) => {
  const folder = scratch(t);
  const seed = path.join(folder, 'seed.toml');
  fs.writeFileSync(seed, seed_toml);
  const hub = serve(t, folder, ['--durability', 'memory', '--seed', seed]);
  await hub.started;
  assert.match(hub.ask('connection-string', '--device', 'pump-1'), /SharedAccessKey=MDEyMzQ1Njc4OWFiY2RlZg==/);
  assert.match(hub.ask('connection-string', '--device', 'pump-1', '--module', 'camera'), /;ModuleId=camera;/);
  assert.match(hub.ask('token', '--device', 'pump-1'), /^SharedAccessSignature sr=[^&]+pump-1&/);
  await hub.stop();
});

test('a seed is there when the hub serves: keys, tags, properties and modules; later starts leave the hub as it is', async (t) => {
  const folder = scratch(t);
  const seed = path.join(folder, 'seed.toml');
  fs.writeFileSync(seed, seed_toml);
  let hub = serve(t, folder, ['--seed', seed]);
  await hub.started;
  assert.match(hub.ask('connection-string', '--device', 'pump-1'), /SharedAccessKey=MDEyMzQ1Njc4OWFiY2RlZg==/);
  const twin = JSON.parse(hub.ask('twin', 'show', 'pump-1', '--json'));
  assert.deepEqual([twin.tags, twin.properties.desired.interval], [{ room: 'attic' }, 5]);
  assert.equal(JSON.parse(hub.ask('twin', 'show', 'pump-1', '--module', 'camera', '--json')).properties.desired.zoom, 2);
  hub.ask('twin', 'set', 'pump-1', 'desired.interval=6');
  await hub.stop();
  hub = serve(t, folder, ['--seed', seed]);
  await hub.started;
  assert.equal(JSON.parse(hub.ask('twin', 'show', 'pump-1', '--json')).properties.desired.interval, 6);
  await hub.stop();
});

test('a folder of seeds is taken whole, in any of the formats of import, in the order of the names', async (t) => {
  const folder = scratch(t);
  const seeds = path.join(folder, 'seeds');
  fs.mkdirSync(seeds);
  const lines = Array.from({ length: 250 }, (_, i) => JSON.stringify({ id: `line-${i}`, status: 'enabled', authentication: { type: 'sas' } }));
  fs.writeFileSync(path.join(seeds, '1-devices.txt'), lines.join('\n'));
  fs.writeFileSync(path.join(seeds, '2.json'), JSON.stringify({ devices: [{ id: 'line-7', tags: { later: true } }, { id: 'of-json' }] }));
  fs.writeFileSync(path.join(seeds, '3.toml'), seed_toml);
  fs.writeFileSync(path.join(seeds, '.hidden'), 'no seed at all');
  const hub = serve(t, folder, ['--seed', seeds]);
  await hub.started;
  assert.equal(JSON.parse(hub.ask('query', 'SELECT COUNT() AS n FROM devices', '--json'))[0].n, 252);
  assert.deepEqual(JSON.parse(hub.ask('twin', 'show', 'line-7', '--json')).tags, { later: true });
  await hub.stop();
});

test('a seed with a fault keeps the hub from starting, in words, with nothing written; put right, it goes on', async (t) => {
  const folder = scratch(t);
  const seed = path.join(folder, 'seed.txt');
  const good = JSON.stringify({ id: 'a' });
  const refused_by_the_hub = /--seed: .*a b/;
  for (const [text, reason] of [
    [`${good}\n{"id":`, /seed\.txt, line 2: it is no JSON/],
    ['how to use these\n', /seed\.txt, line 1: it is no JSON/],
    [`${good}\n{"id":"a b"}`, refused_by_the_hub],
    [null, /seed\.txt cannot be read/],
    ['pipe', /seed\.txt cannot be read: it is no file and no folder/],
  ]) {
    if (text === null || text === 'pipe') fs.rmSync(seed, { force: true });
    if (text === 'pipe') spawnSync('mkfifo', [seed]);
    else if (text !== null) fs.writeFileSync(seed, text);
    const checked = spawnSync(binary, ['config', '--check', '--dev', '--data-dir', path.join(folder, 'data'), '--seed', seed], { encoding: 'utf8' });
    if (reason !== refused_by_the_hub) assert.match(checked.stdout + checked.stderr, reason);
    const hub = serve(t, folder, ['--seed', seed]);
    assert.equal((await hub.ended).code, 1);
    assert.match(hub.log, reason);
    assert.equal(fs.existsSync(hub.ready_file), false);
  }
  fs.rmSync(seed);
  fs.writeFileSync(seed, `${good}\n{"id":"b"}`);
  const hub = serve(t, folder, ['--seed', seed]);
  await hub.started;
  assert.equal(JSON.parse(hub.ask('query', 'SELECT COUNT() AS n FROM devices', '--json'))[0].n, 2);
  assert.equal(fs.existsSync(path.join(hub.data_dir, 'db', 'seeding')), false);
  await hub.stop();
});

test('a hub that is killed while it sows has the whole seed after its next start', async (t) => {
  const folder = scratch(t);
  const seed = path.join(folder, 'seed.txt');
  const count = 20_000;
  fs.writeFileSync(seed, Array.from({ length: count }, (_, i) => JSON.stringify({ id: `d${i}`, tags: { number: i } })).join('\n'));
  const mark = path.join(folder, 'data', 'db', 'seeding');
  const killed = serve(t, folder, ['--seed', seed], ['nice', '-n', '19']);  // on a busy machine, too, the test is the faster one
  await until('it sows', () => fs.existsSync(mark), { every_ms: 2 });
  await killed.stop('SIGKILL');
  assert.ok(fs.existsSync(mark), 'it was killed before the end');
  const hub = serve(t, folder, ['--seed', seed]);
  await hub.started;
  assert.equal(JSON.parse(hub.ask('query', 'SELECT COUNT() AS n FROM devices', '--json'))[0].n, count);
  assert.equal(JSON.parse(hub.ask('twin', 'show', `d${count - 1}`, '--json')).tags.number, count - 1);
  await hub.stop();
});
