// Import and export: files of a real hub and seeds, whole hubs there and back, and the words for a person when an import fails.
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Cli, scratch } = require('../support/node/cli');
const { ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

const file_of = (folder, name, lines) => {
  const file = path.join(folder, name);
  fs.writeFileSync(file, Array.isArray(lines) ? `${lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')}\n` : lines);
  return file;
};
const key = () => crypto.randomBytes(32).toString('base64');
const lines_of = (text) => text.trimEnd().split('\n').map((line) => JSON.parse(line));

test('a hub exported and imported into a fresh one exports the same bytes', async (t) => {
  const folder = scratch(t);
  const first = await Cli.start(t);
  const lines = [
    { id: 'a', tags: { room: 'attic', deep: { er: [1, 2.50, { x: 'ä' }] } }, properties: { desired: { n: 1.0, text: 'a "quoted" text' } } },
    { id: 'a', moduleId: 'camera', managedBy: 'me', properties: { desired: { zoom: 2 } } },
    { id: 'b', status: 'disabled', statusReason: 'in repair', authentication: { type: 'sas', symmetricKey: { primaryKey: key(), secondaryKey: key() } } },
    { id: 'c', authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: 'aB'.repeat(20), secondaryThumbprint: 'C3'.repeat(32) } } },
    { id: 'd', authentication: { type: 'certificateAuthority' } },
    { id: 'edge', capabilities: { iotEdge: true }, deviceScope: 'ms-azure-iot-edge://edge-636000000000000000' },
    { id: 'edge', moduleId: '$edgeAgent', properties: { desired: { schemaVersion: '1.1' } } },
    { id: 'leaf', deviceScope: 'ms-azure-iot-edge://edge-636000000000000000', parentScopes: ['ms-azure-iot-edge://edge-636000000000000000'] },
    ...Array.from({ length: 300 }, (_, i) => ({ id: `many-${i}`, tags: { i }, properties: { desired: { i }, reported: { r: [i] } } })),
  ];
  assert.strictEqual(first.run(['import', file_of(folder, 'in.txt', lines)]).stdout, '308 imported, 0 failed\n');
  // Reported properties are exported too.
  const [, own_key] = /SharedAccessKey=(.*)$/m.exec(first.hub.connection_string('--device', 'a'));
  const device = new MqttClient({ host: first.hub.address, id: 'a', key: own_key, port: ports.mqtt });
  await device.connect();
  await device.subscribe('$iothub/twin/res/#');
  const reported = new Promise((resolve) => { device.on('message', resolve); });
  device.publish('$iothub/twin/PATCH/properties/reported/?$rid=1', '{"temperature":21.50,"list":[{"k":null}]}'.replace('null', '0'));
  await reported;
  device.disconnect();

  const whole = path.join(folder, 'whole.txt');
  const exported = first.run(['export', whole]);
  assert.strictEqual(exported.status, 0, exported.stderr);
  assert.match(exported.stderr, /309 devices and modules in .*; it holds their keys/);
  assert.strictEqual(fs.statSync(whole).mode & 0o777, 0o600);
  assert.deepStrictEqual(fs.readdirSync(folder).sort(), ['in.txt', 'whole.txt']);
  const a = lines_of(fs.readFileSync(whole, 'utf8'))[0];
  assert.deepStrictEqual(Object.keys(a), ['id', 'eTag', 'status', 'authentication', 'capabilities', 'parentScopes', 'twinETag', 'tags', 'properties']);
  assert.strictEqual(a.authentication.symmetricKey.primaryKey, own_key);
  assert.strictEqual(a.properties.reported.temperature, 21.5);

  const second = await Cli.start(t);
  assert.strictEqual(second.run(['import', whole]).stdout, '309 imported, 0 failed\n');
  const bytes = first.ok('export', '--without-etags');
  assert.strictEqual(second.ok('export', '--without-etags'), bytes);
  assert.match(bytes, /21\.50/, 'numbers stay as they were written');
  // Again: nothing fails, nothing is different.
  assert.strictEqual(second.run(['import', whole]).stdout, '309 imported, 0 failed\n');
  assert.strictEqual(second.ok('export', '--without-etags'), bytes);
  // A device connects to the imported hub with its old key.
  const moved = new MqttClient({ host: second.hub.address, id: 'a', key: own_key, port: ports.mqtt });
  await moved.connect();
  moved.disconnect();

  const keyless = second.ok('export', '--without-keys');
  assert.doesNotMatch(keyless, /"primaryKey":"/);
  assert.strictEqual(second.run(['import', '-'], { input: `*** keys are left out ***\n${keyless}` }).stdout, '309 imported, 0 failed\n');
  assert.strictEqual(second.ok('export', '--without-etags'), bytes, 'an import without keys changes none');
});

