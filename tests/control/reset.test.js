// The hub's whole state, ordered by tests: reset to the seed, saved, put back to what it was. Devices are those of the SDKs.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { device: device_sdk, mqtt } = require('../support/node/azure');
const { Cli } = require('../support/node/cli');
const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Program } = require('../support/node/program');
const { Rest } = require('../support/node/rest');
const { until, within } = require('../support/node/until');

const key = Buffer.from('0123456789abcdef0123456789abcdef').toString('base64');
const seed = `
[[devices]]
id = "pump"
primaryKey = "${key}"
secondaryKey = "${key}"
tags = { room = "attic" }
desired = { interval = 5 }
[[devices]]
id = "valve"
primaryKey = "${key}"
secondaryKey = "${key}"
`;

// A hub that begins with the seed; `order` speaks to it under /control/.
async function start(t_after, { flags = [], hub: own = new Hub() } = {}) {
  const file = path.join(own.data_dir, '..', `${path.basename(own.data_dir)}.toml`);
  fs.writeFileSync(file, seed);
  own.flags = [...flags, '--seed', file];
  await own.start();
  const rest = new Rest(own.connection_string(), { plain_port: ports.http });
  const order = async (method, target, headers = {}) => {
    const answer = await fetch(`http://${own.address}:${ports.ops}/control/${target}`, { method, headers });
    const text = await answer.text();
    rest.close();  // its agent may not have seen yet that a reset has closed what it keeps
    return { status: answer.status, json: /json/.test(answer.headers.get('content-type')) ? JSON.parse(text) : text, headers: answer.headers };
  };
  const done = async (method, target) => {
    const { status, json } = await order(method, target);
    assert.equal(status, 200, JSON.stringify(json));
    return json;
  };
  t_after(() => {
    rest.close();
    own.remove();
    fs.rmSync(file, { force: true });
  });
  return { hub: own, rest, order, done, file };
}

// A request of a back end whose connection a reset may have closed meanwhile.
async function twin_of(rest, id) {
  const { status, json, text } = await rest.get(`/twins/${id}`);
  assert.equal(status, 200, text);
  return json;
}

let hub;
let rest;
let order;
let done;
const ends = [];
before(async () => { ({ hub, rest, order, done } = await start((end) => ends.push(end))); });
after(() => { for (const end of ends) end(); });

async function sdk_device(t, id, transport) {
  const client = device_sdk.Client.fromConnectionString(`HostName=${hub.address};DeviceId=${id};SharedAccessKey=${key}`, transport);
  t.after(() => client.close().catch(() => {}));
  client.on('error', () => {});
  await client.setOptions({ ca: fs.readFileSync(hub.ca_file, 'utf8') });
  await within('open', client.open());
  return client;
}

function expect_planted(twin, planted) {
  for (const member of ['etag', 'version', 'tags', 'properties']) assert.deepEqual(twin[member], planted[member], member);
}

test('a device over MQTT loses its connection at a reset and comes back to the seed', async (t) => {
  const planted = await twin_of(rest, 'pump');
  const client = await sdk_device(t, 'pump', mqtt);
  const twin = await within('twin', client.getTwin());
  twin.on('error', () => {});
  twin.on('properties.desired', () => {});
  await within('report', new Promise((resolve, reject) => {
    twin.properties.reported.update({ before: true }, (error) => (error ? reject(error) : resolve()));
  }));
  assert.equal((await done('POST', 'reset')).state, 'seed');
  expect_planted(await twin_of(rest, 'pump'), planted);
  await until('it is back', async () => {
    await client.sendEvent(new device_sdk.Message('back')).catch(() => {});
    return (await twin_of(rest, 'pump')).connectionState === 'Connected';
  }, { every_ms: 100, timeout_ms: 60_000 });
  // Its session is gone: the SDK subscribes to the twin with another client alone.
  await client.close();
  const again = await sdk_device(t, 'pump', mqtt);
  assert.equal((await within('twin', again.getTwin())).properties.reported.before, undefined);
});

