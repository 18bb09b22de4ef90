// A data folder of every format that a released hub has written opens, says what it said then, and goes on; one of a format to come is refused with
// the sentence that says what to do.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { EventLog } = require('../support/node/events');
const { ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { until } = require('../support/node/until');
const { kept_formats, make_hub, rest_of, unpack, views_of } = require('./kept_folder');

const format_program = process.env.TESTS_FORMAT_VERSION || path.join(__dirname, '..', '..', 'build', 'release', 'tests', 'format_version');

// Reads the format of a data folder, or writes another one.
function format_of(data_dir, ...other) {
  const ran = spawnSync(format_program, [path.join(data_dir, 'db'), ...other], { encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
  return Number(ran.stdout);
}

// Each file with its bytes and the time of its last change.
function files_under(folder) {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map((entry) => {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    return [file, [fs.statSync(file).mtimeMs, crypto.createHash('sha256').update(fs.readFileSync(file)).digest('hex')]];
  }).sort());
}

async function newest_format(t) {
  const hub = make_hub();
  t.after(() => hub.remove());
  await hub.start();
  await hub.stop();
  return format_of(hub.data_dir);
}

// What was said then has to be said now; that more is said is no fault.
function assert_says(now, then, where) {
  if (then === null || typeof then !== 'object') {
    assert.deepEqual(now, then, where);
    return;
  }
  assert.equal(Array.isArray(now), Array.isArray(then), where);
  if (Array.isArray(then)) assert.equal(now.length, then.length, where);
  for (const [key, value] of Object.entries(then)) assert_says(now?.[key], value, `${where} ${key}`);
}

test('a folder of the newest format is kept', async (t) => {
  const newest = await newest_format(t);
  assert.ok(kept_formats().includes(newest), `before a format is left behind: node tests/upgrade/keep_folder.js ${newest}`);
});

for (const format of kept_formats()) {
  test(`a folder of format ${format} opens and says what it said then; it goes on from there`, async (t) => {
    const hub = make_hub();
    t.after(() => hub.remove());
    const expected = unpack(format, hub);
    assert.equal(format_of(hub.data_dir), format);
    await hub.start();
    const rest = rest_of(hub);
    const views = await views_of(rest);
    for (const [name, view] of Object.entries(expected)) assert_says(views[name], view, name);

    const { primaryKey: key } = expected['/devices/sas'].json.authentication.symmetricKey;
    const client = new MqttClient({ host: hub.address, id: 'sas', key, port: ports.mqtt });
    assert.deepEqual(await client.connect(), { session_present: 1, return_code: 0 });
    const then = expected['/twins/sas'].json;
    const delta = client.message(({ topic }) => topic.startsWith('$iothub/twin/PATCH/properties/desired/'));
    const changed = await rest.patch('/twins/sas', { properties: { desired: { nested: null, n: 21 } } });
    assert.equal(changed.status, 200, changed.text);
    assert.equal(changed.json.version, then.version + 1);
    assert.deepEqual(JSON.parse((await delta).payload), { nested: null, n: 21, $version: then.properties.desired.$version + 1 });
    assert.equal((await client.patch_reported({ temperature: 23 })).version, then.properties.reported.$version + 1);
    await client.publish('devices/sas/messages/events/', 'telemetry 4', 1);
    client.disconnect();
    await until('the device is away', async () => (await rest.get('/devices/sas')).json.connectionState === 'Disconnected');
    const after = await views_of(rest);
    rest.close();
    await hub.stop();

    const telemetry = (await new EventLog(hub).read()).filter(({ source }) => source === 'telemetry').map(({ body }) => body);
    assert.deepEqual(telemetry, ['telemetry 1', 'telemetry 2', 'telemetry 3', 'telemetry 4']);
    await hub.start();
    const again = rest_of(hub);
    assert.deepEqual(await views_of(again), after);
    again.close();
    await hub.stop();
  });
}

test('a folder of a format to come is refused with what to do; the version that knows the format goes on', async (t) => {
  const newest = await newest_format(t);
  const hub = make_hub();
  t.after(() => hub.remove());
  const expected = unpack(newest, hub);
  format_of(hub.data_dir, String(newest + 1));
  const before = files_under(hub.data_dir);
  hub.spawn();
  assert.deepEqual(await hub.exited, { code: 1, signal: null });
  const sentence = `twinhub: the store in ${hub.data_dir}/db has format ${newest + 1}; this twinhub reads format ${newest}: `
    + 'use the version of twinhub that wrote it, or a newer one, or restore a backup that was made before the upgrade';
  await until('the sentence', () => hub.log.includes(`${sentence}\n`));
  assert.deepEqual(files_under(hub.data_dir), before, 'no file of it was changed');
  format_of(hub.data_dir, String(newest));
  await hub.start();
  const rest = rest_of(hub);
  for (const [name, view] of Object.entries(expected)) assert_says((await views_of(rest))[name], view, name);
  rest.close();
  await hub.stop();
});