test('a file as an IoT Hub exports it: etags, metadata, null authentication, modules of edge devices', async (t) => {
  const cli = await Cli.start(t);
  const stamp = { $lastUpdated: '2017-03-09T18:30:52.3167248Z', $lastUpdatedVersion: 2 };
  const lines = [
    { id: 'Device1', eTag: 'MA==', status: 'enabled', authentication: { symmetricKey: { primaryKey: key(), secondaryKey: key() } } },
    { id: 'export-6d84f075-0', eTag: 'MQ==', status: 'enabled', statusReason: 'firstUpdate', authentication: null, twinETag: 'AAAAAAAAAAI=',
      tags: { Location: 'LivingRoom' },
      properties: { desired: { Thermostat: { Temperature: 75.1, Unit: 'F' }, $metadata: { ...stamp, Thermostat: stamp }, $version: 2 },
        reported: { $metadata: { $lastUpdated: stamp.$lastUpdated }, $version: 1 } } },
    { id: 'edge', eTag: 'MQ==', status: 'enabled', authentication: { type: 'sas', symmetricKey: { primaryKey: key(), secondaryKey: key() } },
      capabilities: { iotEdge: true }, deviceScope: 'ms-azure-iot-edge://edge-637131779299315265' },
    { id: 'edge', moduleId: '$edgeHub', eTag: 'MQ==', managedBy: 'iotEdge', authentication: { type: 'none' }, twinETag: 'AAAAAAAAAAc=',
      properties: { desired: { routes: { all: 'FROM /* INTO $upstream' } }, reported: {} } },
    { id: 'gone', importMode: 'create' },
    { id: 'gone', importMode: 'delete' },
  ];
  const imported = cli.run(['import', '-', '--json'], { input: lines.map((line) => JSON.stringify(line)).join('\r\n') });
  assert.deepStrictEqual([imported.status, JSON.parse(imported.stdout)], [0, { imported: 6, failed: 0, nextLine: 7 }], imported.stderr);
  const twin = cli.json('twin', 'show', 'export-6d84f075-0');
  assert.deepStrictEqual(twin.properties.desired.Thermostat, { Temperature: 75.1, Unit: 'F' });
  assert.strictEqual(twin.statusReason, 'firstUpdate');
  assert.strictEqual(cli.json('device', 'show', 'edge').deviceScope, 'ms-azure-iot-edge://edge-637131779299315265');
  assert.ok(cli.json('twin', 'show', 'edge', '--module', '$edgeHub').properties.desired.routes);
  assert.strictEqual(cli.run(['device', 'show', 'gone']).status, 4);
});

test('a byte order mark in front of an export or a seed loses no device', async (t) => {
  const folder = scratch(t);
  const cli = await Cli.start(t);
  const lines = file_of(folder, 'lines.txt', '\ufeff{"id":"a","importMode":"create"}\n{"id":"b","importMode":"create"}\n');
  assert.strictEqual(cli.run(['import', lines]).stdout, '2 imported, 0 failed\n');
  const seed = file_of(folder, 'seed.json', '\ufeff{"devices":[{"id":"c"}]}');
  assert.strictEqual(cli.run(['import', seed]).stdout, '1 imported, 0 failed\n');
  assert.deepStrictEqual(lines_of(cli.ok('export')).map((line) => line.id).sort(), ['a', 'b', 'c']);
});