test('a device over AMQP loses its connection at a reset, and the next one finds the seed', async (t) => {
  const planted = await twin_of(rest, 'valve');
  const connect = async () => {
    const device = new Program(process.execPath, [path.join(__dirname, 'amqp_device.js'),
      `HostName=${hub.address};DeviceId=valve;SharedAccessKey=${key}`, hub.ca_file, '{"before":true}']);
    t.after(() => device.kill());
    const { found } = JSON.parse(await device.line('its twin', (line) => line.includes('found')));
    assert.deepEqual(found, {});
    await device.line('its report', (line) => line.includes('reported'));
    return device;
  };
  const connections = async () => (await hub.metrics()).twinhub_amqp_connections;
  const first = await connect();
  assert.equal(await connections(), 1);
  await done('POST', 'reset');
  first.kill();
  expect_planted(await twin_of(rest, 'valve'), planted);
  assert.equal(await connections(), 0);
  (await connect()).kill();
});

test('a socket ends with a FIN, a wait and a stream of events with their ends, and the port takes connections all the while', async () => {
  const device = new MqttClient({ host: hub.address, id: 'pump', key, port: ports.mqtt });
  await device.connect();
  const ended = new Promise((resolve) => {
    device.socket.on('end', () => resolve('end'));
    device.socket.on('error', resolve);
  });
  const wait = order('GET', 'wait?device=pump&condition=tags.never%20%3D%201&timeout=59m');
  const stream = await fetch(`http://${hub.address}:${ports.ops}/events?from=start`);
  const read = stream.text().catch(() => '');
  const waiting = net.connect(ports.mqtt, hub.address);
  waiting.on('error', () => {});
  await done('POST', 'reset');
  assert.equal(await within('the end', ended), 'end');
  assert.equal((await within('the wait', wait)).status, 503);
  await within('the stream', read);
  waiting.destroy();
});

test('nothing is left after a reset: no session, message, job, event, notice, device', async () => {
  const made = await rest.put('/devices/stray', { deviceId: 'stray' });
  assert.equal(made.status, 200);
  const device = new MqttClient({ host: hub.address, id: 'pump', key, port: ports.mqtt });
  assert.equal((await device.connect()).session_present, 0);
  await device.subscribe('devices/pump/messages/devicebound/#');
  device.disconnect();
  await until('it has left', async () => (await twin_of(rest, 'pump')).connectionState === 'Disconnected');
  assert.equal((await rest.request('POST', '/devices/pump/messages/deviceBound', { body: 'waits' })).status, 204);
  const job = { jobId: 'j1', type: 'scheduleUpdateTwin', updateTwin: { etag: '*', tags: { done: true } }, queryCondition: "deviceId = 'pump'",
    startTime: new Date().toISOString(), maxExecutionTimeInSeconds: 60 };
  assert.equal((await rest.put('/jobs/v2/j1', job)).status, 200);
  const stranger = new MqttClient({ host: hub.address, id: 'pump', key: Buffer.from('wrong').toString('base64'), port: ports.mqtt });
  await stranger.connect().catch(() => {});
  stranger.destroy();
  const notices = async () => (await (await fetch(`http://${hub.address}:${ports.ops}/connections`)).json());
  await until('a notice', async () => JSON.stringify(await notices()).includes('pump'));

  await done('POST', 'reset');
  assert.ok(!JSON.stringify(await notices()).includes('pump'), JSON.stringify(await notices()));
  assert.equal((await rest.get('/devices/stray')).status, 404);
  assert.equal((await rest.get('/jobs/v2/j1')).json.status, 'unknown');
  assert.equal((await rest.get('/devices/pump')).json.cloudToDeviceMessageCount, 0);
  const again = new MqttClient({ host: hub.address, id: 'pump', key, port: ports.mqtt });
  assert.equal((await again.connect()).session_present, 0);
  again.disconnect();
  assert.equal((await rest.put('/devices/first', { deviceId: 'first' })).status, 200);
  const stream = await fetch(`http://${hub.address}:${ports.ops}/events?from=start&device=stray`);
  const reader = stream.body.getReader();
  // Of the device that was there before there is not even its creation.
  const made_again = Date.now();
  assert.equal((await rest.put('/devices/stray', { deviceId: 'stray' })).status, 200);
  let text = '';
  await until('an event', async () => {
    text += Buffer.from((await within('bytes', reader.read())).value ?? []).toString();
    return text.includes('\n\n') && text.includes('stray');
  }, { every_ms: 0 });
  await reader.cancel();
  const { enqueuedTime } = JSON.parse(text.match(/^data: (.*)$/m)[1]);
  assert.ok(Date.parse(enqueuedTime) >= made_again, text);
});

