// The management plane on and off, and the key that it is managed by: what the command line does, as a running hub sees it.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const { test } = require('node:test');

const { Hub, binary, ports } = require('../support/node/hub');
const { until } = require('../support/node/until');

async function started(t, options) {
  const hub = new Hub(options);
  t.after(() => hub.remove());
  await hub.start();
  return hub;
}

function run(hub, ...args) {
  return spawnSync(binary, [...args, ...hub.mode, '--data-dir', hub.data_dir, '--host-name', hub.address], { encoding: 'utf8', timeout: 60_000 });
}

// -> { status, text, json }
function call(hub, method, request_path, { headers = {}, form } = {}) {
  const body = form && new URLSearchParams(form).toString();
  return new Promise((resolve, reject) => {
    const request = https.request({
      method, host: hub.address, port: ports.https, path: request_path, agent: false, ca: fs.readFileSync(hub.ca_file),
      headers: body ? { ...headers, 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) } : headers,
    }, (response) => {
      let text = '';
      response.on('data', (chunk) => { text += chunk; });
      response.on('end', () => {
        let json;
        try { json = JSON.parse(text); } catch { json = undefined; }
        resolve({ status: response.statusCode, text, json });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const log_in = (hub, client_id, client_secret) => call(hub, 'POST', '/adfs/oauth2/token', {
  form: { grant_type: 'client_credentials', client_id, client_secret, scope: `https://${hub.address}//.default` },
});
const subscriptions = (hub, token) => call(hub, 'GET', '/subscriptions?api-version=2019-11-01', { headers: { Authorization: `Bearer ${token}` } });

const plane_paths = ['/metadata/endpoints', '/adfs/.well-known/openid-configuration', '/adfs/oauth2/token',
  '/common/v2.0/.well-known/openid-configuration', '/common/oauth2/v2.0/token', '/subscriptions', '/tenants', '/providers/Microsoft.Devices'];

test('off, each of the plane\'s paths is unknown, and the data folder has no secret of it', async (t) => {
  const hub = await started(t, { flags: ['--management', 'off'] });
  for (const request_path of plane_paths) {
    for (const method of ['GET', 'POST']) {
      const answer = await call(hub, method, request_path);
      assert.equal(answer.status, 404, `${method} ${request_path}`);
      assert.match(answer.text, /InvalidOperation/);
    }
  }
  assert.ok(!fs.existsSync(path.join(hub.data_dir, 'management.key')));
  assert.equal(run(hub, 'az').status, 1);
});

test('on without TLS they are unknown, too: secrets travel over TLS alone', async (t) => {
  const hub = await started(t);
  const plain = await fetch(`http://${hub.address}:${ports.http}/metadata/endpoints`);
  assert.equal(plain.status, 404);
  assert.equal((await call(hub, 'GET', '/metadata/endpoints')).status, 200);
});

test('off is the default without --dev', async (t) => {
  const hub = await started(t, { dev: false });
  assert.equal((await call(hub, 'GET', '/metadata/endpoints')).status, 404);
});

test('two data folders are two tenants and subscriptions, and stay so over a restart', async (t) => {
  const [one, two] = [await started(t), await started(t)];
  const tenant = async (hub) => (await call(hub, 'GET', '/metadata/endpoints?api-version=2022-09-01')).json.authentication.tenant;
  const first = await tenant(one);
  assert.notEqual(first, await tenant(two));
  assert.match(run(one, 'az').stdout, new RegExp(`--tenant ${first}`));
  assert.equal(fs.statSync(path.join(one.data_dir, 'management.key')).mode & 0o777, 0o600);
  // Both have the well-known keys: still no token of the one opens the other.
  const token = (await log_in(one, 'iothubowner', one.connection_string().split('SharedAccessKey=')[1])).json.access_token;
  assert.notEqual((await subscriptions(one, token)).status, 401);
  assert.equal((await subscriptions(two, token)).status, 401);
  await one.stop();
  await one.start();
  assert.equal(await tenant(one), first);
  assert.notEqual((await subscriptions(one, token)).status, 401, 'a token outlives a restart');
});

test('without --dev the management key manages, as long as there is one; iothubowner does not', async (t) => {
  const hub = await started(t, { dev: false, env: { TWINHUB_MANAGEMENT: 'on' } });
  const owner = await log_in(hub, 'iothubowner', hub.connection_string().split('SharedAccessKey=')[1]);
  assert.equal(owner.status, 200);
  assert.equal((await subscriptions(hub, owner.json.access_token)).status, 403);
  assert.match(run(hub, 'az').stderr, /twinhub policy create management/);
  assert.equal(run(hub, 'policy', 'delete', 'management').status, 4);
  assert.equal(run(hub, 'policy', 'renew', 'management').status, 4);
  assert.equal(run(hub, 'policy', 'create', 'iothubowner').status, 2);

  const key = run(hub, 'policy', 'create', 'management').stdout.trim();
  assert.match(key, /^[A-Za-z0-9+/]{43}=$/);
  assert.equal(fs.statSync(path.join(hub.data_dir, 'management.toml')).mode & 0o777, 0o600);
  assert.equal(run(hub, 'policy', 'create', 'management').status, 5, 'it is there already');
  assert.match(run(hub, 'policy', 'list').stdout, /^iothubowner  RegistryRead, .*\n(.*\n)*management  /);
  assert.ok(run(hub, 'az').stdout.includes(`--username management --password ${key} --tenant `));
  const token = await until('the hub takes the key', async () => (await log_in(hub, 'management', key)).json.access_token, { every_ms: 500 });
  assert.notEqual((await subscriptions(hub, token)).status, 401);
  assert.notEqual((await subscriptions(hub, token)).status, 403);

  const renewed = run(hub, 'policy', 'renew', 'management').stdout.trim();
  assert.notEqual(renewed, key);
  await until('the old key\'s token is void', async () => (await subscriptions(hub, token)).status === 401);
  const second = (await log_in(hub, 'management', renewed)).json.access_token;
  assert.equal(run(hub, 'policy', 'delete', 'management').status, 0);
  await until('the token of the revoked key is void', async () => (await subscriptions(hub, second)).status === 401);
  assert.equal((await log_in(hub, 'management', renewed)).status, 401);
  assert.ok(!hub.log.includes(key) && !hub.log.includes(renewed), 'no key stands in the log');
  assert.match(hub.log, /'management' from 127\.[0-9.]+ has logged in for Resource Manager/);
});

test('a log-in that is no log-in leaves a notice with its reason', async (t) => {
  const hub = await started(t);
  const notices = async (reason) => {
    const page = await fetch(`http://${hub.address}:${ports.ops}/connections?reason=${reason}`).then((answer) => answer.json());
    return page.notices.filter((notice) => notice.code === '400');
  };
  for (const [form, reason] of [
    [{ client_id: 'iothubowner' }, 'no_credentials'],
    [{ grant_type: 'password', client_id: 'iothubowner', client_secret: 'guess' }, 'unsupported'],
    [{ grant_type: 'client_credentials', client_id: 'iothubowner', client_secret: 'guess', scope: 'https://graph.microsoft.com/.default' }, 'wrong_resource'],
  ]) {
    assert.deepEqual(await notices(reason), []);
    assert.equal((await call(hub, 'POST', '/adfs/oauth2/token', { form })).status, 400);
    const [notice] = await until(`a notice of ${reason}`, async () => { const found = await notices(reason); return found.length > 0 && found; });
    assert.match(notice.detail, /\/adfs\/oauth2\/token/);
    assert.ok(!JSON.stringify(notice).includes('guess'));
  }
});

test('an address that guesses has to wait', async (t) => {
  const hub = await started(t);
  const refused = await until('a log-in is put off', async () => {
    const answer = await log_in(hub, 'iothubowner', 'guess');
    assert.ok(answer.status === 401 || answer.status === 429, `${answer.status}`);
    return answer.status === 429 && answer;
  }, { every_ms: 0 });
  assert.equal(refused.json.error, 'temporarily_unavailable');
});

test('az prints commands alone, each of whole words, and says the rest beside them', async (t) => {
  const hub = await started(t);
  const printed = spawnSync(binary, ['az', '--dev', '--data-dir', hub.data_dir, '--host-name', '::1'], { encoding: 'utf8' });
  assert.equal(printed.status, 0, printed.stderr);
  for (const line of printed.stdout.trimEnd().split('\n')) assert.match(line, /^(az|export) /);
  assert.match(printed.stdout, /^export AZURE_CORE_COLLECT_TELEMETRY=0$/m);
  assert.match(printed.stdout, / --endpoint-resource-manager 'https:\/\/\[::1\][:0-9]*'$/m, 'brackets are a pattern for a shell');
  assert.match(printed.stderr, /^# az trusts [^'"`]*\n$/);
});

test('az --undo names the cloud, the client and nothing secret', async (t) => {
  const hub = await started(t);
  const undo = run(hub, 'az', '--undo', '--cloud', 'my hub');
  assert.equal(undo.status, 0);
  assert.equal(undo.stdout, "az logout --username iothubowner\naz cloud set --name AzureCloud\naz cloud unregister --name 'my hub'\nunset REQUESTS_CA_BUNDLE\nunset AZURE_CORE_COLLECT_TELEMETRY\n");
  assert.match(undo.stderr, /^# az ends its log-ins/);
  for (const command of [['az'], ['policy'], ['policy', 'list'], ['policy', 'create'], ['policy', 'renew'], ['policy', 'delete']]) {
    assert.equal(spawnSync(binary, [...command, '--help'], { encoding: 'utf8' }).status, 0, command.join(' '));
  }
});
