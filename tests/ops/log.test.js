// The log as data: with format = "json" every line is one JSON object, from the first to the last, with fields for programs.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { connect, create_device, rest_of } = require('../events/world');
const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { until } = require('../support/node/until');

async function start(t, env = {}, flags = []) {
  const hub = new Hub({ env: { TWINHUB_LOG_FORMAT: 'json', ...env }, flags });
  t.after(() => hub.remove());
  return hub.start();
}

// Whole ones: a line may come in two pieces.
const lines_of = (hub) => hub.log.slice(0, hub.log.lastIndexOf('\n') + 1).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
const line_of = (hub, event, more = () => true) => until(`a line ${event}`, () => lines_of(hub).find((line) => line.event === event && more(line)));

test('start, settings, doors, stop: a line each, and nothing else is printed where no terminal is', async (t) => {
  const hub = await start(t, { TWINHUB_OPS_TOKEN: 'a-token-that-nobody-may-read' });
  await hub.stop();
  const lines = lines_of(hub);
  const events = lines.map(({ event }) => event);
  assert.deepEqual(events.filter((event) => ['start', 'configuration', 'ready', 'dev_mode', 'stopping', 'stopped'].includes(event)),
    ['start', 'configuration', 'ready', 'dev_mode', 'stopping', 'stopped']);
  for (const line of lines) {
    assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(['info', 'warn'].includes(line.level), line.level);
    assert.ok(line.event, JSON.stringify(line));
    assert.ok(line.message);
  }
  const said = (event) => lines.find((line) => line.event === event).message;
  assert.match(said('start'), /^twinhub \d+\.\d+\.\d+\S* \(.+\) starts as process \d+, data in \/.+, durability sync$/);
  assert.match(said('configuration'), /listen = "127\.[0-9.]+" \(--listen\)/);
  assert.match(said('configuration'), /ops\.token = "\(set\)" \(TWINHUB_OPS_TOKEN\)/);
  assert.match(said('ready'), new RegExp(`mqtts://${hub.address}:8883, .*operations: http://${hub.address}:9600$`));
  assert.ok(!hub.log.includes('nobody-may-read'));
  assert.ok(!hub.log.includes('SharedAccessKey'), 'the welcome text has keys, and is for terminals');
});

test('a hub that cannot start says so in a line, too', async (t) => {
  const hub = await start(t);
  const second = new Hub({ env: { TWINHUB_LOG_FORMAT: 'json' } });
  t.after(() => second.remove());
  second.data_dir = hub.data_dir;
  second.spawn();
  assert.equal((await second.exited).code, 1);
  const failed = await line_of(second, 'start_failed');
  assert.equal(failed.level, 'error');
  assert.ok(failed.message.length > 0);
});

test('a refused device is found by its id, address and reason, a refused request by the tracking id that its sender has', async (t) => {
  const hub = await start(t);
  const rest = rest_of(hub);
  await create_device(hub, rest, 'd1');
  const stranger = new MqttClient({ id: 'd1', key: Buffer.alloc(32).toString('base64'), host: hub.address, port: ports.mqtt });
  assert.equal((await stranger.connect({ clean_session: true })).return_code, 5);
  const refused = await line_of(hub, 'connection_refused', ({ device }) => device === 'd1');
  assert.match(refused.address, /^127\.[0-9.]+:\d+$/);
  assert.deepEqual([refused.level, refused.transport, refused.reason, refused.code], ['warn', 'mqtt', 'signature_mismatch', 'CONNACK 5']);

  rest.token = rest.token.replace(/sig=[^&]+/, 'sig=AAAA');
  const { status, json } = await rest.get('/devices/d1');
  assert.equal(status, 401);
  const [tracking_id] = JSON.stringify(json).match(/[0-9A-F]{32}-G:0-TimeStamp:[0-9/]+ [0-9:]+/i);
  const line = await line_of(hub, 'connection_refused', ({ transport }) => transport === 'http');
  assert.deepEqual([line.tracking_id, line.code, line.reason], [tracking_id, '401', 'signature_mismatch']);
  assert.ok(!hub.log.includes('sig=AAAA'));
  rest.close();
});

test('log.connections = "all" has a line for each device and back end that comes and goes, "none" not even for a refusal', async (t) => {
  for (const lines of ['refused', 'all', 'none']) {
    const hub = await start(t, { TWINHUB_LOG_CONNECTIONS: lines });
    const rest = rest_of(hub);
    const device = await create_device(hub, rest, 'd1');
    const client = await connect(device);
    client.destroy();
    const stranger = new MqttClient({ id: 'd2', key: device.key, host: hub.address, port: ports.mqtt });
    assert.equal((await stranger.connect({ clean_session: true })).return_code, 5);
    await until('it was refused', async () => (await hub.metrics()).twinhub_mqtt_connects_refused_total === 1);
    await until('it has left', async () => (await hub.metrics()).twinhub_mqtt_connections === 0);
    rest.close();
    await hub.stop();
    const about = (event, id) => lines_of(hub).filter((line) => line.event === event && line.device === id).length;
    assert.equal(about('connected', 'd1'), lines === 'all' ? 1 : 0, lines);
    assert.equal(about('connection_ended', 'd1'), lines === 'all' ? 1 : 0, lines);
    assert.equal(about('connection_refused', 'd2'), lines === 'none' ? 0 : 1, lines);
    assert.equal(lines_of(hub).some((line) => line.event === 'connected' && line.transport === 'http'), lines === 'all');
  }
});

test('text is for people: the same lines in words, with the level as log.level has it', async (t) => {
  const hub = await start(t, { TWINHUB_LOG_FORMAT: 'text' });
  await hub.stop();
  assert.match(hub.log, /^\S+Z info twinhub \S+ is ready: mqtts:\/\//m);
  assert.match(hub.log, /^\S+Z warn DEV MODE: .*only this machine reaches the hub$/m);
  assert.doesNotMatch(hub.log, /SharedAccessKey|Register a device/);
});

test('OPERATIONS.md lists each event that a line may be of, and no other', () => {
  const root = path.join(__dirname, '..', '..');
  const sources = (folder) => fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? sources(file) : entry.name.endsWith('.cpp') ? [fs.readFileSync(file, 'utf8')] : [];
  });
  const written = sources(path.join(root, 'server')).flatMap((text) => [...text.matchAll(/\.event = "(\w+)"/g)].map(([, event]) => event));
  const of_connections = ['connected', 'connection_ended', 'connection_refused', 'connection_notices_left_out'];
  const [, table] = fs.readFileSync(path.join(root, 'OPERATIONS.md'), 'utf8').match(/\n\| event \| when \|\n(.*?)\n\n/s);
  const listed = table.split('\n').flatMap((row) => [...row.split(' | ')[0].matchAll(/`(\w+)`/g)].map(([, event]) => event));
  assert.deepEqual(listed.sort(), [...new Set([...written, ...of_connections])].sort());
});
