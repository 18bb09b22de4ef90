// A Mosquitto broker that bridges to the hub with the configuration that people use for IoT Hub: local programs speak plain
// MQTT to the broker, the broker is the device. https://mosquitto.org/man/mosquitto-conf-5.html, "Configuring Bridges".
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { ports } = require('../support/node/hub');
const { Program } = require('../support/node/program');
const { until } = require('../support/node/until');
const { World, properties_of } = require('./world');

const local_port = 1884;

const configuration = (world, device, clean) => `
user ${os.userInfo().username}
listener ${local_port} ${world.host}
allow_anonymous true
persistence false
log_dest stderr

connection iothub
address ${world.host}:${ports.mqtts}
bridge_protocol_version mqttv311
bridge_cafile ${world.hub.ca_file}
bridge_attempt_unsubscribe false
remote_clientid ${device.id}
remote_username ${device.user_name}
remote_password ${device.password}
start_type automatic
restart_timeout 1
cleansession ${clean}
notifications false
try_private false
topic devices/${device.id}/messages/events/# out 1
topic devices/${device.id}/messages/devicebound/# in 1
topic methods/POST/# in 0 local/ $iothub/
topic twin/res/# in 0 local/ $iothub/
topic twin/PATCH/properties/desired/# in 0 local/ $iothub/
topic twin/GET/# out 0 local/ $iothub/
topic twin/PATCH/properties/reported/# out 0 local/ $iothub/
topic methods/res/# out 0 local/ $iothub/
`;

// A hub and a broker that is its device.
async function bridged(t, { clean = true } = {}) {
  const world = await World.start();
  t.after(() => world.end());
  const device = await world.device('2018-06-30');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-bridge-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  fs.writeFileSync(path.join(folder, 'mosquitto.conf'), configuration(world, device, clean));
  const broker = new Program('/usr/sbin/mosquitto', ['-c', path.join(folder, 'mosquitto.conf')]);
  t.after(() => broker.kill());
  await until('the bridge is connected', async () => {
    if (broker.ended) throw new Error(broker.report());
    return world.is_connected(device.id);
  });

  // A local program: no TLS, no token, no device id.
  const local = (command, ...flags) => new Program(`mosquitto_${command}`, ['-h', world.host, '-p', local_port, ...flags]);
  const publish = (topic, payload) => local('pub', '-q', 1, '-t', topic, '-m', payload).success();
  // Its lines are "topic payload"; ready once its own subscription has echoed something.
  const listen = async (filter) => {
    const program = local('sub', '-t', filter, '-t', 'here/#', '-F', '%t %p');
    t.after(() => program.kill());
    await until('the subscription', async () => {
      await publish('here/I', 'am');
      return program.lines.length > 0;
    });
    return program;
  };
  return { world, device, publish, listen };
}

const of = (prefix) => (line) => line.startsWith(prefix);
const payload_of = (line) => JSON.parse(line.slice(line.indexOf(' ')));

// The bridge has subscribed once a change comes through.
const hears_changes = ({ world, device }, program) => until('a delta', async () => {
  const version = await world.patch_desired(device.id, { hello: Date.now() });
  return program.lines.some(of('local/twin/PATCH/properties/desired/')) && version;
}, { every_ms: 50 });

test('local programs send telemetry, read the twin, report, and get deltas', async (t) => {
  const here = await bridged(t);
  const { world, device, publish } = here;
  await publish(`devices/${device.id}/messages/events/room=kitchen`, '{"t":1}');
  const event = await world.events.telemetry(device.id);
  assert.equal(event.body, '{"t":1}');
  assert.deepEqual(event.application, { room: 'kitchen' });

  const program = await here.listen('local/twin/#');
  await hears_changes(here, program);
  const version = await world.patch_desired(device.id, { interval: 5 });
  const delta = await program.line('the delta', of(`local/twin/PATCH/properties/desired/?$version=${version} `));
  assert.deepEqual(payload_of(delta), { interval: 5, $version: version });

  await publish('local/twin/PATCH/properties/reported/?$rid=r1', '{"fw":"2"}');
  await program.line('204', of('local/twin/res/204/?$rid=r1&$version=2'));
  assert.equal((await world.reported(device.id)).fw, '2');

  await publish('local/twin/GET/?$rid=g1', ' ');
  const twin = payload_of(await program.line('the twin', of('local/twin/res/200/?$rid=g1 ')));
  assert.equal(twin.desired.interval, 5);
  assert.deepEqual(twin.reported, { fw: '2', $version: 2 });
});

test('local programs answer direct methods', async (t) => {
  const here = await bridged(t);
  const { world, device, publish } = here;
  const program = await here.listen('local/methods/#');
  await hears_changes(here, await here.listen('local/twin/#'));  // its last filters are in force: so are all
  const answer = world.invoke(device.id, 'reboot', { delay: 5 });
  const call = await program.line('the call', of('local/methods/POST/reboot/?$rid='));
  assert.deepEqual(payload_of(call), { delay: 5 });
  const rid = call.slice(call.indexOf('$rid=') + 5, call.indexOf(' '));
  await publish(`local/methods/res/200/?$rid=${rid}`, '{"accepted":true}');
  assert.deepEqual(await answer, { status: 200, payload: { accepted: true } });
});

test('local programs receive cloud-to-device messages', async (t) => {
  const { world, device, listen } = await bridged(t);
  const messages = await listen(`devices/${device.id}/messages/devicebound/#`);
  await world.send_message(device.id, 'hello', { 'iothub-app-colour': 'red' });
  const message = await messages.line('the message', (line) => line.endsWith(' hello'));
  assert.equal(properties_of(message.split(' ')[0]).colour, 'red');
  await until('it is completed', async () => (await world.waiting_messages(device.id)) === 0);
});

for (const clean of [true, false]) {
  test(`cleansession ${clean}: the bridge comes back after a crash of the hub`, async (t) => {
    const here = await bridged(t, { clean });
    const { world, device, publish } = here;
    await hears_changes(here, await here.listen('local/twin/#'));
    await world.hub.kill();
    // A broker that keeps its bridge's session queues what is published meanwhile.
    await publish(`devices/${device.id}/messages/events/`, '{"meanwhile":1}');
    await world.hub.start();
    await until('the bridge is back', () => world.is_connected(device.id));
    await publish(`devices/${device.id}/messages/events/`, '{"later":1}');
    const seen = [];
    await until('the later message', async () => {
      seen.push(...(await world.events.read()).filter(({ source }) => source === 'telemetry').map(({ body }) => body));
      return seen.includes('{"later":1}');
    }, { every_ms: 100 });
    if (!clean) assert.deepEqual(seen, ['{"meanwhile":1}', '{"later":1}']);
    await hears_changes(here, await here.listen('local/twin/#'));
  });
}
