// The web console's API as scripts and pages meet it: who may come in, what a policy opens, and what the stream tells.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { ConsoleClient } = require('../support/node/console_client');
const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { until } = require('../support/node/until');

let hub;
let owner;
before(async () => {
  hub = await new Hub({ env: { TWINHUB_CONSOLE_HOSTS: 'console.example,other.example' } }).start();
  owner = await new ConsoleClient(hub).log_in();
});
after(async () => {
  owner.close();
  await hub.stop();
  hub.remove();
});

const create = async (id) => (await owner.hub_api('PUT', `/devices/${id}`, { body: { deviceId: id } })).json;
const device_of = (id, key) => new MqttClient({ host: hub.address, id, key, port: ports.mqtt });

test('the page is there with its build as ETag, or says how to build it', async () => {
  const { build } = (await owner.get('info')).json;
  const page = await owner.request('GET', '/console/devices/some.device');
  assert.match(page.headers['content-security-policy'], /^default-src 'none'; script-src 'self'; .*trusted-types 'none'$/);
  if (build === '') {
    assert.equal(page.status, 404);
    assert.match(page.text, /TWINHUB_CONSOLE=ON/);
    return;
  }
  assert.equal(page.status, 200);
  assert.equal(page.headers.etag, `"${build}"`);
  assert.equal(page.headers['cache-control'], 'no-cache');
  assert.equal((await owner.request('GET', '/console/', { headers: { 'If-None-Match': `"${build}"` } })).status, 304);
  const files = [...page.text.matchAll(/"(\/console\/assets\/[^"]+)"/g)].map(([, file]) => file);
  assert.ok(files.length > 0, page.text);
  for (const file of files) {
    const plain = await owner.request('GET', file);
    assert.equal(plain.status, 200, file);
    assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
    const packed = await owner.request('HEAD', file, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.ok(Number(packed.headers['content-length']) < plain.text.length, file);
    assert.equal(packed.text, '');
  }
});

test('other names of the hub are 421, those of console.hosts are not', async () => {
  for (const name of ['console.example', 'other.example:9600', 'localhost', hub.address])
    assert.equal((await owner.get('info', { headers: { Host: name } })).status, 200, name);
  const refused = await owner.get('info', { headers: { Host: 'attacker.example:9600' } });
  assert.equal(refused.status, 421);
  assert.match(refused.json.message, /console\.hosts/);
  assert.equal((await owner.request('GET', '/console/', { headers: { Host: 'attacker.example' } })).status, 421);
  assert.equal((await owner.request('GET', '/metrics', { headers: { Host: 'console.example' } })).status, 421, 'the setting is the console\'s alone');
});

test('pages of other sites get nothing, and what they tried is noted', async () => {
  for (const headers of [{ Origin: 'https://attacker.example' }, { Origin: `http://${hub.address}:1` }, { 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }])
    assert.equal((await owner.get('session', { headers })).status, 403, JSON.stringify(headers));
  assert.equal((await owner.get('session', { headers: { Origin: `http://${hub.address}:${ports.ops}`, 'Sec-Fetch-Site': 'same-origin' } })).status, 200);
  const { notices } = (await owner.get('connections?reason=wrong_host')).json;
  assert.ok(notices.some((notice) => notice.code === '403'), JSON.stringify(notices));
});

test('without a session there is the log-in and nothing else', async () => {
  const stranger = new ConsoleClient(hub);
  const info = (await stranger.get('info')).json;
  assert.deepEqual(Object.keys(info).sort(), ['build', 'dev', 'devLogin', 'login', 'name']);
  assert.equal(info.devLogin, true, 'a hub with --dev under a loopback name');
  for (const path of ['session', 'connections', 'figures', 'pending', 'connect/d', 'doctor/d', 'ca.pem', 'stream?topics=figures', 'hub/devices?api-version=2021-04-12']) {
    const answer = await stranger.get(path);
    assert.equal(answer.status, 401, path);
    assert.equal(answer.json.session, 'none');
    assert.equal(answer.headers['cache-control'], 'no-store');
  }
  assert.equal((await stranger.get('session', { headers: { Authorization: 'Bearer nonsense' } })).json.session, 'unknown');
});

test('a session opens with a key, a connection string, or on a dev hub without; it ends with a log-out', async () => {
  const client = new ConsoleClient(hub);
  for (const body of [{ dev: true }, { connectionString: hub.connection_string('--policy', 'service') }]) {
    const opened = await client.api('POST', 'session', { body });
    assert.equal(opened.status, 201, opened.text);
    assert.match(opened.json.token, /^[\w-]{43}$/);
    assert.equal(opened.headers['set-cookie'], undefined);
  }
  assert.equal((await client.api('POST', 'session', { body: { dev: true }, headers: { Host: 'console.example' } })).status, 403);
  await client.log_in('registryRead');
  assert.deepEqual((await client.get('session')).json.rights, ['RegistryRead']);
  assert.equal((await client.api('DELETE', 'session')).status, 204);
  assert.equal((await client.get('session')).status, 401);
});

test('a policy sees what its rights open', async () => {
  await create('rights');
  const service = await new ConsoleClient(hub).log_in('service');
  assert.equal((await service.hub_api('GET', '/devices/rights')).status, 403, 'keys are for RegistryRead');
  assert.equal((await service.get('connect/rights')).status, 403);
  assert.equal((await service.hub_api('GET', '/twins/rights')).status, 200);
  assert.equal((await service.hub_api('PATCH', '/twins/rights', { body: { tags: { a: 1 } } })).status, 200);
  assert.equal((await service.get('info')).json.settings, undefined);
  const reader = await new ConsoleClient(hub).log_in('registryRead');
  assert.equal((await reader.hub_api('GET', '/devices/rights')).status, 200);
  assert.equal((await reader.hub_api('GET', '/twins/rights')).status, 403);
  assert.equal((await reader.hub_api('DELETE', '/devices/rights')).status, 403);
  assert.equal((await reader.stream({ topics: ['events'] })).status, 403);
  assert.ok((await reader.get('info')).json.settings.length > 50);
  assert.equal((await owner.hub_api('POST', '/devices/rights/messages/events', { body: {} })).status, 403, 'devices\' own');
  const refused = await new ConsoleClient(hub).log_in('device').catch((error) => error.message);
  assert.match(refused, /^log-in: 403/);
});

test('the REST routes answer as on the door of back ends', async () => {
  const { etag } = await create('routes');
  assert.ok(etag);
  const twin = await owner.hub_api('GET', '/twins/routes');
  assert.equal(twin.headers.etag, `"${twin.json.etag}"`);
  const changed = await owner.hub_api('PATCH', '/twins/routes', { body: { tags: { n: 1 } }, headers: { 'If-Match': `"${twin.json.etag}"` } });
  assert.equal(changed.status, 200);
  const late = await owner.hub_api('PATCH', '/twins/routes', { body: { tags: { n: 2 } }, headers: { 'If-Match': `"${twin.json.etag}"` } });
  assert.equal(late.status, 412);
  assert.equal(late.headers['iothub-errorcode'], 'PreconditionFailed');
  for (let n = 0; n < 3; n += 1) await create(`page-${n}`);
  const query = { query: "SELECT deviceId FROM devices WHERE STARTSWITH(deviceId, 'page-')" };
  const first = await owner.hub_api('POST', '/devices/query', { body: query, headers: { 'x-ms-max-item-count': 2 } });
  assert.equal(first.json.length, 2);
  const second = await owner.hub_api('POST', '/devices/query', { body: query, headers: { 'x-ms-max-item-count': 2, 'x-ms-continuation': first.headers['x-ms-continuation'] } });
  assert.deepEqual([...first.json, ...second.json].map((row) => row.deviceId).sort(), ['page-0', 'page-1', 'page-2']);
  assert.equal((await owner.get('hub/twins/routes')).status, 400, 'without an api-version');
  assert.equal((await owner.hub_api('GET', '/nothing')).status, 404);
  const sent = await owner.hub_api('POST', '/devices/routes/messages/devicebound', { body: 'a text', headers: { 'Content-Type': 'text/plain' } });
  assert.ok(sent.status < 300, sent.text);
  assert.equal((await owner.hub_api('PATCH', '/twins/routes', { body: '{}', headers: { 'Content-Type': 'text/plain' } })).status, 415);
  assert.equal((await owner.hub_api('POST', '/twins/routes/methods', { body: { methodName: 'm', responseTimeoutInSeconds: 5 } })).status, 404, 'not connected');
});

test('a body that is too large is 413 and the next request is served', async () => {
  const body = JSON.stringify({ tags: { a: 'x'.repeat(1 << 21) } });
  for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
    // A peer that goes on sending may lose the answer.
    const answer = await owner.hub_api('PATCH', '/twins/routes', { body, headers }).catch((error) => ({ status: error.code }));
    assert.ok([413, 'ECONNRESET', 'EPIPE'].includes(answer.status), String(answer.status));
    assert.equal((await owner.get('session')).status, 200);
  }
  const expecting = await owner.hub_api('PATCH', '/twins/routes', { body, headers: { Expect: '100-continue' } });
  assert.equal(expecting.status, 413, 'before a byte of it was sent');
});

