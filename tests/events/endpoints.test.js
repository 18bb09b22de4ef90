// Webhooks, files and secured brokers: each against the real thing.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');

const { sleep, until } = require('../support/node/until');
const { Broker, Subscriber } = require('./broker');
const { Checker } = require('./checker');
const { Sender, all_arrived, connect, create_device, hub_with, metric, rest_of } = require('./world');

const all_sources = ['DeviceMessages', 'TwinChangeEvents', 'DeviceLifecycleEvents'];
const routes_to = (name) => all_sources.map((source) =>
  `\n[[routes]]\nname = "${source}"\nsource = "${source}"\nendpoints = "${name}"\n`).join('');

// A web server that answers as `decide` says: a status, or { status, headers, delay_ms, text }.
class Hook {
  constructor(decide = () => 200) {
    this.decide = decide;
    this.requests = [];
    this.server = http.createServer((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', async () => {
        const body = JSON.parse(Buffer.concat(chunks).toString());
        const taken = { at: Date.now(), headers: request.headers, events: Array.isArray(body) ? body : [body] };
        const verdict = this.decide(taken, this.requests.length);
        const { status, headers = {}, delay_ms = 0, text } = typeof verdict === 'number' ? { status: verdict } : verdict;
        this.requests.push({ ...taken, status });
        if (delay_ms) await sleep(delay_ms);
        response.writeHead(status, headers).end(text);
      });
    });
  }

  async start() {
    await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    this.url = `http://127.0.0.1:${this.server.address().port}/events?key=1`;
    return this;
  }

  get events() {
    return this.requests.filter(({ status }) => status >= 200 && status < 300).flatMap(({ events }) => events);
  }

  stop() { this.server.close(); this.server.closeAllConnections(); }
}

// A server that a busy machine makes slow is no server that does not answer: only the test of such a one waits for seconds.
const hook_toml = (hook, more = '', timeout_seconds = 30) => `
[[endpoints]]
name = "hook"
type = "webhook"
url = "${hook.url}"
retry_seconds_max = 1
timeout_seconds = ${timeout_seconds}
headers = { Authorization = "Bearer secret" }
${more}${routes_to('hook')}`;

function count_hook(hook, checker) {
  let counted = 0;
  return () => {
    for (const event of hook.events.slice(counted)) {
      counted += 1;
      if (event.type === 'Microsoft.Devices.DeviceTelemetry') checker.received(event.subject.split('/')[1], event.data.body.n);
    }
  };
}

test('a webhook gets CloudEvents in batches', async (t) => {
  const hook = await new Hook().start();
  const hub = await hub_with(`[events]\nhub_name = "myhub"\n${hook_toml(hook)}`).start();
  t.after(() => { hook.stop(); hub.remove(); });
  const rest = rest_of(hub);
  const checker = new Checker();
  const device = await create_device(hub, rest, 'd');
  await rest.patch('/twins/d', { properties: { desired: { a: 1 } } });
  await new Sender(device, checker).send(300);
  await until('all events', () => hook.events.length === 302);

  const [created, changed, telemetry] = hook.events;
  assert.equal(created.specversion, '1.0');
  assert.equal(created.type, 'Microsoft.Devices.DeviceCreated');
  assert.equal(created.source, '/myhub');
  assert.equal(created.subject, 'devices/d');
  assert.equal(created.data.hubName, 'myhub');
  assert.equal(created.data.twin.deviceId, 'd');
  assert.equal(changed.type, 'twinhub.Devices.TwinChanged');
  assert.equal(changed.data.twin.properties.desired.a, 1);
  assert.equal(telemetry.type, 'Microsoft.Devices.DeviceTelemetry');
  assert.deepEqual(telemetry.data.body, { n: 1, p: '' });
  assert.equal(telemetry.data.systemProperties['iothub-connection-device-id'], 'd');
  assert.ok(!Number.isNaN(Date.parse(telemetry.time)));
  assert.equal(new Set(hook.events.map(({ id }) => id)).size, 302);
  for (const { headers, events } of hook.requests) {
    assert.equal(headers['content-type'], 'application/cloudevents-batch+json; charset=utf-8');
    assert.equal(headers.authorization, 'Bearer secret');
    assert.ok(events.length <= 100);
  }
  rest.close();
  await hub.stop();
});

test('batch = 1 sends single CloudEvents', async (t) => {
  const hook = await new Hook().start();
  const hub = await hub_with(hook_toml(hook, 'batch = 1\n')).start();
  t.after(() => { hook.stop(); hub.remove(); });
  const rest = rest_of(hub);
  await create_device(hub, rest, 'd');
  await until('the event', () => hook.events.length === 1);
  assert.equal(hook.requests[0].headers['content-type'], 'application/cloudevents+json; charset=utf-8');
  rest.close();
  await hub.stop();
});

