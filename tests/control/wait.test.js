// Waiting for a condition, in the place of asking until it holds: on twins, on connections, on messages of an SDK's device.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const { after, before, test } = require('node:test');

const { device: device_sdk, mqtt } = require('../support/node/azure');
const { Cli } = require('../support/node/cli');
const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { until, within } = require('../support/node/until');

let hub;
let rest;
before(async () => {
  hub = await new Hub().start();
  rest = new Rest(hub.connection_string(), { plain_port: ports.http });
});
after(async () => {
  rest.close();
  await hub.stop();
  hub.remove();
});

async function ask(parameters, { of = hub, headers = {}, path = '/control/wait', method = 'GET' } = {}) {
  const answer = await fetch(`http://${of.address}:${ports.ops}${path}?${Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`, { headers, method });
  return { status: answer.status, json: answer.headers.get('content-type').startsWith('application/json') ? await answer.json() : null };
}

async function sdk_device(t, id) {
  const { primaryKey } = (await rest.request('PUT', `/devices/${id}`, { body: { deviceId: id } })).json.authentication.symmetricKey;
  const client = device_sdk.Client.fromConnectionString(`HostName=${hub.address};DeviceId=${id};SharedAccessKey=${primaryKey}`, mqtt);
  t.after(() => client.close().catch(() => {}));
  client.on('error', () => {});
  await client.setOptions({ ca: fs.readFileSync(hub.ca_file, 'utf8') });
  return client;
}

// The answer to a wait for a message. Only messages count that come when the hub waits already: they are sent until one did.
async function answered(waiting, send) {
  let answer;
  waiting.then((it) => { answer = it; });
  return until('the wait is over', async () => {
    await send();
    return answer;
  }, { every_ms: 100 });
}

// A promise that is not there yet.
async function still_waits(waiting) {
  let ended = false;
  waiting.then(() => { ended = true; });
  await new Promise((resolve) => { setTimeout(resolve, 300); });
  assert.equal(ended, false);
}

test('a connection and its end, and what a device reports, are waited for', async (t) => {
  const client = await sdk_device(t, 'pump');
  const began = performance.now();
  const connected = ask({ device: 'pump', condition: "connectionState = 'Connected'", timeout: '60s' });
  const ready = ask({ device: 'pump', condition: 'properties.reported.ready = true AND tags.room = "attic"', timeout: '1m' });
  await still_waits(connected);
  await within('open', client.open());
  const came = await connected;
  assert.equal(came.status, 200);
  assert.equal(came.json.met, true);
  assert.equal(came.json.twin.deviceId, 'pump');
  // From when the hub was asked, which is not before `began`.
  assert.ok(came.json.waitedMilliseconds > 0 && came.json.waitedMilliseconds <= performance.now() - began, `${came.json.waitedMilliseconds} ms`);

  const twin = await within('twin', client.getTwin());
  const report = (patch) => new Promise((resolve, reject) => { twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve())); });
  await report({ ready: true });
  await still_waits(ready);
  assert.equal((await rest.patch('/twins/pump', { tags: { room: 'attic' } })).status, 200);
  assert.equal((await ready).json.twin.properties.reported.ready, true);

  const left = ask({ device: 'pump', condition: "connectionState = 'Disconnected'", timeout: '60s' });
  await still_waits(left);
  await client.close();
  assert.equal((await left).json.met, true);
});

test('what holds already is answered at once, of a module too, and a device may be made after the wait for it', async () => {
  await rest.create_device('old');
  assert.equal((await rest.request('PUT', '/devices/old/modules/camera', { body: { deviceId: 'old', moduleId: 'camera' } })).status, 200);
  assert.equal((await ask({ device: 'old', condition: "status = 'enabled'" })).json.met, true);
  const module = ask({ device: 'old', module: 'camera', condition: 'tags.zoom > 1' });
  assert.equal((await rest.request('PATCH', '/twins/old/modules/camera', { body: { tags: { zoom: 2 } } })).status, 200);
  assert.equal((await module).json.twin.moduleId, 'camera');
  const born = ask({ device: 'new', condition: 'NOT IS_DEFINED(tags.nothing)' });
  await rest.create_device('new');
  assert.equal((await born).json.twin.deviceId, 'new');
});

test('a message is waited for by its body and its properties; those from before, and of others, do not count', async (t) => {
  const [client, other] = [await sdk_device(t, 'sensor'), await sdk_device(t, 'neighbour')];
  const send = (from, temperature, room) => {
    const message = new device_sdk.Message(JSON.stringify({ temperature }));
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.properties.add('room', room);
    return within('telemetry', from.sendEvent(message));
  };
  await within('open', client.open());
  await within('open', other.open());
  await send(client, 99, 'attic');
  const warm = ask({ device: 'sensor', telemetry: '$body.temperature > 30', timeout: '60s' });
  const attic = ask({ device: 'sensor', telemetry: "room = 'attic'", timeout: '60s' });
  await still_waits(warm);
  await send(other, 40, 'attic');
  await send(client, 20, 'cellar');
  await still_waits(warm);
  const came = await answered(warm, () => send(client, 31, 'cellar'));
  assert.deepEqual([came.json.event.deviceId, came.json.event.body, came.json.event.properties], ['sensor', { temperature: 31 }, { room: 'cellar' }]);
  assert.deepEqual((await answered(attic, () => send(client, 5, 'attic'))).json.event.body, { temperature: 5 });
});