test('the stream tells of a device that connects, sends and is gone', async () => {
  const { authentication } = await create('live');
  const stream = await owner.stream({ topics: ['events', 'state', 'figures'], device: 'live', devices: ['live'] });
  assert.equal(stream.status, 200);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  assert.match(stream.headers['content-security-policy'], /^default-src 'none'/);
  await stream.event('hello', (data) => data.topics.length === 3 && data.from);
  await stream.event('state', ({ devices }) => devices[0].connectionState === 'Disconnected');
  const device = device_of('live', authentication.symmetricKey.primaryKey);
  await device.connect();
  await stream.event('state', ({ devices }) => devices[0].connectionState === 'Connected');
  await stream.event('DeviceConnectionStateEvents');
  await device.publish('devices/live/messages/events/', '{"n":1}', 1);
  const sent = await stream.event('DeviceMessages');
  assert.ok(sent.id);
  await owner.hub_api('PATCH', '/twins/live', { body: { properties: { desired: { speed: 4 } } } });
  await stream.event('state', ({ devices }) => devices[0].drift.state === 'pending' && devices[0].drift.leaves === 1);
  await stream.event('figures', ({ values }) => values.connected === 1);
  const again = await owner.stream({ topics: ['events'], device: 'live' }, { 'Last-Event-ID': sent.id });
  await again.event('TwinChangeEvents');
  assert.ok(!again.events.some((each) => each.event === 'DeviceMessages'), 'it was shown');
  device.disconnect();
  await stream.event('state', ({ devices }) => devices[0].connectionState === 'Disconnected');
});

