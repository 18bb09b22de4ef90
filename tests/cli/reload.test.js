// `twinhub reload` and SIGHUP: what a running hub takes of its settings, policies and routes, what waits for a restart, and that an error in
// any of them changes nothing.
'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Hub, binary, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { sas_token } = require('../support/node/sas');
const { until } = require('../support/node/until');

const twinhub = (hub, ...args) => spawnSync(binary, [...args, ...hub.mode, '--data-dir', hub.data_dir].map(String), { encoding: 'utf8', timeout: 60_000 });

function ok(hub, ...args) {
  const ran = twinhub(hub, ...args);
  assert.strictEqual(ran.status, 0, ran.stdout + ran.stderr);
  return ran.stdout;
}

// A hub whose settings file holds `toml(hub)`; `hub.settings(text)` writes another.
async function started(t, toml, options) {
  const hub = new Hub(options);
  t.after(() => hub.remove());
  hub.settings_file = path.join(hub.data_dir, 'settings.toml');
  hub.settings = (text) => fs.writeFileSync(hub.settings_file, text);
  hub.settings(toml(hub));
  hub.flags = ['--config', hub.settings_file];
  await hub.start();
  return hub;
}

const rest_of = (hub) => new Rest(hub.connection_string(), { plain_port: ports.http });

async function device_of(hub, id) {
  const { json } = await rest_of(hub).create_device(id);
  return { id, key: json.authentication.symmetricKey.primaryKey, host: hub.address, port: ports.mqtt };
}

async function connected(device, how = {}) {
  const client = new MqttClient(device);
  const { return_code } = await client.connect({ clean_session: true, ...how });
  if (return_code === 0) await client.subscribe('$iothub/twin/res/#');
  return { client, return_code };
}

