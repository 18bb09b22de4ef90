// The hub's certificates: warnings before they end and the metric, the machine's addresses in the hub's own, and the rotation of its CA as
// clients see it that trust the old CA alone, the new one alone, or both.
'use strict';

const assert = require('node:assert');
const { X509Certificate } = require('node:crypto');
const { once } = require('node:events');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const tls = require('node:tls');

const { Certificates } = require('../support/node/certificates');
const { Hub, binary, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

const certificates = new Certificates();
const twinhub = (hub, ...args) => spawnSync(binary, [...args, ...hub.mode, '--data-dir', hub.data_dir].map(String), { encoding: 'utf8', timeout: 60_000 });

function ok(hub, ...args) {
  const ran = twinhub(hub, ...args);
  assert.strictEqual(ran.status, 0, ran.stdout + ran.stderr);
  return ran.stdout;
}

async function started(t, options) {
  const hub = new Hub(options);
  t.after(() => hub.remove());
  await hub.start();
  return hub;
}

function page(hub, request_path, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    http.request({ host: hub.address, port: ports.ops, path: request_path, method, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => { body += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    }).on('error', reject).end();
  });
}

// { server: Unix seconds, ca: ... }
async function expiries(hub) {
  const { body } = await page(hub, '/metrics');
  return Object.fromEntries([...body.matchAll(/^twinhub_tls_certificate_expiry_timestamp_seconds\{certificate="(\w+)"\} (\S+)$/gm)]
    .map(([, which, value]) => [which, Number(value)]));
}

const end_of = (pem) => Date.parse(new X509Certificate(pem).validTo) / 1000;
const cas_in = (pem) => pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g);
const ca_file_of = (hub) => cas_in(fs.readFileSync(hub.ca_file, 'utf8'));

// What a TLS client that trusts `ca` alone makes of the hub: '' or why it refuses.
async function refusal(hub, ca, port = ports.mqtts) {
  const socket = tls.connect({ host: hub.address, port, ca });
  try {
    await once(socket, 'secureConnect');
    return '';
  } catch (error) {
    return error.code;
  } finally {
    socket.destroy();
  }
}