test('a wrong key is a notice and the doctor\'s finding while the page looks', async () => {
  await create('wrong');
  const stream = await owner.stream({ topics: ['notices', 'doctor'], device: 'wrong' });
  await stream.event('doctor', ({ steps }) => steps.every((step) => step.state === 'waiting'));
  await device_of('wrong', Buffer.from('not its key').toString('base64')).connect().catch(() => {});
  await stream.event('notices', ({ notices }) => notices.some((notice) => notice.reason === 'signature_mismatch'));
  const { data } = await stream.event('doctor', ({ steps }) => steps.some((step) => step.state === 'failed'));
  assert.deepEqual(data.steps.map(({ step, state }) => `${step} ${state}`), ['tcp ok', 'tls ok', 'connect failed', 'twin waiting']);
  assert.equal(data.steps[2].reason, 'signature_mismatch');
  assert.ok(data.steps[2].hint);
});

test('a stream ends with its session', async () => {
  const client = await new ConsoleClient(hub).log_in();
  const stream = await client.stream({ topics: ['figures'] });
  await stream.event('hello');
  await client.api('DELETE', 'session');
  await stream.event('end', ({ why }) => why === 'session');
  await until('the stream is closed', () => stream.ended);
});

test('figures are there for a quarter of an hour and for six hours', async () => {
  await until('a sample', async () => (await owner.get('figures?range=now')).json.values.memory_bytes > 0);
  for (const [range, step, steps] of [['15m', 1, 900], ['6h', 15, 1440]]) {
    const { json } = await owner.get(`figures?range=${range}`);
    assert.equal(json.stepSeconds, step);
    assert.ok(json.series.length <= 40);
    for (const { values, name } of json.series) assert.equal(values.length, steps, name);
    const memory = json.series.find(({ name }) => name === 'memory_bytes');
    assert.equal(memory.metric, 'process_resident_memory_bytes');
    assert.ok(memory.values.at(-1) > 1e6);
  }
});

