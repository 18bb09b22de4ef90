// CAs and X.509 devices from the command line and by setting.
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const tls = require('node:tls');
const { test } = require('node:test');

const { Certificates } = require('../support/node/certificates');
const { Hub, binary, ports } = require('../support/node/hub');
const { until } = require('../support/node/until');

const certificates = new Certificates();

async function started(t, options) {
  const hub = new Hub(options);
  t.after(() => hub.remove());
  await hub.start();
  const where = ['--dev', '--data-dir', hub.data_dir, '--host-name', hub.address, '--listen', hub.address];
  const run = (...args) => spawnSync(binary, [...args, ...where], { encoding: 'utf8', timeout: 60_000 });
  return { hub, run };
}

function text_field(text) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

// CONNACK's return code for a CONNECT without a password.
function connect_code(hub, id, { pem, key }) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: hub.address, port: ports.mqtts, ca: fs.readFileSync(hub.ca_file), cert: pem, key });
    socket.once('error', reject);
    socket.once('data', (bytes) => { socket.destroy(); resolve(bytes[3]); });
    const body = Buffer.concat([text_field('MQTT'), Buffer.from([4, 0x80, 0, 60]), text_field(id), text_field(`${hub.address}/${id}/?api-version=2021-04-12`)]);
    socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
  });
}

test('every sub-command of certificate has a --help', () => {
  for (const command of ['add', 'list', 'show', 'verification-code', 'verify', 'delete']) {
    const help = spawnSync(binary, ['certificate', command, '--help'], { encoding: 'utf8' });
    assert.strictEqual(help.status, 0, help.stderr);
    assert.match(help.stdout, /--help/);
  }
});

test('a CA is added, verified, listed, shown and deleted', async (t) => {
  const { hub, run } = await started(t);
  const root = certificates.make('root', { is_ca: true });
  const leaf = certificates.make('d1', { issuer: root });
  assert.strictEqual(run('certificate', 'list').stdout, '');
  const missing = run('certificate', 'show', 'root');
  assert.strictEqual(missing.status, 4);
  assert.match(missing.stderr, /There is no certificate 'root'/);
  const no_ca = run('certificate', 'add', 'leaf', leaf.file);
  assert.strictEqual(no_ca.status, 1);
  assert.match(no_ca.stderr, /is no CA/);

  const added = run('certificate', 'add', 'root', root.file);
  assert.strictEqual(added.status, 0, added.stderr);
  assert.match(added.stdout, new RegExp(`^root +unverified +.* GMT +${root.sha1} +CN=root\n$`));
  const created = run('device', 'create', 'd1', '--auth', 'ca');
  assert.strictEqual(created.stdout, `HostName=${hub.address};DeviceId=d1;x509=true\n`, created.stderr);
  assert.strictEqual(await connect_code(hub, 'd1', leaf), 5);

  const code = run('certificate', 'verification-code', 'root').stdout.trim();
  assert.match(code, /^[0-9A-F]{48}$/);
  const wrong = run('certificate', 'verify', 'root', root.file);
  assert.strictEqual(wrong.status, 1);
  assert.match(wrong.stderr, /common name is not the verification code/);
  const verified = run('certificate', 'verify', 'root', certificates.make(code, { issuer: root }).file);
  assert.match(verified.stdout, /^root +verified /, verified.stderr);
  assert.strictEqual(run('certificate', 'list').stdout, verified.stdout);
  assert.strictEqual(JSON.parse(run('certificate', 'show', 'root').stdout).properties.isVerified, true);
  assert.strictEqual(await connect_code(hub, 'd1', leaf), 0);

  assert.strictEqual(run('certificate', 'delete', 'root').status, 0);
  assert.strictEqual(run('certificate', 'delete', 'root').status, 4);
  assert.strictEqual(await connect_code(hub, 'd1', leaf), 5);
  const at_once = run('certificate', 'add', 'root', root.file, '--verified');
  assert.match(at_once.stdout, /^root +verified /, at_once.stderr);
  assert.match(run('certificate', 'add', 'root', root.file, '--verified').stdout, /^root +verified /);
  assert.strictEqual(await connect_code(hub, 'd1', leaf), 0);
});

test('a self-signed device is created with its thumbprints', async (t) => {
  const { hub, run } = await started(t);
  const [own, next] = [certificates.make('x'), certificates.make('x')];
  const created = run('device', 'create', 'd1', '--auth', 'selfsigned', '--thumbprint', own.sha1, '--thumbprint', next.sha256);
  assert.strictEqual(created.stdout, `HostName=${hub.address};DeviceId=d1;x509=true\n`, created.stderr);
  assert.strictEqual(run('connection-string', '--device', 'd1').stdout, created.stdout);
  for (const certificate of [own, next]) assert.strictEqual(await connect_code(hub, 'd1', certificate), 0);
  const no_token = run('token', '--device', 'd1');
  assert.strictEqual(no_token.status, 1);
  assert.match(no_token.stderr, /authenticates by certificate/);
  for (const wrong of [['--auth', 'selfsigned'], ['--thumbprint', own.sha1], ['--auth', 'ca', '--thumbprint', own.sha1], ['--auth', 'password']]) {
    assert.strictEqual(run('device', 'create', 'd2', ...wrong).status, 2, wrong.join(' '));
  }
});

test('tls.device_ca trusts the CAs of its files, and SIGHUP reads the files again', async (t) => {
  const [first, second] = [certificates.make('first', { is_ca: true }), certificates.make('second', { is_ca: true })];
  const file = path.join(certificates.folder, 'device-cas.pem');
  fs.writeFileSync(file, first.pem);
  const { hub, run } = await started(t, { flags: ['--tls-device-ca', file] });
  run('device', 'create', 'd1', '--auth', 'ca');
  const [by_first, by_second] = [first, second].map((issuer) => certificates.make('d1', { issuer }));
  const codes = async () => [await connect_code(hub, 'd1', by_first), await connect_code(hub, 'd1', by_second)];
  assert.deepStrictEqual(await codes(), [0, 5]);
  fs.writeFileSync(file, `the second\n${second.pem}`);
  hub.process.kill('SIGHUP');
  await until('the new CA', async () => (await codes()).join() === '5,0');
  fs.writeFileSync(file, 'nothing');
  hub.process.kill('SIGHUP');
  await until('the complaint', () => /tls\.device_ca: .*device-cas\.pem: There is no PEM certificate; nothing was changed/.test(hub.log));
  assert.deepStrictEqual(await codes(), [5, 0]);
});

test('a file of tls.device_ca that cannot be used is refused in words', () => {
  const leaf = certificates.make('leaf');
  for (const [file, why] of [[leaf.file, /leaf is no CA/], [leaf.key_file, /There is no PEM certificate/], [path.join(certificates.folder, 'missing'), /cannot be read/]]) {
    const folder = fs.mkdtempSync(path.join(certificates.folder, 'data-'));
    const refused = spawnSync(binary, ['serve', '--dev', '--data-dir', folder, '--https-port', '0', '--mqtts-port', '0', '--amqps-port', '0', '--ops-port', '0', '--tls-device-ca', file],
      { encoding: 'utf8', timeout: 60_000 });
    assert.strictEqual(refused.status, 1);
    assert.match(refused.stderr, why);
    assert.ok(refused.stderr.includes(`tls.device_ca: ${file}`), refused.stderr);
  }
});
