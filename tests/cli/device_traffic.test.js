// device simulate and device send: devices that the program itself stands for, seen from the back end.
'use strict';

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { test } = require('node:test');

const { Certificates } = require('../support/node/certificates');
const { Cli } = require('../support/node/cli');
const { EventLog } = require('../support/node/events');
const { binary, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

async function world(t) {
  const cli = await Cli.start(t);
  const rest = new Rest(cli.hub.connection_string(), { plain_port: ports.http });
  t.after(() => rest.close());
  cli.ok('device', 'create', 'd1');
  const events = new EventLog(cli.hub);
  const seen = [];
  return {
    cli,
    rest,
    events,
    // All telemetry so far.
    telemetry: async () => {
      seen.push(...(await events.read()).filter(({ source }) => source === 'telemetry'));
      return seen;
    },
    twin: async (id = 'd1') => (await rest.get(`/twins/${id}`)).json,
    simulate: (...flags) => {
      const command = cli.start_command('device', 'simulate', 'd1', '--json', ...flags);
      t.after(() => command.child.kill('SIGKILL'));
      command.told = (event, fits = () => true) => until(event, () => {
        if (command.exited !== null) throw new Error(`it ended with ${command.exited}: ${command.errors}`);
        return command.lines.map((line) => JSON.parse(line)).find((told) => told.event === event && fits(told));
      });
      return command;
    },
  };
}

test('device simulate sends so many messages and ends', async (t) => {
  const { cli, telemetry, twin } = await world(t);
  const ran = cli.run(['device', 'simulate', 'd1', '--interval', 0, '--count', 25, '--property', 'line=3 b']);
  assert.deepStrictEqual([ran.status, ran.stderr], [0, '']);
  assert.match(ran.stdout, /^\d\d:\d\d:\d\d {2}connected d1\n/);
  assert.match(ran.stdout, /\n\d\d:\d\d:\d\d {2}sent 25 {2}\{"messageId":25,"temperature":27\.5\}\n/);
  const messages = await telemetry();
  assert.deepStrictEqual(messages.map(({ body }) => JSON.parse(body).messageId), Array.from({ length: 25 }, (_, n) => n + 1));
  assert.deepStrictEqual(messages[0].application, { line: '3 b' });
  assert.strictEqual(messages[0].system['content-type'], 'application/json');
  assert.strictEqual(messages[0].system['content-encoding'], 'utf-8');
  await until('it has left', async () => (await twin()).connectionState === 'Disconnected');
});

test('device simulate takes desired properties over, those of before it came, too', async (t) => {
  const { cli, twin, simulate } = await world(t);
  cli.ok('twin', 'set', 'd1', 'desired.fan.speed=3', 'desired.mode=eco');
  const device = simulate('--interval', 3600);
  await device.told('reported', ({ name }) => name === 'v2');
  const reported = async () => {
    const { $metadata, $version, ...properties } = (await twin()).properties.reported;
    return properties;
  };
  assert.deepStrictEqual(await reported(), { fan: { speed: 3 }, mode: 'eco' });
  cli.ok('twin', 'set', 'd1', 'desired.fan.speed=4', 'desired.mode=null');
  assert.deepStrictEqual((await device.told('desired', ({ name }) => name === 'v3')).payload, { fan: { speed: 4 }, mode: null });
  await device.told('reported', ({ name }) => name === 'v3');
  assert.deepStrictEqual(await reported(), { fan: { speed: 4 } });
  device.child.kill('SIGINT');
  assert.strictEqual(await device.ended, 0, device.errors);
  // What is reported already is not reported again.
  const again = cli.run(['device', 'simulate', 'd1', '--interval', 0, '--count', 1]);
  assert.doesNotMatch(again.stdout, /reported/);
  assert.strictEqual((await twin()).properties.reported.$version, 3);
});

test('device simulate answers methods and completes messages', async (t) => {
  const { cli, rest, simulate } = await world(t);
  cli.ok('c2d', 'send', 'd1', 'filter is due', '--property', 'colour=red');
  const device = simulate('--interval', 3600);
  await device.told('sent');
  assert.deepStrictEqual(JSON.parse(cli.ok('method', 'invoke', 'd1', 'reboot', '{"delay":5}')), { status: 200, payload: { delay: 5 } });
  assert.deepStrictEqual((await device.told('method')), { event: 'method', name: 'reboot -> 200', payload: { delay: 5 } });
  const message = await device.told('message');
  assert.strictEqual(message.payload, 'filter is due');
  assert.match(message.name, /colour=red/);
  await until('it is completed', async () => (await rest.get('/devices/d1')).json.cloudToDeviceMessageCount === 0);
  device.child.kill('SIGTERM');
  assert.strictEqual(await device.ended, 0, device.errors);

  const other = simulate('--interval', 3600, '--method-status', 418, '--method-payload', '{"tea":true}');
  await other.told('sent');
  assert.deepStrictEqual(JSON.parse(cli.ok('method', 'invoke', 'd1', 'brew')), { status: 418, payload: { tea: true } });
});

test('device simulate goes on when the hub comes back, and misses no desired property', async (t) => {
  const { cli, simulate, telemetry, twin } = await world(t);
  const device = simulate('--interval', 0.02);
  await device.told('sent', ({ name }) => name === '3');
  await cli.hub.kill();
  await until('word of it', () => /trying again/.test(device.errors));
  await cli.hub.start();
  cli.ok('twin', 'set', 'd1', 'desired.after=1');
  await device.told('reported');
  assert.strictEqual((await twin()).properties.reported.after, 1);
  const last = Number(JSON.parse(device.lines.filter((line) => line.includes('"sent"')).at(-1)).name);
  await device.told('sent', ({ name }) => Number(name) > last + 3);
  device.child.kill('SIGINT');
  assert.strictEqual(await device.ended, 0, device.errors);
  const numbers = (await telemetry()).map(({ body }) => JSON.parse(body).messageId);
  const acknowledged = device.lines.filter((line) => line.includes('"sent"')).map((line) => Number(JSON.parse(line).name));
  for (const number of acknowledged) assert.ok(numbers.includes(number), `message ${number}`);
});

test('device simulate is a module, too', async (t) => {
  const { cli, simulate, telemetry } = await world(t);
  cli.ok('module', 'create', 'd1', 'vision');
  const module = simulate('--module', 'vision', '--interval', 3600);
  await module.told('connected', ({ name }) => name === 'd1/vision');
  await module.told('sent');
  assert.strictEqual((await telemetry())[0].system['iothub-connection-module-id'], 'vision');
  assert.deepStrictEqual(JSON.parse(cli.ok('method', 'invoke', 'd1', 'look', '--module', 'vision', '1')), { status: 200, payload: 1 });
});

test('device send: the message is on disk when the command ends', async (t) => {
  const { cli, telemetry } = await world(t);
  cli.ok('device', 'send', 'd1', '{"t":21.5}', '--property', 'room=a b&c', '--property', 'empty=', '--content-type', 'application/json',
    '--content-encoding', 'utf-8', '--message-id', 'm-1', '--correlation-id', 'c-1', '--user-id', 'u-1');
  const [message] = await telemetry();
  assert.strictEqual(message.body, '{"t":21.5}');
  assert.deepStrictEqual(message.application, { room: 'a b&c', empty: '' });
  for (const [name, value] of [['content-type', 'application/json'], ['content-encoding', 'utf-8'], ['message-id', 'm-1'],
    ['correlation-id', 'c-1'], ['user-id', 'u-1']]) assert.strictEqual(message.system[name], value);
});

test('device send -: each line of standard input is a message, in order', async (t) => {
  const { cli, telemetry } = await world(t);
  const lines = Array.from({ length: 50 }, (_, n) => `line ${n}`);
  const ran = cli.run(['device', 'send', 'd1', '-'], { input: `${lines.join('\n')}\n` });
  assert.deepStrictEqual(ran, { status: 0, stdout: '', stderr: '50 messages sent\n' });
  assert.deepStrictEqual((await telemetry()).map(({ body }) => body), lines);
});

test('device send and simulate of a device with a certificate', async (t) => {
  const { cli, telemetry } = await world(t);
  const certificate = new Certificates().make('x1');
  cli.ok('device', 'create', 'x1', '--auth', 'selfsigned', '--thumbprint', certificate.sha256);
  const proof = ['--certificate', certificate.file, '--private-key', certificate.key_file];
  cli.ok('device', 'send', 'x1', 'certified', ...proof);
  cli.ok('device', 'simulate', 'x1', '--count', 1, '--body', 'simulated', ...proof);
  assert.deepStrictEqual((await telemetry()).map(({ body }) => body), ['certified', 'simulated']);
  const without = cli.run(['device', 'send', 'x1', 'text']);
  assert.strictEqual(without.status, 1);
  assert.match(without.stderr, /'x1' authenticates by certificate: name it with --certificate and --private-key/);
  assert.match(cli.run(['device', 'send', 'd1', 'text', ...proof]).stderr, /'d1' authenticates by its key/);
});

test('what cannot be is said, with an exit code of its own', async (t) => {
  const { cli } = await world(t);
  for (const verb of [['send', 'text'], ['simulate']]) {
    const [command, ...more] = verb;
    const ran = (id, ...flags) => cli.run(['device', command, id, ...more, ...flags]);
    assert.strictEqual(ran('nobody').status, 4);
    assert.strictEqual(ran('d1', '--property', 'colour').status, 2);
    assert.match(ran('d1', '--mqtts-port', 0).stderr, /no port for MQTT/);
    assert.strictEqual(ran('d1', '--mqtts-port', 1).status, 3);
    cli.ok('device', 'update', 'd1', '--status', 'disabled');
    const refused = ran('d1');
    assert.strictEqual(refused.status, 6);
    assert.match(refused.stderr, /refuses 'd1' \(CONNACK 5\); 'twinhub device why d1' tells the cause/);
    cli.ok('device', 'update', 'd1', '--status', 'enabled');
  }
  assert.strictEqual(cli.run(['device', 'simulate', 'd1', '--method-payload', '{']).status, 2);
});

test('from elsewhere: by a connection string and the CA, as every other command', async (t) => {
  const { cli, telemetry } = await world(t);
  const child = spawn(binary, ['device', 'send', 'd1', 'from afar'], {
    env: { PATH: process.env.PATH, TWINHUB_CONNECTION_STRING: cli.hub.connection_string(), TWINHUB_CA: cli.hub.ca_file, TWINHUB_DATA_DIR: '/no/such/folder' },
  });
  assert.deepStrictEqual(await once(child, 'close'), [0, null]);
  assert.deepStrictEqual((await telemetry()).map(({ body }) => body), ['from afar']);
});
