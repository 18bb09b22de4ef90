// mosquitto_pub and mosquitto_sub as devices, as a person at a shell uses them: a token from `twinhub token`,
// TLS, one command per message.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { ports } = require('../support/node/hub');
const { Program } = require('../support/node/program');
const { until } = require('../support/node/until');
const { World, properties_of } = require('./world');

let world;
before(async () => { world = await World.start(); });
after(() => world.end());

// The flags that every command of a device repeats.
const login = (device) => ['-h', world.host, '-p', ports.mqtts, '--cafile', world.hub.ca_file, '-V', 'mqttv311',
  '-i', device.id, '-u', device.user_name,
  ...(device.certificate ? ['--cert', device.certificate, '--key', device.private_key] : ['-P', device.password])];

const mosquitto = (command, device, ...flags) => new Program(`mosquitto_${command}`, [...login(device), ...flags]);

// mosquitto_sub that stays; its lines are "topic payload".
async function subscriber(t, device, ...flags) {
  const program = mosquitto('sub', device, '-F', '%t %p', ...flags);
  t.after(() => program.kill());
  await until(`${device.id} is connected`, () => world.is_connected(device.id));
  return program;
}

// The subscription is on its way when the device shows as connected; the first delta shows that it is in force.
async function listening(t, device, ...flags) {
  const program = await subscriber(t, device, '-t', '$iothub/twin/PATCH/properties/desired/#', ...flags);
  await until('a first delta', async () => {
    await world.patch_desired(device.id, { hello: Date.now() });
    return program.lines.length > 0;
  }, { every_ms: 50 });
  return program;
}

for (const qos of [0, 1]) {
  test(`mosquitto_pub: a message of QoS ${qos} with properties is in the event log`, async () => {
    const device = await world.device();
    const topic = `devices/${device.id}/messages/events/%24.ct=application%2Fjson&%24.mid=m1&colour=light%20blue&empty=`;
    await mosquitto('pub', device, '-q', qos, '-t', topic, '-m', '{"temperature":21.5}').success();
    const event = await world.events.telemetry(device.id);
    assert.equal(event.body, '{"temperature":21.5}');
    assert.equal(event.system['content-type'], 'application/json');
    assert.equal(event.system['message-id'], 'm1');
    assert.equal(event.system['iothub-connection-device-id'], device.id);
    assert.deepEqual(event.application, { colour: 'light blue', empty: '' });
  });
}

test('mosquitto_pub -l: every line is a message, in order', async () => {
  const device = await world.device();
  const program = mosquitto('pub', device, '-q', 1, '-t', `devices/${device.id}/messages/events/`, '-l');
  for (let n = 0; n < 200; n += 1) program.say(`{"n":${n}}`);
  program.child.stdin.end();
  await program.success();
  const numbers = [];
  await until('200 messages', async () => {
    const events = await world.events.read();
    numbers.push(...events.filter((event) => event.source === 'telemetry').map(({ body }) => JSON.parse(body).n));
    return numbers.length >= 200;
  }, { every_ms: 100 });
  assert.deepEqual(numbers, Array.from({ length: 200 }, (_, n) => n));
});

// mosquitto_sub and mosquitto_pub are two connections, which one device cannot have: a twin's answers are seen through the
// bridge (bridge.test.js). A patch needs none.
test('mosquitto_pub: reports a property', async () => {
  const device = await world.device();
  await mosquitto('pub', device, '-q', 1, '-t', '$iothub/twin/PATCH/properties/reported/?$rid=1', '-m', '{"fw":"1.1"}').success();
  await until('the property', async () => (await world.reported(device.id)).fw === '1.1');
});

test('mosquitto_sub: deltas arrive in order', async (t) => {
  const device = await world.device();
  const program = await listening(t, device);
  const first = await world.patch_desired(device.id, { a: { b: 1 } });
  for (let n = 0; n < 10; n += 1) await world.patch_desired(device.id, { n });
  await program.line('the last delta', (line) => line.includes(`$version=${first + 10} `));
  const versions = program.lines.map((line) => Number(line.match(/\?\$version=(\d+) /)[1]));
  assert.deepEqual(versions, versions.map((_, n) => versions[0] + n), 'no gap, no repetition');
  assert.equal(program.lines.find((line) => line.includes(`$version=${first} `)),
    `$iothub/twin/PATCH/properties/desired/?$version=${first} {"a":{"b":1},"$version":${first}}`);
});