test('seeds in TOML and JSON make the same hub, as often as they are imported', async (t) => {
  const folder = scratch(t);
  const cli = await Cli.start(t);
  const own_key = key();
  const toml = file_of(folder, 'seed.toml', `
[[devices]]
id = "thermostat-1"
status = "disabled"
primaryKey = "${own_key}"
tags = { room = "attic", since = 2026-11-23 }
[devices.desired]
interval = 5
ratio = 0.5
[[devices.modules]]
id = "camera"
desired = { zoom = 2 }

[[devices]]
id = "thermostat-2"
reported = { temperature = 21 }
`);
  const seed = { devices: [
    { id: 'thermostat-1', status: 'disabled', primaryKey: own_key, tags: { room: 'attic', since: '2026-11-23' }, desired: { interval: 5, ratio: 0.5 },
      modules: [{ id: 'camera', desired: { zoom: 2 } }] },
    { id: 'thermostat-2', reported: { temperature: 21 } }] };
  const content = () => lines_of(cli.ok('export', '--without-etags'));
  assert.strictEqual(cli.run(['import', toml]).stdout, '3 imported, 0 failed\n');
  const first = content();
  assert.deepStrictEqual(first[0].authentication.symmetricKey, { primaryKey: own_key, secondaryKey: own_key });
  assert.deepStrictEqual(first[0].tags, { room: 'attic', since: '2026-11-23' });
  assert.deepStrictEqual(first[1].properties.desired, { zoom: 2 });
  assert.deepStrictEqual(first[2].properties.reported, { temperature: 21 });
  for (const file of [toml, file_of(folder, 'seed.json', JSON.stringify(seed, null, 2)), file_of(folder, 'one-line.json', JSON.stringify(seed)),
    file_of(folder, 'array.json', JSON.stringify(seed.devices))]) {
    assert.strictEqual(cli.run(['import', file]).stdout, '3 imported, 0 failed\n', file);
    assert.deepStrictEqual(content(), first, file);
  }
  for (const [name, text, words] of [
    ['bad.toml', '[[devices]]\nid = ', /bad\.toml:2: /], ['no-id.toml', '[[devices]]\nname = "x"', /device 1: has no id/],
    ['none.json', '{"device":[]}', /a seed has a list of devices/], ['bad.json', '{"devices":[', /bad\.json: /],
    ['both.json', '{"devices":[{"id":"x","desired":{},"properties":{}}]}', /both properties and desired/]]) {
    const refused = cli.run(['import', file_of(folder, name, text)]);
    assert.strictEqual(refused.status, 1, name);
    assert.match(refused.stderr, words);
  }
  assert.deepStrictEqual(content(), first);
});

test('lines that fail are named, kept in a file and imported again; the other lines are imported', async (t) => {
  const folder = scratch(t);
  const cli = await Cli.start(t);
  const failed = path.join(folder, 'failed.txt');
  const lines = Array.from({ length: 250 }, (_, i) => JSON.stringify({ id: `d${i}` }));
  lines[10] = '{"id":"d10"';
  lines[20] = '{"id":"d 20"}';
  lines[130] = '{"id":"d130","importMode":"merge"}';
  lines[140] = '{"id":"nobody","moduleId":"m"}';
  lines[141] = '[]';
  lines[150] = '{"id":"d5","tags":{"again":true}}';
  lines[151] = '';
  const ran = cli.run(['import', file_of(folder, 'in.txt', lines), '--failed', failed]);
  assert.strictEqual(ran.status, 1);
  assert.strictEqual(ran.stdout, '244 imported, 5 failed\n');
  const told = ran.stderr.trimEnd().split('\n');
  assert.match(told[0], /^twinhub: line 11: it is no JSON: /);
  assert.match(told[1], /^twinhub: line 21 \(d 20\): ArgumentInvalid: The device id is not valid$/);
  assert.match(told[2], /^twinhub: line 131 \(d130\): .*there is no import mode 'merge'$/);
  assert.match(told[3], /^twinhub: line 141 \(nobody\/m\): DeviceNotFound: /);
  assert.match(told[4], /^twinhub: line 142: it is no JSON object$/);
  assert.strictEqual(told.length, 5);
  assert.strictEqual(fs.readFileSync(failed, 'utf8'), [10, 20, 130, 140, 141].map((i) => `${lines[i]}\n`).join(''));
  assert.deepStrictEqual(cli.json('query', 'SELECT COUNT() AS n FROM devices'), [{ n: 243 }]);
  assert.deepStrictEqual(cli.json('twin', 'show', 'd5').tags, { again: true });

  const stopped = cli.run(['import', '-', '--stop-at-error', '--mode', 'create'], { input: '{"id":"e1"}\n{"id":"d1"}\n' });
  assert.strictEqual(stopped.status, 1);
  assert.match(stopped.stderr, /line 2 \(d1\): DeviceAlreadyExists: .*\n.*go on with --from-line 3\n$/);
  assert.strictEqual(cli.run(['import', '-', '--from-line', 3], { input: 'x\ny\n{"id":"e3"}\n' }).stdout, '1 imported, 0 failed\n');
});

