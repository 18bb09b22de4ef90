// Kills the hub with SIGKILL while a deletion empties it. The next start ends the deletion before a door opens: no device is left,
// no group, no hub, and the hub can be created anew. A start whose management plane is off gives it up instead.
//   TESTS_CRASH_DELETION_ROUNDS (3)
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const https = require('node:https');
const { after, test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { parse_connection_string } = require('../support/node/sas');
const { until } = require('../support/node/until');

const rounds = Number(process.env.TESTS_CRASH_DELETION_ROUNDS || 3);
const rounds_max = 10 * rounds;  // a deletion may be done before the signal arrives, on a machine that is fast or busy: not every one
const devices = 3000;
const bulk_max = 100;

const hub = new Hub();
after(() => hub.remove());

// -> { status, json }; rejects when the hub dies.
function send(method, path, { body, token, type = 'application/json' } = {}) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }) };
  return new Promise((resolve, reject) => {
    const request = https.request({ method, path, headers, host: hub.address, ca: fs.readFileSync(hub.ca_file), agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => { text += chunk; });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, json: text ? JSON.parse(text) : null }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function manager() {
  const { SharedAccessKey: secret } = parse_connection_string(hub.connection_string());
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'iothubowner', client_secret: secret, scope: `https://${hub.address}/.default` });
  const login = await send('POST', '/adfs/oauth2/token', { body: form.toString(), type: 'application/x-www-form-urlencoded' });
  assert.equal(login.status, 200, JSON.stringify(login.json));
  const arm = (method, path, body) => send(method, `${path}?api-version=2023-06-30`, { body: body && JSON.stringify(body), token: login.json.access_token });
  const { json } = await arm('GET', '/subscriptions');
  return { arm, group: `/subscriptions/${json.value[0].subscriptionId}/resourceGroups/g` };
}

async function fill(rest) {
  for (let first = 0; first < devices; first += bulk_max) {
    const items = Array.from({ length: bulk_max }, (_, i) => ({ id: `device-${first + i}`, importMode: 'create' }));
    const { status, json } = await rest.request('POST', '/devices', { body: items });
    assert.ok(status === 200 && json.isSuccessful, JSON.stringify(json));
  }
}

const left = async (rest) => (await rest.get('/statistics/devices')).json.totalDeviceCount;

// A full hub whose first devices are gone: the deletion's answer, null when the hub dies first.
async function deletion_under_way(rest) {
  const { arm, group } = await manager();
  assert.ok((await arm('PUT', group, { location: 'westus2' })).status < 300);
  const path = `${group}/providers/Microsoft.Devices/IotHubs/a-hub`;
  assert.equal((await arm('PUT', path, { location: 'westus2' })).status, 200);
  await fill(rest);
  const answer = arm('DELETE', group).catch(() => null);
  await until('the first devices are gone', async () => (await left(rest)) < devices, { every_ms: 1 });
  return { group, path, answer };
}

async function round(rest) {
  const { group, path, answer: deletion } = await deletion_under_way(rest);
  await hub.kill();
  const answer = await deletion;
  await hub.start();

  assert.equal(await left(rest), 0);
  const again = await manager();
  assert.deepEqual((await again.arm('GET', group.slice(0, group.lastIndexOf('/')))).json.value, []);
  assert.equal((await again.arm('GET', path)).status, 404);
  return answer === null;
}

test('a deletion that a crash cuts short is ended by the next start', async () => {
  await hub.start();
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  let cut_short = 0;
  for (let i = 0; i < rounds || (cut_short === 0 && i < rounds_max); ++i) cut_short += (await round(rest)) ? 1 : 0;
  rest.close();
  assert.ok(cut_short > 0, 'no deletion was under way when the hub was killed');
});

test('a start that goes on with a deletion ends when it is asked to, and the next one goes on', async () => {
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  let cut_short = 0;
  let gone_on = 0;
  const goes_on = () => /the rest of its devices goes now/.test(hub.log);
  for (let i = 0; gone_on < rounds && i < rounds_max; ++i) {
    const { path, answer: deletion } = await deletion_under_way(rest);
    await hub.kill();
    await deletion;
    hub.log = '';
    let is_up = false;
    const started = hub.start().then(() => { is_up = true; }, () => {});
    await until('the start goes on with the deletion, or there was no more to do', () => goes_on() || is_up, { every_ms: 1 });
    if (!goes_on()) continue;
    gone_on += 1;
    await hub.stop();  // with exit code 0, whether the start was done or not
    await started;
    cut_short += /the next start goes on with it/.test(hub.log) ? 1 : 0;
    await hub.start();
    assert.equal(await left(rest), 0);
    const { arm } = await manager();
    assert.equal((await arm('GET', path)).status, 404);
  }
  rest.close();
  console.log(`# ${cut_short} of ${gone_on} starts were cut short`);
  assert.ok(gone_on > 0, 'no deletion was under way when the hub was killed');
});

test('SIGTERM cuts it short, too; a start without the plane gives it up, and no later one goes on with it', async () => {
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  let stayed = 0;
  for (let i = 0; i < rounds_max && stayed === 0; ++i) {
    const { answer: deletion } = await deletion_under_way(rest);
    await hub.stop();  // within a bounded time
    const answer = await deletion;
    assert.ok(answer === null || answer.status === 200 || answer.status === 503, JSON.stringify(answer));
    hub.flags = ['--management', 'off'];
    await hub.start();
    stayed = await left(rest);
    await hub.stop();
    hub.flags = [];
    await hub.start();
    assert.equal(await left(rest), stayed);
  }
  rest.close();
  assert.ok(stayed > 0, 'no deletion was under way when the hub was stopped');
});