test('a restore brings back versions, etags and keys as they were, and a snapshot outlives what comes after it', async () => {
  await done('POST', 'reset');
  assert.equal((await rest.patch('/twins/pump', { tags: { room: 'cellar' }, properties: { desired: { interval: 7 } } })).status, 200);
  const all = async () => (await rest.request('POST', '/devices/query', { body: { query: 'SELECT * FROM devices' } })).json;
  const identity = async () => (await rest.get('/devices/pump')).json;
  const [twins, pump] = [await all(), await identity()];
  const saved = await done('POST', 'snapshots/cellar');
  assert.equal(saved.name, 'cellar');
  assert.ok(saved.bytes > 0 && Math.abs(Date.parse(saved.made) - Date.now()) < 60_000, JSON.stringify(saved));

  for (const round of [1, 2]) {
    for (let i = 0; i < 5; ++i) assert.equal((await rest.patch('/twins/pump', { properties: { desired: { interval: i * round } } })).status, 200);
    assert.equal((await rest.delete('/devices/valve')).status, 204);
    assert.equal((await rest.put('/devices/late', { deviceId: 'late' })).status, 200);
    assert.equal((await done('POST', 'snapshots/cellar/restore')).state, 'cellar');
    assert.deepEqual(await all(), twins, `round ${round}`);
    assert.deepEqual(await identity(), pump, `round ${round}`);
  }
  // A later write goes on from there, and a restart has what was restored.
  assert.equal((await rest.patch('/twins/pump', { tags: { more: 1 } })).json.version, twins.find(({ deviceId }) => deviceId === 'pump').version + 1);
  const before_restart = await all();
  await hub.kill();
  await hub.start();
  assert.deepEqual(await all(), before_restart);

  await done('POST', 'snapshots/other');
  assert.deepEqual((await done('GET', 'snapshots')).snapshots.map(({ name }) => name), ['cellar', 'other']);
  await done('DELETE', 'snapshots/other');
  assert.deepEqual((await done('GET', 'snapshots')).snapshots.map(({ name }) => name), ['cellar']);
  await done('POST', 'reset?to=empty');
  assert.deepEqual(await all(), []);
  await done('POST', 'snapshots/cellar/restore');
  assert.deepEqual(await all(), twins);
});

test('what cannot be ordered is refused in words, and two orders at once are not carried out at once', async () => {
  for (const [method, target, status, words] of [
    ['GET', 'reset', 405, /POST/],
    ['POST', 'reset?to=moon', 400, /to=seed/],
    ['POST', 'snapshots', 405, /GET/],
    ['PUT', 'snapshots/a', 405, /POST, DELETE/],
    ['DELETE', 'snapshots/a/restore', 405, /POST/],
    ['POST', 'snapshots/none/restore', 404, /no snapshot none/],
    ['DELETE', 'snapshots/none', 404, /no snapshot none/],
    ['POST', 'snapshots/a%2Fb', 400, /name/],
    ['POST', 'snapshots/.seed', 400, /name/],
    ['POST', 'snapshots/.seed/restore', 400, /name/],
    ['POST', `snapshots/${'a'.repeat(65)}`, 400, /name/],
    ['POST', 'snapshots/a?b=1', 400, /parameters/],
    ['POST', 'snapshots/', 400, /name/],
    ['POST', 'else', 404, /control\/reset/],
  ]) {
    const { status: got, json } = await order(method, target);
    assert.equal(got, status, `${method} ${target}: ${JSON.stringify(json)}`);
    assert.match(json.error, words, `${method} ${target}`);
  }
  assert.equal((await order('POST', 'reset', { 'sec-fetch-site': 'cross-site' })).status, 403);
  const both = await Promise.all(Array.from({ length: 4 }, () => order('POST', 'reset')));
  assert.ok(both.some(({ status }) => status === 200));
  for (const { status, json } of both) assert.ok(status === 200 || (status === 409 && /under way/.test(json.error)), JSON.stringify(json));
  assert.equal(await hub.ops_status('/readyz'), 200);
});