test('etags are compared only for lines whose import mode says so', async (t) => {
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'd1');
  const [line] = lines_of(cli.ok('export'));
  const run = (...changes) => cli.run(['import', '-'], { input: changes.map((change) => JSON.stringify({ ...line, ...change })).join('\n') });
  assert.strictEqual(run({ statusReason: 'first' }, { statusReason: 'second' }).status, 0);
  const stale = run({ importMode: 'updateIfMatchETag', statusReason: 'third' });
  assert.strictEqual(stale.status, 1);
  assert.match(stale.stderr, /line 1 \(d1\): PreconditionFailed: /);
  assert.strictEqual(cli.json('device', 'show', 'd1').statusReason, 'second');
  const [now] = lines_of(cli.ok('export'));
  assert.strictEqual(run({ ...now, importMode: 'updateIfMatchETag', statusReason: 'third' }).status, 0);
  assert.strictEqual(cli.json('device', 'show', 'd1').statusReason, 'third');
});

test('an import whose hub goes away says how to go on, and going on imports the rest', async (t) => {
  const folder = scratch(t);
  const cli = await Cli.start(t);
  const count = 20_000;
  const lines = Array.from({ length: count }, (_, i) => JSON.stringify({ id: `d${i}`, tags: { i, fill: 'x'.repeat(100) } }));
  const file = file_of(folder, 'in.txt', lines);
  // Through a pipe that has a part of it: the import is not over before the hub is gone, however fast it is.
  const pipe = path.join(folder, 'pipe');
  assert.strictEqual(spawnSync('mkfifo', [pipe]).status, 0);
  const running = cli.start_command('import', pipe);
  const first_part = fs.createWriteStream(pipe);
  first_part.on('error', () => {});  // the import may end before it has read the rest
  t.after(() => { running.child.kill('SIGKILL'); first_part.destroy(); });
  first_part.write(`${lines.slice(0, 2_000).join('\n')}\n`);
  const rest = new Rest(cli.hub.connection_string(), { plain_port: ports.http });
  t.after(() => rest.close());
  await until('a part of it is there', async () => (await rest.get('/statistics/devices')).json.totalDeviceCount > 300, { every_ms: 2 });
  await cli.hub.kill();
  first_part.end(`${lines.slice(2_000).join('\n')}\n`);
  assert.strictEqual(await running.ended, 3, running.errors);
  const [, next] = /go on with --from-line (\d+);/.exec(running.errors) || assert.fail(running.errors);
  assert.ok(Number(next) > 100 && Number(next) <= count, running.errors);
  assert.match(running.errors, new RegExp(`lines 1 to ${Number(next) - 1} are done`));
  await cli.hub.start();
  const [{ n: done }] = cli.json('query', 'SELECT COUNT() AS n FROM devices');
  assert.ok(done >= Number(next) - 1, `${done} devices, but lines up to ${next - 1} were told to be done`);
  const rest_of_it = cli.run(['import', file, '--from-line', next]);
  assert.strictEqual(rest_of_it.stdout, `${count - Number(next) + 1} imported, 0 failed\n`, rest_of_it.stderr);
  assert.deepStrictEqual(cli.json('query', 'SELECT COUNT() AS n FROM devices'), [{ n: count }]);
  assert.deepStrictEqual(cli.json('query', "SELECT COUNT() AS n FROM devices WHERE IS_DEFINED(tags.i)"), [{ n: count }]);
});

test('an import waits while the hub answers 429', async (t) => {
  // 2 registry requests are taken at once, then 100 a minute: the third has to wait, and is not waited for by the hub.
  const cli = await Cli.start(t, { flags: ['--sku', 'S1'], env: { TWINHUB_THROTTLE_BURST_SECONDS: '1', TWINHUB_THROTTLE_BACKLOG_SECONDS: '0' } });
  const lines = Array.from({ length: 400 }, (_, i) => JSON.stringify({ id: `d${i}` }));
  assert.strictEqual(cli.run(['import', '-'], { input: lines.join('\n') }).stdout, '400 imported, 0 failed\n');
});

test('a broken export leaves no file that looks whole, and a file that cannot be written is refused', async (t) => {
  const folder = scratch(t);
  const cli = await Cli.start(t);
  assert.strictEqual(cli.ok('export'), '');
  assert.strictEqual(cli.run(['export', path.join(folder, 'no', 'such', 'folder')]).status, 1);
  assert.strictEqual(cli.run(['import', path.join(folder, 'nothing.txt')]).status, 1);
  assert.strictEqual(cli.run(['import']).status, 2);
  assert.strictEqual(cli.run(['import', 'x', '--mode', 'merge']).status, 2);
  const empty = file_of(folder, 'empty.txt', '');
  assert.strictEqual(cli.run(['import', empty]).stdout, '0 imported, 0 failed\n');
  await cli.hub.stop();
  const target = path.join(folder, 'out.txt');
  assert.strictEqual(cli.run(['export', target]).status, 3);
  assert.deepStrictEqual(fs.readdirSync(folder), ['empty.txt']);
});