test('a configured certificate is warned of before it ends, and its end is a metric', async (t) => {
  for (const [days, warning] of [[60, null], [20, / warn the server's certificate \(CN=hub\) ends in \d+ days/], [5, / warn .* ends in \d days/], [1, / warn .* ends in 2\d hours/]]) {
    const server = certificates.make('hub', { days });
    const hub = await started(t, { flags: ['--tls-certificate', server.file, '--tls-private-key', server.key_file] });
    assert.deepStrictEqual(await expiries(hub), { server: end_of(server.pem) });
    if (warning) {
      await until(`the warning of ${days} days`, () => warning.test(hub.log));
      assert.match(hub.log, /put a new one into tls.certificate and tls.private_key, then: twinhub reload/);
    }
    await hub.stop();
    assert.strictEqual(hub.log.match(/clients then refuse the hub/g)?.length ?? 0, warning ? 1 : 0, hub.log);
  }
});

test('the end of any certificate of its chain counts', async (t) => {
  const root = certificates.make('root', { is_ca: true, days: 400 });
  const middle = certificates.make('middle', { issuer: root, is_ca: true, days: 3 });
  const server = certificates.make('hub', { issuer: middle, days: 300 });
  const chain = path.join(certificates.folder, 'chain.pem');
  fs.writeFileSync(chain, server.pem + middle.pem);
  const hub = await started(t, { flags: ['--tls-certificate', chain, '--tls-private-key', server.key_file] });
  assert.deepStrictEqual(await expiries(hub), { server: end_of(middle.pem) });
  await until('the warning', () => /\(CN=middle\) ends in \d days/.test(hub.log));
});

test('a reload takes a renewed certificate of the same files, and the metric follows', async (t) => {
  const [first, second] = [certificates.make('first', { days: 5 }), certificates.make('second', { days: 90 })];
  const [file, key_file] = ['server.pem', 'server.key'].map((name) => path.join(certificates.folder, name));
  const put = (made) => { fs.writeFileSync(file, made.pem); fs.writeFileSync(key_file, made.key); };
  put(first);
  const hub = await started(t, { flags: ['--tls-certificate', file, '--tls-private-key', key_file] });
  put(second);
  assert.match(ok(hub, 'reload'), /^TLS certificate reloaded: CN=second, until /m);
  assert.deepStrictEqual(await expiries(hub), { server: end_of(second.pem) });
  fs.writeFileSync(key_file, first.key);
  const refused = twinhub(hub, 'reload');
  assert.strictEqual(refused.status, 1);
  assert.match(refused.stderr, /server\.key .*; nothing was changed/);
  assert.deepStrictEqual(await expiries(hub), { server: end_of(second.pem) });
  const none = twinhub(hub, 'ca', 'rotate');
  assert.strictEqual(none.status, 5);
  assert.match(none.stderr, /there is no CA of its own to rotate/);
  assert.match(ok(hub, 'ca', 'show'), /the hub has no CA of its own/);
});

test("the hub's own certificate names this machine and the addresses of its interfaces when it listens on all", async (t) => {
  const hub = await started(t, { listen: '0.0.0.0', own_ports: { https: 0, mqtts: 0, amqps: 0 } });
  const names = new X509Certificate(fs.readFileSync(path.join(hub.data_dir, 'tls', 'server.pem'))).subjectAltName.split(', ');
  const addresses = Object.values(os.networkInterfaces()).flat().filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
  for (const name of [`DNS:${os.hostname()}`, 'DNS:localhost', 'IP Address:127.0.0.1', `IP Address:${hub.address}`, ...addresses.map((address) => `IP Address:${address}`)]) {
    assert.ok(names.includes(name), `${name} in ${names}`);
  }
  const own = await expiries(hub);
  assert.deepStrictEqual(Object.keys(own), ['server', 'ca']);
  assert.strictEqual(own.ca, end_of(fs.readFileSync(hub.ca_file)));
});

test('ca rotate: clients that trust the old CA alone, the new one alone or both are served until the overlap ends', async (t) => {
  const hub = await started(t, { dev: false });
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  const { json } = await rest.create_device('d');
  const device = { id: 'd', key: json.authentication.symmetricKey.primaryKey, host: hub.address };
  const [old_ca] = ca_file_of(hub);
  const client = new MqttClient({ ...device, secure_context: tls.createSecureContext({ ca: old_ca }) });
  assert.strictEqual((await client.connect()).return_code, 0);
  await client.subscribe('$iothub/twin/res/#');

  const printed = ok(hub, 'ca', 'rotate', '--overlap-days', 10);
  assert.match(printed, /issues the server's certificate\n.*\n.*comes next\n.*\nUntil .*tls\/ca\.pem, which holds both/);
  const both = ca_file_of(hub);
  assert.strictEqual(both.length, 2);
  const [, new_ca] = both;
  assert.strictEqual(both[0].trim(), old_ca.trim());
  assert.strictEqual((await page(hub, '/ca.pem')).body, both.join(''));
  assert.deepStrictEqual(Object.keys(await expiries(hub)), ['server', 'ca', 'ca_next']);
  const { cas, overlapUntil } = JSON.parse(ok(hub, 'ca', 'show', '--json'));
  assert.deepStrictEqual(cas.map((ca) => [ca.sha256, ca.issues]), both.map((pem, i) => [new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase(), i === 0]));
  assert.ok(overlapUntil);

  const all_are_served = async () => {
    for (const port of [ports.mqtts, ports.https, ports.amqps]) {
      for (const trusted of [old_ca, new_ca, both]) assert.strictEqual(await refusal(hub, trusted, port), '', `on ${port}`);
    }
  };
  await all_are_served();
  assert.ok(await client.get_twin(), 'a connection from before goes on');
  assert.match(ok(hub, 'device', 'list'), /^d /m);
  const again = twinhub(hub, 'ca', 'rotate');
  assert.strictEqual(again.status, 5);
  assert.match(again.stderr, /being rotated already/);
  await hub.stop();
  await hub.start();
  await all_are_served();

  assert.match(ok(hub, 'ca', 'finish'), /^CN=twinhub CA of .* issues the server's certificate\n.*SHA-256/);
  assert.deepStrictEqual(ca_file_of(hub).map((pem) => pem.trim()), [new_ca.trim()]);
  assert.strictEqual(await refusal(hub, new_ca), '');
  assert.notStrictEqual(await refusal(hub, old_ca), '');
  assert.deepStrictEqual(Object.keys(await expiries(hub)), ['server', 'ca']);
  assert.match(ok(hub, 'device', 'list'), /^d /m);
  assert.strictEqual(twinhub(hub, 'ca', 'finish').status, 5);
});

test('ca rotate without an overlap makes the new CA the only one at once', async (t) => {
  const hub = await started(t);
  const [old_ca] = ca_file_of(hub);
  ok(hub, 'ca', 'rotate', '--overlap-days', 0);
  const cas = ca_file_of(hub);
  assert.strictEqual(cas.length, 1);
  assert.strictEqual(await refusal(hub, cas), '');
  assert.notStrictEqual(await refusal(hub, old_ca), '');
  assert.deepStrictEqual(fs.readdirSync(path.join(hub.data_dir, 'tls')).sort(), ['ca.key', 'ca.pem', 'server.key', 'server.pem']);
});

test("only the hub's owner rotates its CA", async (t) => {
  const hub = await started(t, { dev: false });
  const before = fs.readFileSync(hub.ca_file, 'utf8');
  for (const headers of [{}, { Authorization: hub.token('--policy', 'service') }, { Authorization: hub.token('--policy', 'registryReadWrite') }]) {
    for (const order of ['/ca/rotate', '/ca/finish', '/reload']) {
      const { status, body } = await page(hub, order, { method: 'POST', headers });
      assert.strictEqual(status, 401);
      assert.match(JSON.parse(body).error, /a policy that has every right/);
    }
  }
  const headers = { Authorization: hub.token() };
  assert.strictEqual((await page(hub, '/ca/rotate?overlap_days=x', { method: 'POST', headers })).status, 400);
  assert.strictEqual(fs.readFileSync(hub.ca_file, 'utf8'), before);
});