test('a seed that was written anew is what the next reset has; one that cannot be read changes nothing', async (t) => {
  const own = await start((end) => t.after(end));
  fs.writeFileSync(own.file, `${seed}[[devices]]\nid = "third"\n`);
  await own.done('POST', 'reset');
  assert.equal((await own.rest.get('/devices/third')).status, 200);
  const { etag } = await twin_of(own.rest, 'third');
  fs.writeFileSync(own.file, '[[devices]]\nid = ');
  const { status, json } = await own.order('POST', 'reset');
  assert.equal(status, 400, JSON.stringify(json));
  assert.match(json.error, /--seed: /);
  assert.equal((await twin_of(own.rest, 'third')).etag, etag);
  fs.rmSync(own.file);
  assert.equal((await own.order('POST', 'reset')).status, 400);
  // What the hub refuses of a seed that can be read is half planted by then; the next start knows nothing of it.
  fs.writeFileSync(own.file, '[[devices]]\nid = "good"\n[[devices]]\nid = "bad"\nstatus = "off"\n');
  assert.match((await own.order('POST', 'reset')).json.error, /--seed: bad/);
  await own.hub.kill();
  await own.hub.start();
  own.rest.close();
  assert.equal((await twin_of(own.rest, 'third')).etag, etag);
  assert.equal((await own.rest.get('/devices/good')).status, 404);
});

test('what a reload has taken holds over a reset', async (t) => {
  const own = new Hub();
  const settings = path.join(own.data_dir, 'settings.toml');
  fs.writeFileSync(settings, '[log]\nlevel = "info"\n');
  const { done: of_own } = await start((end) => t.after(end), { hub: own, flags: ['--config', settings] });
  fs.writeFileSync(settings, '[log]\nlevel = "warn"\n');
  const reload = () => run(new Cli(own), 'reload');
  assert.match((await reload()).stdout, /log\.level/);
  await of_own('POST', 'reset');
  const again = await reload();
  assert.equal(again.status, 0, again.stderr);
  assert.doesNotMatch(again.stdout, /log\.level|_port/);
});

async function run(cli, ...args) {
  const command = cli.start_command(...args);
  const status = await command.ended;
  return { status, stdout: command.lines.join('\n'), stderr: command.errors };
}

test('the same as commands', async () => {
  const cli = new Cli(hub);
  const ok = async (...args) => {
    const ran = await run(cli, ...args);
    assert.equal(ran.status, 0, ran.stderr);
    return ran.stdout;
  };
  assert.match(await ok('reset'), /its seed/);
  assert.match(await ok('snapshot', 'save', 'by-hand'), /by-hand: saved/);
  assert.match(await ok('snapshot', 'list'), /by-hand +\d{4}-/);
  assert.match(await ok('reset', '--empty'), /empty/);
  assert.equal(JSON.parse(await ok('snapshot', 'restore', 'by-hand', '--json')).state, 'by-hand');
  assert.equal((await twin_of(rest, 'pump')).tags.room, 'attic');
  assert.match(await ok('snapshot', 'delete', 'by-hand'), /deleted/);
  const gone = await run(cli, 'snapshot', 'restore', 'by-hand');
  assert.equal(gone.status, 4);
  assert.match(gone.stderr, /no snapshot by-hand/);
});

const descriptors = (of) => fs.readdirSync(`/proc/${of.process.pid}/fd`).length;

const resets_in_a_row = Number(process.env.TESTS_RESETS || 25);

test(`${resets_in_a_row} resets cost no descriptor and no memory`, async (t) => {
  const own = await start((end) => t.after(end));
  const resets = async (count) => { for (let i = 0; i < count; ++i) await own.done('POST', 'reset'); };
  await resets(15);
  const [open, rss] = [descriptors(own.hub), own.hub.rss_kib()];
  await resets(resets_in_a_row);
  // A connection to the operations port that is still being closed is one more.
  await until('the descriptors are as many', () => descriptors(own.hub) <= open);
  assert.ok(own.hub.rss_kib() < rss + 32 * 1024, `${rss} KiB became ${own.hub.rss_kib()}`);
});