test('the log level is taken, other settings wait for a restart by name, a second reload takes nothing more', async (t) => {
  const hub = await started(t, () => '[log]\nlevel = "info"\n');
  const device = await device_of(hub, 'd');
  const rest = rest_of(hub);
  t.after(() => rest.close());
  const leave = async () => {
    (await connected(device)).client.disconnect();
    await until('the hub has seen it go', async () => (await rest.get('/devices/d')).json.connectionState === 'Disconnected');
  };
  await leave();
  hub.settings('[log]\nlevel = "debug"\n[mqtt]\nin_flight_max = 7\n');
  const printed = ok(hub, 'reload');
  assert.match(printed, /^log\.level: "info" -> "debug"$/m);
  assert.match(printed, /^TLS certificate reloaded: CN=twinhub, until /m);
  assert.match(printed, /^waits for a restart: mqtt\.in_flight_max: 64 -> 7$/m);
  assert.doesNotMatch(hub.log, / debug /);
  await leave();
  await until('a line of level debug', () => / debug /.test(hub.log));
  for (const line of [/ info reload: log\.level: "info" -> "debug"\n/, / warn reload: waits for a restart: mqtt\.in_flight_max: 64 -> 7\n/]) {
    await until(`${line}`, () => line.test(hub.log));
  }

  const again = JSON.parse(ok(hub, 'reload', '--json'));
  assert.strictEqual(again.state, 'done');
  assert.deepStrictEqual(again.waiting, [{ setting: 'mqtt.in_flight_max', running: '64', configured: '7' }]);
  assert.deepStrictEqual(again.taken.filter((words) => !words.startsWith('TLS certificate')), []);
  hub.settings('[log]\nlevel = "debug"\nformat = "json"\n');
  assert.match(ok(hub, 'reload'), /log\.format/);
  await until('lines of JSON', () => /^\{"time":.*"message":"reload: TLS certificate/m.test(hub.log));
});

test('SIGHUP does the same, and the log says so', async (t) => {
  const hub = await started(t, () => '');
  hub.settings('units = 2\n[log]\nlevel = "warn"\n');
  hub.process.kill('SIGHUP');
  await until('the report', () => / warn reload: waits for a restart: units: 1 -> 2\n/.test(hub.log));
  assert.match(hub.log, / info reload: log\.level: "info" -> "warn"\n/);
});

test('an error in the file, a route, a policy or a certificate is told, and nothing of the rest is taken', async (t) => {
  const hub = await started(t, () => '', { dev: false });
  const policies = path.join(hub.data_dir, 'policies.toml');
  const keys = fs.readFileSync(policies, 'utf8');
  const owner = hub.connection_string();
  const fails = (words, text) => {
    hub.settings(text);
    const ran = twinhub(hub, 'reload');
    assert.strictEqual(ran.status, 1, ran.stdout + ran.stderr);
    assert.match(ran.stderr, words);
    assert.match(ran.stderr, /; nothing was changed\n$/);
    assert.strictEqual(ran.stdout, '');
  };
  const debug = '[log]\nlevel = "debug"\n';
  fails(/settings\.toml:1: /, `level = = 3\n${debug}`);
  fails(/settings\.toml:3: there is no setting 'log\.levle'/, `${debug}levle = 1\n`);
  fails(/settings\.toml:3: .*'r'/, `${debug}[[routes]]\nname = "r"\nsource = "DeviceMessages"\ncondition = "AND"\nendpoints = ["events"]\n`);
  fails(/tls\.device_ca: \/nowhere\.pem: cannot be read/, `[tls]\ndevice_ca = ["/nowhere.pem"]\n${debug}`);
  fs.writeFileSync(policies, keys.replace(/(\[.?service.?\]\nprimary_key = ")[^"]*/, '$1no base64'));
  fails(/primary_key of policy service is no base64/, debug);
  fs.writeFileSync(policies, keys);
  assert.doesNotMatch(hub.log, / debug |log\.level/);
  hub.settings(debug + 'level = "info"\n');
  hub.process.kill('SIGHUP');
  await until('the error in the log', () => / error reload: .*settings\.toml:3: .*; nothing was changed\n/.test(hub.log));
  assert.strictEqual((await new Rest(owner, { plain_port: ports.http }).get('/devices?top=1')).status, 200);
  hub.settings(debug);
  assert.match(ok(hub, 'reload'), /log\.level/);
});

test("both keys of a policy are rotated while its clients stay: the other key's client goes on", async (t) => {
  const hub = await started(t, () => '', { dev: false });
  const device = await device_of(hub, 'd');
  const policies = path.join(hub.data_dir, 'policies.toml');
  const key_of = (policy, which) => fs.readFileSync(policies, 'utf8').match(new RegExp(`\\[.?${policy}.?\\]\\n(?:\\w+ = .*\\n)*?${which}_key = "([^"]+)"`))[1];
  const by = (key) => connected(device, { password: sas_token({ resource: `${hub.address}/devices/d`, key, policy: 'device' }) });
  const second = (other) => connected({ ...device, id: other }, { password: sas_token({ resource: `${hub.address}/devices/${other}`, key: key_of('device', 'primary'), policy: 'device' }) });
  await device_of(hub, 'e');
  const [primary, secondary] = [key_of('device', 'primary'), key_of('device', 'secondary')];
  const { client, return_code } = await by(secondary);
  assert.strictEqual(return_code, 0);
  const { client: by_primary } = await second('e');

  // By hand: an editor, and a reload.
  const fresh = Buffer.alloc(32, 7).toString('base64');
  fs.writeFileSync(policies, fs.readFileSync(policies, 'utf8').replace(primary, fresh));
  const ended = once(by_primary, 'close');
  assert.match(ok(hub, 'reload'), /^policies: device: new primary key$/m);
  assert.doesNotMatch(hub.log, new RegExp(fresh.slice(0, 20)));
  await ended;  // who used the old primary key is out
  assert.ok(await client.get_twin(), 'who uses the secondary key is connected and able');
  assert.strictEqual((await by(primary)).return_code, 5);
  const { client: later, return_code: taken } = await by(fresh);
  assert.strictEqual(taken, 0);
  assert.ok(await later.get_twin());

  // The other one, by the command.
  const renewed = ok(hub, 'policy', 'renew', 'device', '--key', 'secondary');
  assert.match(renewed, /^[A-Za-z0-9+/]{43}=\n$/);
  assert.ok(await later.get_twin());
  assert.strictEqual((await by(secondary)).return_code, 5);
  assert.strictEqual((await by(renewed.trim())).return_code, 0);

  // The owner's own key, too: the order is signed with the key that stays.
  const owner = hub.connection_string();
  ok(hub, 'policy', 'renew', 'iothubowner', '--key', 'primary');
  assert.strictEqual((await new Rest(owner, { plain_port: ports.http }).get('/devices?top=1')).status, 401);
  assert.strictEqual((await rest_of(hub).get('/devices?top=1')).status, 200);
  assert.strictEqual(twinhub(hub, 'policy', 'renew', 'nobody', '--key', 'primary').status, 4);
  assert.strictEqual(twinhub(hub, 'policy', 'renew', 'device').status, 2);
});

test('routes and endpoints are changed while the hub runs: one that stays is not disturbed', async (t) => {
  const file = (hub, name) => path.join(hub.data_dir, 'out', `${name}.jsonl`);
  const endpoint = (hub, name) => `[[endpoints]]\nname = "${name}"\ntype = "file"\npath = "${file(hub, name)}"\n`;
  const route = (name, condition, ...to) => `[[routes]]\nname = "${name}"\nsource = "DeviceMessages"\ncondition = "${condition}"\nendpoints = ${JSON.stringify(to)}\n`;
  const hub = await started(t, (own) => endpoint(own, 'all') + route('all', 'true', 'all'));
  const bodies = (name) => (fs.existsSync(file(hub, name)) ? fs.readFileSync(file(hub, name), 'utf8').split('\n').slice(0, -1).map((line) => Buffer.from(JSON.stringify(JSON.parse(line))).toString()) : []);
  const has = (name, text) => bodies(name).some((line) => line.includes(text));
  const { client } = await connected(await device_of(hub, 'd'));
  const send = (text) => client.publish('devices/d/messages/events/$.ct=application%2Fjson&$.ce=utf-8', JSON.stringify({ text }), 1);
  await send('first');
  await until('the first event', () => has('all', 'first'));

  hub.settings(endpoint(hub, 'hot') + endpoint(hub, 'all') + route('all', 'true', 'all') + route('hot', "$body.text = 'second'", 'hot'));
  assert.match(ok(hub, 'reload'), /^routing: route 'hot' added, endpoint 'hot' added$/m);
  await send('second');
  await until('the second event, at both', () => has('all', 'second') && has('hot', 'second'));
  assert.ok(!has('hot', 'first'));

  hub.settings(endpoint(hub, 'hot') + route('hot', "$body.text = 'third'", 'hot', 'events'));
  assert.match(ok(hub, 'reload'), /^routing: route 'hot' changed, route 'all' removed, endpoint 'all' removed$/m);
  await send('fourth');
  await send('third');
  await until('the third event', () => has('hot', 'third'));
  assert.ok(!has('hot', 'fourth') && !has('all', 'third') && !has('all', 'fourth'));
  assert.deepStrictEqual(bodies('all').length, 2, 'nothing was sent twice');
});

test('the hub that does not run is told of, and so is a key that it cannot know', async (t) => {
  const hub = await started(t, () => '', { dev: false });
  const policies = path.join(hub.data_dir, 'policies.toml');
  const keys = fs.readFileSync(policies, 'utf8');
  fs.writeFileSync(policies, keys.replace(/(\[.?iothubowner.?\]\nprimary_key = ")[^"]*("\nsecondary_key = ")[^"]*/, `$1${Buffer.alloc(32, 1).toString('base64')}$2${Buffer.alloc(32, 2).toString('base64')}`));
  const unknown = twinhub(hub, 'reload');
  assert.strictEqual(unknown.status, 6);
  hub.process.kill('SIGHUP');
  await until('SIGHUP needs no key', () => /policies: iothubowner: new primary key, iothubowner: new secondary key/.test(hub.log));
  ok(hub, 'reload');
  await hub.stop();
  assert.strictEqual(twinhub(hub, 'reload').status, 3);
});