test('a webhook that answers 429, 500, slowly or not at all gets everything, in order', async (t) => {
  let number = 0;
  const hook = await new Hook((taken) => {
    number += 1;
    if (number === 2) return { status: 429, headers: { 'Retry-After': '2' } };
    if (number === 4) return 500;
    if (number === 6) return { status: 200, delay_ms: 4000 };  // beyond timeout_seconds: it will come again
    if (number === 8) return { status: 503, headers: { 'Retry-After': 'Thu, 01 Jan 1970 00:00:00 GMT' } };
    return 200;
  }).start();
  const checker = new Checker();
  const count = count_hook(hook, checker);
  const hub = await hub_with(hook_toml(hook, 'batch = 20\n', 2)).start();
  t.after(() => { hook.stop(); hub.remove(); });
  const rest = rest_of(hub);
  const sender = new Sender(await create_device(hub, rest, 'd'), checker);
  await sender.send(400);
  await until('everything', () => { count(); return checker.missing() === 0; }, { timeout_ms: 60_000 });
  checker.check({ duplicates_allowed: true });
  const [first_429, after] = [hook.requests[1], hook.requests[2]];
  assert.equal(first_429.status, 429);
  assert.ok(after.at - first_429.at >= 1900, `came back after ${after.at - first_429.at} ms`);
  assert.ok(await metric(hub, 'twinhub_endpoint_failed_attempts_total{endpoint="hook"}') >= 4);
  rest.close();
  await hub.stop();
});

test('an answer longer than answer_kib_max is a failed attempt', async (t) => {
  const long = 'x'.repeat(20 * 1024);
  const hook = await new Hook((taken, number) => ({ status: 200, text: number === 0 ? long : 'ok' })).start();
  const hub = await hub_with(hook_toml(hook, 'answer_kib_max = 16\n')).start();
  t.after(() => { hook.stop(); hub.remove(); });
  const rest = rest_of(hub);
  await create_device(hub, rest, 'd');
  await until('it is tried again', () => hook.requests.length >= 2);
  assert.ok(await metric(hub, 'twinhub_endpoint_failed_attempts_total{endpoint="hook"}') >= 1);
  await until('it has arrived', async () => (await metric(hub, 'twinhub_endpoint_sent_total{endpoint="hook"}')) >= 1);
});

test('an event that a webhook refuses for good is found in its batch, counted and skipped', async (t) => {
  const poison = 77;
  const hook = await new Hook(({ events }) => (events.some(({ data }) => data.body && data.body.n === poison) ? 400 : 200)).start();
  const checker = new Checker();
  const count = count_hook(hook, checker);
  const hub = await hub_with(hook_toml(hook)).start();
  t.after(() => { hook.stop(); hub.remove(); });
  const rest = rest_of(hub);
  await new Sender(await create_device(hub, rest, 'd'), checker).send(200);
  await until('all but one', () => { count(); return checker.missing() === 1; });
  await until('it is counted', async () => (await metric(hub, 'twinhub_endpoint_refused_total{endpoint="hook"}')) === 1);
  assert.ok(!checker.of('d').seen.has(poison));
  assert.deepEqual(checker.faults, []);
  assert.equal(checker.duplicates, 0);
  rest.close();
  await hub.stop();
});

function lines_of(folder) {
  const number = (name) => Number((name.match(/\.(\d+)\.jsonl$/) || [0, Infinity])[1]);
  const names = fs.readdirSync(folder).sort((a, b) => number(a) - number(b));
  try {
    return names.flatMap((name) => fs.readFileSync(path.join(folder, name), 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line)));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return lines_of(folder);  // it was rotated between the two looks
  }
}

test('a file is rotated, and survives kill -9 and a torn line', async (t) => {
  const checker = new Checker();
  const hub = hub_with('');
  const folder = path.join(hub.data_dir, 'out', 'events');
  const file = path.join(folder, 'events.jsonl');
  fs.writeFileSync(path.join(hub.data_dir, 'settings.toml'),
    `[[endpoints]]\nname = "archive"\ntype = "file"\npath = "${file}"\nrotate_mib = 1\nkeep = 0\n${routes_to('archive')}`);
  await hub.start();
  t.after(() => hub.remove());
  const rest = rest_of(hub);
  const sender = new Sender(await create_device(hub, rest, 'd'), checker, { padding: 2000, in_flight: 32 });
  await sender.send(1000);
  sender.start();
  await until('load', () => checker.total_acknowledged() > 1300);
  await hub.kill();
  sender.running = false;
  await sender.stop();
  fs.appendFileSync(file, '{"partition":0,"sequenceNum');
  await hub.start();
  sender.running = true;
  await sender.send(100);
  const read = () => {
    const fresh = new Checker();
    fresh.devices = structuredClone(checker.devices);
    for (const event of lines_of(folder)) if (event.source === 'DeviceMessages') fresh.received(event.deviceId, event.body.n);
    return fresh;
  };
  await until('everything is in the file', () => read().missing() === 0);
  await until('the cursor is there too', async () => (await metric(hub, 'twinhub_endpoint_lag_events{endpoint="archive"}')) === 0);
  read().check({ duplicates_allowed: true });
  assert.ok(fs.readdirSync(folder).length >= 3, fs.readdirSync(folder).join(' '));
  assert.match(hub.log, /torn by a crash/);
  rest.close();
  await hub.stop();
});

