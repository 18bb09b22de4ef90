// The bounds of strangers, each set to something small: the hub keeps to what its operator has said.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');
const tls = require('node:tls');
const { after, before, test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');
const { client_hello, sent, tcp } = require('./strangers');

let hub;
before(async () => {
  hub = await new Hub({ env: {
    TWINHUB_ADMISSION_CLIENT_HELLO_KIB_MAX: '3',
    TWINHUB_TLS_CLIENT_CHAIN_KIB_MAX: '1',
    TWINHUB_REST_HEADER_KIB_MAX: '8',
    TWINHUB_OPS_HEADER_KIB_MAX: '1',
    TWINHUB_MANAGEMENT_LOGIN_FAILURES_MAX: '2',
    TWINHUB_MANAGEMENT_LOGIN_FAILURE_SECONDS: '3600',
  } }).start();
});
after(() => hub.remove());

for (const [door, port] of [['devices', ports.mqtts], ['back ends', ports.https]]) {
  test(`the port of ${door}: a ClientHello that announces more than admission.client_hello_kib_max ends the connection`, async () => {
    // The hub takes them in this order, on each of its threads.
    const opened = async (announced) => {
      const socket = await tcp(hub.address, port);
      socket.resume();
      await sent(socket, client_hello(announced, 200));
      return socket;
    };
    const smaller = [await opened(2_500), await opened(2_500)];
    for (const larger of [await opened(3_500), await opened(3_500)]) await until('it is ended', () => larger.destroyed);
    for (const socket of smaller) {
      assert.equal(socket.destroyed, false);
      socket.destroy();
    }
  });
}

test('a client that shows more certificates than tls.client_chain_kib_max has no connection', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-chain-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=d'], { cwd: folder });
  assert.equal(made.status, 0, String(made.stderr));
  const [key, certificate] = ['key.pem', 'cert.pem'].map((file) => fs.readFileSync(path.join(folder, file), 'utf8'));
  // TLS 1.2: with 1.3 a client thinks itself connected before the hub has read its certificates.
  const connects = (cert) => new Promise((resolve) => {
    const socket = tls.connect({ host: hub.address, port: ports.mqtts, rejectUnauthorized: false, maxVersion: 'TLSv1.2', key, cert }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
  assert.equal(await connects(certificate), true);
  assert.equal(await connects(certificate + certificate), false);
});

test('headers beyond rest.header_kib_max get 431, also of a client that is known', async () => {
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  assert.equal((await rest.create_device('d')).status, 200);
  assert.equal((await rest.get('/devices/d', { headers: { 'X-Long': 'x'.repeat(5_000) } })).status, 200);
  assert.equal((await rest.get('/devices/d', { headers: { 'X-Long': 'x'.repeat(9_000) } })).status, 431);
  rest.close();
});

test('headers beyond ops.header_kib_max get 431', async () => {
  const answer_to = async (bytes) => {
    const socket = await tcp(hub.address, ports.ops);
    let text = '';
    socket.on('data', (chunk) => { text += chunk; });
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hub.address}\r\nX: ${'x'.repeat(bytes)}\r\n\r\n`);
    await until('an answer', () => text.includes('\r\n'));
    socket.destroy();
    return text.split(' ')[1];
  };
  assert.equal(await answer_to(500), '200');
  assert.equal(await answer_to(2_000), '431');
});

test('failed log-ins beyond management.login_failures_max get 429', async () => {
  const log_in = () => new Promise((resolve, reject) => {
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'iothubowner', client_secret: 'wrong', scope: `https://${hub.address}/.default` }).toString();
    const request = https.request({
      method: 'POST', host: hub.address, path: '/adfs/oauth2/token', ca: fs.readFileSync(hub.ca_file), agent: false,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': form.length },
    }, (response) => { response.resume(); resolve(response.statusCode); });
    request.on('error', reject);
    request.end(form);
  });
  const answers = [await log_in(), await log_in(), await log_in()];
  assert.deepEqual(answers, [401, 401, 429]);
});