test('each figure names its series in Prometheus, and the one counts what the other does', async () => {
  const { json } = await owner.get('figures?range=15m');
  const scrape = (await owner.request('GET', '/metrics')).text;
  for (const { name, metric, label } of json.series) {
    assert.notEqual(metric, '', name);
    const lines = scrape.split('\n').filter((line) => line.split(/[{ ]/)[0] === metric);
    // Of statuses and endpoints there are those alone that there were.
    if (/^twinhub_(rest_responses_total|endpoint_)/.test(metric)) continue;
    assert.ok(lines.length > 0, `${name}: ${metric}`);
    if (label) assert.ok(lines.some((line) => line.includes(label)), `${name}: ${metric}{${label}}`);
  }
  const { authentication } = await create('counted');
  const device = device_of('counted', authentication.symmetricKey.primaryKey);
  await device.connect();
  const stream = await owner.stream({ topics: ['figures'] });
  let busy = true;
  // Side by side, so that every second has something of each with a slow disk, too.
  const all_the_time = async (act) => { while (busy) await act(); };
  const work = Promise.all([
    () => device.publish('devices/counted/messages/events/', '{}', 1),
    () => owner.hub_api('PATCH', '/twins/counted', { body: { tags: { n: Math.random() } } }),
    () => owner.hub_api('GET', '/twins/counted'),
  ].map(all_the_time));
  try {
    await stream.event('figures', ({ values }) => values.messages > 0 && values.twin_updates > 0 && values.twin_reads > 0 && values.rest_2xx > 0 && values.commit_mean_seconds > 0);
  } finally {
    busy = false;
    await work;
    device.destroy();
  }
});

test('the pending count finds the twin that has not done what is desired', async () => {
  const own = await new Hub().start();
  const client = await new ConsoleClient(own).log_in();
  try {
    await client.hub_api('PUT', '/devices/late', { body: { deviceId: 'late' } });
    await client.hub_api('PATCH', '/twins/late', { body: { properties: { desired: { a: 1 } } } });
    const counted = await until('a count', async () => {
      const { json } = await client.get('pending');
      return json.countedAt && !json.counting && json;
    });
    assert.equal(counted.twins, 1);
    assert.equal(counted.pending, 1);
    assert.equal(counted.devices[0].deviceId, 'late');
  } finally {
    client.close();
    await own.stop();
    own.remove();
  }
});

test('connect gives what a device needs: hosts of the certificate, its string, the CA, recipes', async () => {
  await create('new-1');
  const { json } = await owner.get('connect/new-1');
  assert.ok(json.hosts.some(({ name }) => name === hub.address));
  assert.match(json.connectionStrings.primary, /^HostName=\{host\};DeviceId=new-1;SharedAccessKey=.+/);
  assert.match(json.ca.sha256, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.match((await owner.get('ca.pem')).text, /^-----BEGIN CERTIFICATE-----/);
  assert.ok(json.recipes.some(({ id, tested }) => id === 'mosquitto' && tested));
  assert.equal((await owner.get('connect/unknown-device')).json.exists, false);
});

test('five wrong keys of one address are the most of a minute', async () => {
  const own = await new Hub().start();
  const client = new ConsoleClient(own);
  try {
    const wrong = () => client.api('POST', 'session', { body: { policy: 'iothubowner', key: 'eHh4' } });
    for (let n = 0; n < 5; n += 1) assert.equal((await wrong()).status, 401);
    const late = await wrong();
    assert.equal(late.status, 429);
    assert.ok(Number(late.headers['retry-after']) > 0);
  } finally {
    await own.stop();
    own.remove();
  }
});

test('--console off: no page, no API; a production hub opens nothing without its key', async () => {
  const off = await new Hub({ flags: ['--console', 'off'] }).start();
  try {
    for (const path of ['/console/', '/console/api/info'])
      assert.equal(await off.ops_status(path), 404, path);
  } finally {
    await off.stop();
    off.remove();
  }
  const production = await new Hub({ dev: false }).start();
  const client = new ConsoleClient(production);
  try {
    assert.equal((await client.get('info')).json.devLogin, false);
    assert.equal((await client.api('POST', 'session', { body: { dev: true } })).status, 403);
    await client.log_in();
    assert.equal((await client.get('session')).json.policy, 'iothubowner');
    const stream = await client.stream({ topics: ['figures'] });
    await stream.event('hello');
    await production.stop();  // throws when it is not in order and in time
  } finally {
    client.close();
    production.remove();
  }
});