test('mosquitto_sub -c: the subscription outlives a reconnect; deltas sent while the client was away are not repeated', async (t) => {
  const device = await world.device();
  const program = await listening(t, device, '-c', '-q', 1);
  program.kill('SIGTERM');
  await until('it is gone', async () => program.ended && !(await world.is_connected(device.id)));
  await world.patch_desired(device.id, { missed: 1 });
  // Another filter: deltas can only come by the kept session.
  const back = await subscriber(t, device, '-c', '-t', '$iothub/twin/res/#');
  const version = await world.patch_desired(device.id, { seen: 2 });
  assert.equal(await back.line('a delta', () => true),
    `$iothub/twin/PATCH/properties/desired/?$version=${version} {"seen":2,"$version":${version}}`);
});

test('mosquitto_sub: cloud-to-device messages arrive, those that waited in the queue first', async (t) => {
  const device = await world.device();
  await world.send_message(device.id, 'waited', { 'iothub-messageid': 'm1', 'iothub-app-colour': 'light blue' });
  const program = await subscriber(t, device, '-c', '-q', 1, '-t', `devices/${device.id}/messages/devicebound/#`);
  const [topic, payload] = (await program.line('the first message', () => true)).split(' ');
  assert.equal(payload, 'waited');
  assert.equal(properties_of(topic)['$.mid'], 'm1');
  assert.equal(properties_of(topic).colour, 'light blue');
  await world.send_message(device.id, 'at once');
  await program.line('the second message', (line) => line.endsWith(' at once'));
  await until('both are completed', async () => (await world.waiting_messages(device.id)) === 0);
  assert.equal(program.lines.length, 2);
});

test('a will becomes telemetry when the client dies, and is discarded when the client sends DISCONNECT', async (t) => {
  const [dies, leaves] = [await world.device(), await world.device()];
  const will_of = ({ id }) => ['--will-topic', `devices/${id}/messages/events/kind=farewell`, '--will-payload', 'gone'];
  // Not mosquitto_sub and a signal: a signal at a bad moment has it leave without the DISCONNECT.
  await mosquitto('pub', leaves, '-q', 1, '-t', `devices/${leaves.id}/messages/events/`, '-m', 'said', ...will_of(leaves)).success();
  await until('it has left', async () => !(await world.is_connected(leaves.id)));
  const client = await subscriber(t, dies, '-t', '$iothub/twin/res/#', ...will_of(dies));
  client.kill('SIGKILL');
  const seen = [];
  await until('the will', async () => {
    seen.push(...(await world.events.read()).filter(({ source }) => source === 'telemetry'));
    return seen.some(({ device }) => device === dies.id);
  }, { every_ms: 100 });
  const will = seen.find(({ device }) => device === dies.id);
  assert.equal(will.body, 'gone');
  assert.equal(will.application.kind, 'farewell');
  assert.equal(will.application['iothub-MessageType'], 'Will');
  assert.deepEqual(seen.filter(({ device }) => device === leaves.id).map(({ body }) => body), ['said'], 'and no will in spite of DISCONNECT');
});

test('mosquitto_pub --cert: a certificate serves instead of a token', async () => {
  const device = await world.x509_device();
  await mosquitto('pub', device, '-q', 1, '-t', `devices/${device.id}/messages/events/`, '-m', 'certified').success();
  assert.equal((await world.events.telemetry(device.id)).body, 'certified');
});

test('clients that are not devices of the hub are refused with return codes that mosquitto explains', async () => {
  const device = await world.device();
  const stranger = { ...device, password: device.password.replace(/sig=[^&]+/, 'sig=AAAA') };
  const program = mosquitto('pub', stranger, '-t', `devices/${device.id}/messages/events/`, '-m', 'x');
  await assert.rejects(program.success(), /not authori[sz]ed/i);
});