test('the time is over first: 504, and 124 of the command', async () => {
  await rest.create_device('never');
  const { status, json } = await ask({ device: 'never', condition: 'tags.never = 1', timeout: '200ms' });
  assert.equal(status, 504);
  assert.equal(json.met, false);
  assert.ok(json.waitedMilliseconds >= 200);
  const cli = new Cli(hub);
  const wait = (...args) => {
    const command = cli.start_command('wait', 'never', ...args);
    return command.ended.then((code) => ({ code, ...command }));
  };
  assert.equal((await wait('tags.never = 1', '--timeout', '300ms')).code, 124);
  const held = await wait('tags.never = 1', '--timeout', '0s');
  assert.equal(held.code, 124);
  const met = wait('tags.never = 2', '--json', '--timeout', '60s');
  await rest.patch('/twins/never', { tags: { never: 2 } });
  const { code, lines } = await met;
  assert.equal(code, 0);
  assert.equal(JSON.parse(lines[0]).tags.never, 2);
  const wrong = await wait('tags.never = ');
  assert.equal(wrong.code, 1, wrong.errors);
  assert.match(wrong.errors, /line 1, column 14/);
});

test('what cannot be waited for is refused in words', async () => {
  for (const [parameters, words] of [
    [{ condition: 'tags.a = 1' }, /device is the id/],
    [{ device: 'a b', condition: 'tags.a = 1' }, /device is the id/],
    [{ device: 'd' }, /either condition or telemetry/],
    [{ device: 'd', condition: 'tags.a = 1', telemetry: 'true' }, /either condition or telemetry/],
    [{ device: 'd', condition: 'tags.a = ' }, /line 1, column 10/],
    [{ device: 'd', condition: 'tags.a = 1 ORDER BY deviceId' }, /line 1, column 12/],
    [{ device: 'd', condition: "tags.a = 1) OR (tags.b = 2" }, /line 1, column/],
    [{ device: 'd', telemetry: '$body.a > ' }, /line 1, column/],
    [{ device: 'd', condition: 'tags.a = 1', timeout: '2h' }, /timeout/],
    [{ device: 'd', condition: 'tags.a = 1', timeout: '61m' }, /timeout/],
    [{ device: 'd', condition: 'tags.a = 1', timeout: '-1s' }, /timeout/],
    [{ device: 'd', condition: 'tags.a = 1', wrong: '1' }, /parameters/],
  ]) {
    const { status, json } = await ask(parameters);
    assert.equal(status, 400, JSON.stringify(parameters));
    assert.match(json.error, words);
  }
  const good = { device: 'd', condition: 'tags.a = 1', timeout: '1ms' };
  assert.equal((await ask(good, { path: '/control/else' })).status, 404);
  assert.equal((await ask(good, { method: 'POST' })).status, 405);
  assert.equal((await ask(good, { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
  assert.equal((await ask(good)).status, 504);
});

test('a device\'s status, which changes without an event, is waited for, too', async () => {
  await rest.create_device('off');
  const off = ask({ device: 'off', condition: "status = 'disabled'", timeout: '60s' });
  await still_waits(off);
  assert.equal((await rest.request('PUT', '/devices/off', { body: { deviceId: 'off', status: 'disabled' }, headers: { 'if-match': '*' } })).status, 200);
  assert.equal((await off).json.met, true);
});

test('clients that leave give up their places, those that stay keep them, and the port stays open to others', async () => {
  const target = '/control/wait?device=d&timeout=59m&condition=tags.q+%3D+1';
  const wait = () => new Promise((resolve, reject) => {
    const socket = net.connect(ports.ops, hub.address, () => { socket.write(`GET ${target} HTTP/1.1\r\nHost: ${hub.address}\r\n\r\n`); resolve(socket); });
    socket.on('error', reject);
    socket.on('data', () => { socket.answered = true; });
  });
  for (let i = 0; i < 150; ++i) (await wait()).destroy();
  // Who comes before the others' ends were seen is told that there are enough, and comes again.
  let stay = [];
  await until('32 wait', async () => {
    for (const socket of stay) if (socket.answered) socket.destroy();
    stay = stay.filter(({ answered }) => !answered);
    while (stay.length < 32) stay.push(await wait());
    const { status } = await ask({ device: 'd', condition: 'tags.q = 1', timeout: '0s' });
    await hub.ops_status('/readyz');
    return status === 429 && stay.every(({ answered }) => !answered);
  }, { every_ms: 50 });
  const closed = [];
  for (const socket of stay) socket.on('close', () => closed.push(socket));
  for (let i = 0; i < 50; ++i) assert.equal(await hub.ops_status('/readyz'), 200);
  assert.equal(closed.length, 0);
  assert.ok(stay.every(({ answered }) => !answered));
  for (const socket of stay) socket.destroy();
  await until('they have left', async () => (await ask({ device: 'd', condition: 'tags.q = 1', timeout: '0s' })).status === 504);
});

test('so many wait at once and no more; an end of the hub ends them', async (t) => {
  const own = await new Hub().start();
  t.after(() => own.remove());
  const waits = Array.from({ length: 20 }, () => ask({ device: 'd', condition: 'tags.a = 1', timeout: '59m' }, { of: own }).catch((error) => error));
  await still_waits(Promise.race(waits));
  await own.stop();
  for (const wait of await Promise.all(waits)) assert.ok(wait instanceof Error || wait.status === 503, JSON.stringify(wait));
});

test('where tests may not order anything there is no path', async (t) => {
  const own = await new Hub({ flags: ['--control', 'off'] }).start();
  t.after(() => own.remove());
  assert.equal((await ask({ device: 'd', condition: 'tags.a = 1' }, { of: own })).status, 404);
  const command = new Cli(own).start_command('wait', 'd', 'tags.a = 1');
  assert.equal(await command.ended, 1);
  assert.match(command.errors, /--control on/);
  await own.stop();
});
