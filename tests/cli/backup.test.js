// Backups from the command line: made through the running hub, checked, restored; the restored hub is the same hub.
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');

const { scratch } = require('../support/node/cli');
const { Certificates } = require('../support/node/certificates');
const { EventLog } = require('../support/node/events');
const { Hub, binary, ports } = require('../support/node/hub');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

const twinhub = (...args) => spawnSync(binary, args.map(String), { encoding: 'utf8', timeout: 120_000 });
const where = (hub) => [...hub.mode, '--data-dir', hub.data_dir, '--ops-listen', hub.address, '--ops-port', ports.ops];
const rest_of = (hub) => new Rest(hub.connection_string(), { plain_port: ports.http });

async function started(t, options) {
  const hub = new Hub(options);
  t.after(() => hub.remove());
  await hub.start();
  return hub;
}

// A hub on the newest backup in `backups`.
async function restored(t, backups, options) {
  const hub = new Hub(options);
  t.after(() => hub.remove());
  const ran = twinhub('restore', backups, '--data-dir', hub.data_dir);
  assert.strictEqual(ran.status, 0, ran.stderr);
  await hub.start();
  return hub;
}

function ask(hub, method, target, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: hub.address, port: ports.ops, method, path: target, agent: false, headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => { body += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

const parts_of_a_hub = (rest) => ['/devices?top=100', '/devices/d/modules', '/twins/d', '/twins/d/modules/camera', '/devices/x', '/twins/x',
  '/configurations?top=20', '/jobs/v2/tag', '/certificates'].map(async (name) => {
  const { status, json, headers } = await rest.get(name);
  assert.strictEqual(status, 200, name);
  return [name, json, headers.etag];
});

test('a restored hub is the same hub: identities, twins, etags, keys, sessions, jobs, C2D, configurations, CAs, policies, events', async (t) => {
  const backups = path.join(scratch(t), 'backups');
  const hub = await started(t, { dev: false, env: { TWINHUB_MANAGEMENT: 'on' } });
  const rest = rest_of(hub);
  const device = (await rest.create_device('d')).json;
  await rest.create_device('x', { status: 'disabled', statusReason: 'in repair' });
  assert.strictEqual((await rest.put('/devices/d/modules/camera', { deviceId: 'd', moduleId: 'camera' })).status, 200);
  for (let n = 1; n <= 3; n += 1) await rest.patch('/twins/d', { tags: { n }, properties: { desired: { n } } });
  const client = new MqttClient({ host: hub.address, id: 'd', key: device.authentication.symmetricKey.primaryKey, port: ports.mqtt });
  await client.connect();
  assert.deepStrictEqual(await client.subscribe(topics.response, topics.desired, ['devices/d/messages/devicebound/#', 1]), [0, 0, 1]);
  assert.strictEqual((await client.patch_reported({ temperature: 21.5 })).status, 204);
  await client.publish('devices/d/messages/events/', 'telemetry', 1);
  client.disconnect();
  await until('the session is away', async () => (await rest.get('/devices/d')).json.connectionState === 'Disconnected');
  assert.strictEqual((await rest.request('POST', '/devices/d/messages/devicebound', { body: 'wait for it' })).status, 204);
  await rest.put('/jobs/v2/tag', { jobId: 'tag', type: 'scheduleUpdateTwin', queryCondition: '*', updateTwin: { etag: '*', tags: { job: 1 } } });
  await until('the job', async () => (await rest.get('/jobs/v2/tag')).json.status === 'completed');
  assert.strictEqual((await rest.put('/configurations/c', {
    id: 'c', targetCondition: 'tags.n = 3', priority: 1, content: { deviceContent: { 'properties.desired.configured': { by: 'c' } } },
  })).status, 200);
  await until('the configuration', async () => (await rest.get('/twins/d')).json.properties.desired.configured?.by === 'c');
  const { pem } = new Certificates().make('Root', { is_ca: true });
  assert.strictEqual((await rest.put('/certificates/root', { properties: { certificate: Buffer.from(pem).toString('base64'), isVerified: true } })).status < 300, true);
  const before = await Promise.all(parts_of_a_hub(rest));
  const policies = hub.connection_string();

  const made = twinhub('backup', backups, ...where(hub));
  assert.strictEqual(made.status, 0, made.stderr);
  const [name] = fs.readdirSync(backups);
  assert.match(made.stdout, new RegExp(`^${backups}/${name}: \\d+ files, [\\d.]+ MiB, 0\\.0 MiB of them as links`));
  assert.match(twinhub('check', backups).stdout, new RegExp(`^${backups}/${name}: whole, \\d+ files, .* of the hub '${hub.address}' at \\d{4}-`));
  // What happens afterwards is not in it.
  await rest.patch('/twins/d', { tags: { later: true } });
  rest.close();
  await hub.stop();
  const events = (await new EventLog(hub).read()).filter(({ source }) => source !== 'connection_state');

  const same = await restored(t, backups, { dev: false, env: { TWINHUB_MANAGEMENT: 'on' } });
  const strip = (text) => text.replace(/HostName=[^;]*/, '');
  assert.strictEqual(strip(same.connection_string()), strip(policies));
  for (const file of ['policies.toml', 'management.key', 'tls/ca.pem', 'tls/ca.key'])
    assert.deepStrictEqual(fs.readFileSync(path.join(same.data_dir, file)), fs.readFileSync(path.join(hub.data_dir, file)), file);
  const back = rest_of(same);
  assert.deepStrictEqual(await Promise.all(parts_of_a_hub(back)), before);
  const again = new MqttClient({ host: same.address, id: 'd', key: device.authentication.symmetricKey.primaryKey, port: ports.mqtt });
  const message = again.message(({ topic }) => topic.startsWith('devices/d/messages/devicebound/'));
  assert.deepStrictEqual(await again.connect(), { session_present: 1, return_code: 0 });
  assert.strictEqual((await message).payload, 'wait for it');
  again.acknowledge(await message);
  assert.strictEqual((await back.patch('/twins/d', { tags: { later: true } })).status, 200);
  again.disconnect();
  back.close();
  await same.stop();
  const events_again = (await new EventLog(same).read()).filter(({ source }) => source !== 'connection_state');
  assert.strictEqual(events_again.length, events.length);
  const tail = (list) => list.map(({ source, device: id, body }) => [source, id, source === 'telemetry' ? body : '']);
  assert.deepStrictEqual(tail(events_again), tail(events));
  assert.match(twinhub('check', same.data_dir).stdout, /: whole, 3 devices and modules, \d+ events, \d+ other records\n$/);
});

test('the next backup shares what has not changed; each is whole without the others', async (t) => {
  const backups = path.join(scratch(t), 'backups');
  const hub = await started(t);
  const rest = rest_of(hub);
  for (let n = 0; n < 50; n += 1) await rest.create_device(`d${n}`, {});
  const first = JSON.parse(twinhub('backup', backups, '--json', ...where(hub)).stdout);
  assert.strictEqual(first.state, 'done');
  assert.strictEqual(first.linkedBytes, 0);
  await rest.create_device('later');
  const second = JSON.parse(twinhub('backup', backups, '--json', ...where(hub)).stdout);
  assert.ok(second.linkedBytes > 0 && second.linkedBytes < second.bytes, JSON.stringify(second));
  rest.close();
  assert.match(twinhub('check', backups).stdout, /^[^\n]*: whole[^\n]*\n[^\n]*: whole[^\n]*\n$/);
  fs.rmSync(first.folder, { recursive: true });
  const same = await restored(t, backups);
  const back = rest_of(same);
  assert.strictEqual((await back.get('/devices/later')).status, 200);
  assert.strictEqual((await back.get('/devices/d49')).status, 200);
  back.close();
  const metrics = await hub.metrics();
  assert.strictEqual(metrics.twinhub_backups_total, 2);
  assert.ok(metrics.twinhub_backup_newest_timestamp_seconds > 1.7e9);
});

test('what goes wrong is said: no hub, no place, a damaged or missing backup, a full folder, a hub at work', async (t) => {
  const folder = scratch(t);
  const hub = await started(t);
  const fails = (status, words, ...args) => {
    const ran = twinhub(...args);
    assert.strictEqual(ran.status, status, ran.stdout + ran.stderr);
    assert.match(ran.stderr, words);
  };
  fails(1, /stands in the data folder/, 'backup', path.join(hub.data_dir, 'x'), ...where(hub));
  fs.writeFileSync(path.join(folder, 'file'), '');
  fails(1, /backups cannot go to .*file\/x.*user \d+/, 'backup', path.join(folder, 'file', 'x'), ...where(hub));
  fails(1, /there is no backup in/, 'restore', folder, '--data-dir', path.join(folder, 'new'));
  fails(1, /there is no backup in/, 'check', folder);
  fails(1, /there is no folder/, 'check', path.join(folder, 'nowhere'));
  fails(1, /a hub has the store in .* open/, 'check', hub.data_dir);
  fails(1, /nothing is on disk/, 'backup', folder, ...where(await started(t, { env: { TWINHUB_DURABILITY: 'memory' } })));

  const backups = path.join(folder, 'backups');
  assert.strictEqual(twinhub('backup', backups, ...where(hub)).status, 0);
  fails(1, /is not empty/, 'restore', backups, '--data-dir', hub.data_dir);
  assert.strictEqual(twinhub('restore', backups, '--data-dir', path.join(folder, 'new')).status, 0);
  fails(1, /is not empty/, 'restore', backups, '--data-dir', path.join(folder, 'new'));
  const [name] = fs.readdirSync(backups);
  const key = path.join(backups, name, 'data', 'tls', 'ca.key');
  fs.writeFileSync(key, fs.readFileSync(key, 'utf8').replace('-', '+'));
  fails(1, /damaged: tls\/ca\.key has another content/, 'check', backups);
  fails(1, /damaged: tls\/ca\.key has another content/, 'restore', backups, '--data-dir', path.join(folder, 'newer'));
  assert.strictEqual(fs.existsSync(path.join(folder, 'newer')), false);
  fs.truncateSync(path.join(backups, name, 'manifest'), 100);
  fails(1, /manifest is damaged or was cut short/, 'check', path.join(backups, name));

  // A restore that was cut short is no hub.
  fs.writeFileSync(path.join(folder, 'new', 'restore-unfinished'), '');
  fails(1, /a restore into .* was cut short/, 'serve', '--data-dir', path.join(folder, 'new'), '--https-port', 0, '--mqtts-port', 0, '--amqps-port', 0, '--ops-port', 0);
  fails(1, /a restore into .* was cut short/, 'check', path.join(folder, 'new'));

  await hub.stop();
  fails(3, /does not answer, and only a running hub can do this/, 'backup', backups, ...where(hub));
  assert.match(twinhub('check', hub.data_dir).stdout, /: whole, 0 devices and modules/);
});

test('the operations port takes no order for a backup without a key, from a page, under another name, or without a place', async (t) => {
  const hub = await started(t);
  const to = `/backup?to=${encodeURIComponent(path.join(scratch(t), 'b'))}`;
  const owner = { Authorization: hub.token() };
  const service = { Authorization: hub.token('--policy', 'service') };
  for (const [status, method, target, headers] of [
    [401, 'POST', to, {}],
    [401, 'POST', to, service],
    [401, 'POST', to, { Authorization: 'Bearer ' }],
    [401, 'POST', to, { Authorization: 'Bearer x' }],
    [401, 'POST', to, { Authorization: `${hub.token()}x` }],
    [421, 'POST', to, { ...owner, Host: 'attacker.example:9600' }],
    [403, 'POST', to, { ...owner, Origin: 'https://attacker.example' }],
    [403, 'POST', to, { ...owner, 'Sec-Fetch-Site': 'cross-site' }],
    [421, 'GET', '/backup', { Host: 'attacker.example' }],
    [400, 'POST', '/backup', owner],
    [400, 'POST', '/backup?to=', owner],
    [400, 'POST', '/backup?to=/x&to=/y', owner],
    [400, 'POST', '/backup?to=/x%00y', owner],
    [200, 'GET', '/backup', owner],
    [401, 'GET', '/backup', service],
    [405, 'POST', '/metrics', {}],
    [405, 'PUT', to, owner],
  ]) {
    const answer = await ask(hub, method, target, headers);
    assert.strictEqual(answer.status, status, `${method} ${target} ${JSON.stringify(headers)}: ${answer.body}`);
  }
  assert.strictEqual(JSON.parse((await ask(hub, 'GET', '/backup')).body).state, 'none');
  assert.strictEqual((await ask(hub, 'POST', '/backup?to=relative', owner)).status, 202);
  const state = await until('its failure', async () => {
    const now = JSON.parse((await ask(hub, 'GET', '/backup')).body);
    return now.state !== 'running' && now;
  });
  assert.strictEqual(state.state, 'failed');
  assert.match(state.error, /absolute/);
});