test('the newest rotated files are kept, older ones removed', async (t) => {
  const hub = hub_with('');
  const folder = path.join(hub.data_dir, 'out');
  fs.writeFileSync(path.join(hub.data_dir, 'settings.toml'),
    `[[endpoints]]\nname = "archive"\ntype = "file"\npath = "${folder}/e.jsonl"\nrotate_mib = 1\nkeep = 2\n${routes_to('archive')}`);
  await hub.start();
  t.after(() => hub.remove());
  const rest = rest_of(hub);
  const sender = new Sender(await create_device(hub, rest, 'd'), new Checker(), { padding: 20_000, in_flight: 32 });
  await sender.send(400);
  // How many files 8 MB make is a matter of batches: of 1 MiB each, up to nearly 2.
  const names = () => (fs.existsSync(folder) ? fs.readdirSync(folder) : []);  // made with the first event
  const numbers = () => names().map((name) => Number(name.match(/^e\.(\d+)\.jsonl$/)?.[1] ?? 0)).filter(Boolean);
  await until('rotations', () => Math.max(0, ...numbers()) >= 3);
  await until('two are kept', () => numbers().length === 2);
  rest.close();
  await hub.stop();
});

function openssl(folder, ...args) { execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' }); }

function make_certificates(folder, address) {
  openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem',
    '-subj', '/CN=test CA', '-days', '2');
  for (const [name, extension] of [['server', `subjectAltName=IP:${address}`], ['client', 'extendedKeyUsage=clientAuth']]) {
    openssl(folder, 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`,
      '-subj', `/CN=${name}`);
    fs.writeFileSync(path.join(folder, `${name}.ext`), extension);
    openssl(folder, 'x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.pem`,
      '-days', '2', '-extfile', `${name}.ext`);
  }
}

test('a broker with TLS takes a user with password, and a client certificate; wrong ones are refused', async (t) => {
  const broker = new Broker({ config: ['allow_anonymous false', 'password_file PASSWORDS'] });
  const { folder } = broker;
  make_certificates(folder, broker.address);
  execFileSync('mosquitto_passwd', ['-b', '-c', path.join(folder, 'passwords'), 'hub', 'right']);
  const conf = path.join(folder, 'mosquitto.conf');
  const tls = (port, more) => [`listener ${port} ${broker.address}`, `cafile ${folder}/ca.pem`, `certfile ${folder}/server.pem`,
    `keyfile ${folder}/server.key`, ...more].join('\n');
  fs.writeFileSync(conf, `${fs.readFileSync(conf, 'utf8').replace('PASSWORDS', `${folder}/passwords`)}
${tls(8883, [])}\n${tls(8884, ['require_certificate true', 'use_identity_as_username true'])}\n`);
  await broker.start();
  const subscriber = await new Subscriber(broker, { flags: ['-u', 'hub', '-P', 'right'] }).ready();
  const endpoint = (name, port, more) => `
[[endpoints]]
name = "${name}"
type = "mqtt"
url = "mqtts://${broker.address}:${port}"
retry_seconds_max = 1
topic = "${name}/{deviceId}/{opType}"
${more}
[[routes]]
name = "${name}"
source = "DeviceLifecycleEvents"
endpoints = "${name}"
`;
  const ca = `ca = "${folder}/ca.pem"\n`;
  const hub = await hub_with([
    endpoint('password', 8883, `${ca}user = "hub"\npassword = "right"\n`),
    endpoint('envelope', 8883, `${ca}user = "hub"\npassword = "right"\nversion = "3.1.1"\nformat = "envelope"\n`),
    endpoint('certificate', 8884, `${ca}certificate = "${folder}/client.pem"\nprivate_key = "${folder}/client.key"\n`),
    endpoint('wrong-password', 8883, `${ca}user = "hub"\npassword = "wrong"\n`),
    endpoint('wrong-ca', 8883, 'user = "hub"\npassword = "right"\n'),
  ].join('')).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  await create_device(hub, rest, 'd+1');
  for (const name of ['password', 'certificate']) {
    const message = await subscriber.message(name, ({ topic }) => topic === `${name}/d%2B1/createDeviceIdentity`);
    assert.equal(message.user.deviceId, 'd+1');
  }
  const envelope = await subscriber.message('envelope', ({ topic }) => topic.startsWith('envelope/'));
  const event = JSON.parse(envelope.payload);
  assert.equal(event.source, 'DeviceLifecycleEvents');
  assert.equal(event.deviceId, 'd+1');
  assert.equal(event.properties.opType, 'createDeviceIdentity');
  assert.equal(event.body.deviceId, 'd+1');
  for (const name of ['wrong-password', 'wrong-ca']) {
    await until(`${name} fails`, async () => (await metric(hub, `twinhub_endpoint_failed_attempts_total{endpoint="${name}"}`)) >= 2);
    assert.ok(!subscriber.messages.some(({ topic }) => topic.startsWith(name)));
  }
  assert.ok(!/right|wrong"/.test(hub.log.replace(/wrong-\w+/g, '')), 'the log holds a password');
  rest.close();
  await hub.stop();
});