test('a hub that is killed in the middle of orders has one state or the other', async (t) => {
  const own = await start((end) => t.after(end));
  const states = [];
  for (const name of ['one', 'two']) {
    await own.done('POST', 'reset');
    for (let i = 0; i < 5; ++i) assert.equal((await own.rest.put(`/devices/${name}-${i}`, { deviceId: `${name}-${i}` })).status, 200);
    await own.done('POST', `snapshots/${name}`);
    states.push(name);
  }
  const ids = async () => (await own.rest.request('POST', '/devices/query', { body: { query: 'SELECT deviceId FROM devices' } })).json.map(({ deviceId }) => deviceId).sort();
  const whole = { seed: ['pump', 'valve'], ...Object.fromEntries(states.map((name) => [name, [0, 1, 2, 3, 4].map((i) => `${name}-${i}`).concat('pump', 'valve').sort()])) };
  for (let round = 0; round < 10; ++round) {
    let ended = false;
    const orders = (async () => {
      for (let i = round; !ended; ++i) await own.order('POST', ['snapshots/one/restore', 'reset', 'snapshots/two/restore'][i % 3]).catch(() => {});
    })();
    await new Promise((resolve) => { setTimeout(resolve, Math.random() * 150); });
    ended = true;
    await own.hub.kill();
    await orders;
    await own.hub.start();
    const found = await ids();
    assert.ok(Object.values(whole).some((each) => JSON.stringify(each) === JSON.stringify(found)), JSON.stringify(found));
    for (const left of ['db.next', 'db.old', 'snapshots/.unfinished']) assert.ok(!fs.existsSync(path.join(own.hub.data_dir, left)), left);
  }
});

test('a hub begins with a snapshot of another one, which it leaves as it is', async (t) => {
  const first = await start((end) => t.after(end));
  assert.equal((await first.rest.patch('/twins/pump', { tags: { room: 'cellar' } })).status, 200);
  const { etag } = await twin_of(first.rest, 'pump');
  await first.done('POST', 'snapshots/cellar');
  const folder = path.join(first.hub.data_dir, 'snapshots', 'cellar');

  const second = await start((end) => t.after(end), { flags: ['--from-snapshot', folder] });
  assert.equal((await twin_of(second.rest, 'pump')).etag, etag);
  assert.equal((await second.rest.patch('/twins/pump', { tags: { room: 'roof' } })).status, 200);
  await first.done('POST', 'snapshots/cellar/restore');
  assert.equal((await twin_of(first.rest, 'pump')).etag, etag);
  await second.hub.stop();
  await second.hub.start();
  assert.equal((await twin_of(second.rest, 'pump')).tags.room, 'roof', 'it has a store: the snapshot is left aside');

  const none = new Hub({ flags: ['--from-snapshot', path.join(first.hub.data_dir, 'nowhere')] });
  t.after(() => none.remove());
  none.spawn();
  assert.equal((await none.exited).code, 1);
  assert.match(none.log, /nowhere is no snapshot/);

  // A store that is damaged is not given up for the snapshot.
  await second.hub.stop();
  const current = path.join(second.hub.data_dir, 'db', 'CURRENT');
  const pointer = fs.readFileSync(current);
  fs.rmSync(current);
  second.hub.spawn();
  assert.equal((await within('the end of a hub with a damaged store', second.hub.exited)).code, 1);
  fs.writeFileSync(current, pointer);
  await second.hub.start();
  assert.equal((await twin_of(second.rest, 'pump')).tags.room, 'roof');
});

test('with nothing on disk a reset works, and there are no snapshots; with control off there are no orders', async (t) => {
  const memory = await start((end) => t.after(end), { flags: ['--durability', 'memory'] });
  assert.equal((await memory.rest.put('/devices/stray', { deviceId: 'stray' })).status, 200);
  await memory.done('POST', 'reset');
  assert.equal((await memory.rest.get('/devices/stray')).status, 404);
  assert.equal((await memory.rest.get('/devices/pump')).status, 200);
  const refused = await memory.order('POST', 'snapshots/a');
  assert.equal(refused.status, 409);
  assert.match(refused.json.error, /memory/);
  await memory.hub.stop();

  const off = await start((end) => t.after(end), { flags: ['--control', 'off'] });
  for (const [method, target] of [['POST', 'reset'], ['POST', 'snapshots/a'], ['POST', 'snapshots/a/restore'], ['DELETE', 'snapshots/a'], ['GET', 'snapshots'], ['GET', 'reset']]) {
    assert.equal((await off.order(method, target)).status, 404, `${method} ${target}`);
  }
  assert.equal((await run(new Cli(off.hub), 'reset')).status, 1);
  assert.equal((await twin_of(off.rest, 'pump')).tags.room, 'attic');
  assert.ok(!fs.existsSync(path.join(off.hub.data_dir, 'snapshots')));
  await off.hub.stop();
});
