// What devices wrote is shown, not obeyed; and what is exported goes to a file of one's own.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Cli, scratch } = require('../support/node/cli');
const { ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');

test('no command prints a control character that a device sent', async (t) => {
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'd');
  const [, key] = /SharedAccessKey=(.*)$/m.exec(cli.hub.connection_string('--device', 'd'));
  const device = new MqttClient({ host: cli.hub.address, id: 'd', key, port: ports.mqtt });
  await device.connect();
  await device.subscribe('$iothub/twin/res/#');
  const evil = '\u001b]0;owned\u0007\nforged line \u009b31m \u007f \u202e';
  assert.strictEqual((await device.patch_reported({ said: evil, list: [evil] })).status, 204);
  await device.publish('devices/d/messages/events/k=%1B%5D0%C2%9B&$.ct=text%2Fplain', evil, 1);

  const commands = [
    ['query', 'SELECT properties.reported.said AS said FROM devices'],
    ['query', 'SELECT * FROM devices'],
    ['query', 'SELECT * FROM devices', '--json'],
    ['twin', 'show', 'd'],
    ['twin', 'show', 'd', '--json'],
    ['device', 'show', 'd'],
    ['events', 'tail', '--from', 'start', '--source', 'DeviceMessages', '--count', '1', ...cli.ops],
    ['export', '-'],
  ];
  for (const command of commands) {
    const ran = cli.run(command);
    assert.strictEqual(ran.status, 0, `${command.join(' ')}: ${ran.stderr}`);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(ran.stdout, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/, command.join(' '));
    assert.doesNotMatch(ran.stdout, /^forged/m, command.join(' '));
  }
  const [row] = JSON.parse(cli.ok('query', 'SELECT properties.reported.said AS said FROM devices', '--json'));
  assert.strictEqual(row.said, evil, 'programs read what the device wrote');
  assert.match(cli.ok('query', 'SELECT properties.reported.said AS said FROM devices'), /\\u001b\]0;owned\\u0007\\u000aforged line \\u009b31m/);
  device.disconnect();
});

test('an export follows no link and takes over no file', async (t) => {
  const folder = scratch(t);
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'd');
  const victim = path.join(folder, 'victim');
  const target = path.join(folder, 'out.txt');
  fs.writeFileSync(victim, 'precious');
  fs.symlinkSync(victim, `${target}.part`);
  const refused = cli.run(['export', target]);
  assert.strictEqual(refused.status, 1, refused.stderr);
  assert.match(refused.stderr, /out\.txt\.part is there already/);
  assert.strictEqual(fs.readFileSync(victim, 'utf8'), 'precious');
  assert.ok(fs.lstatSync(`${target}.part`).isSymbolicLink());

  fs.unlinkSync(`${target}.part`);
  fs.writeFileSync(`${target}.part`, '', { mode: 0o666 });
  assert.match(cli.run(['export', target]).stderr, /is there already/);
  assert.strictEqual(fs.readFileSync(`${target}.part`, 'utf8'), '');

  fs.unlinkSync(`${target}.part`);
  assert.strictEqual(cli.run(['export', target]).status, 0);
  assert.strictEqual(fs.statSync(target).mode & 0o777, 0o600);
  assert.deepStrictEqual(fs.readdirSync(folder).sort(), ['out.txt', 'victim']);
});

test('what an import could not do is kept in a file of the caller\'s own: through no link, with its keys for nobody else', async (t) => {
  const folder = scratch(t);
  const cli = await Cli.start(t);
  const victim = path.join(folder, 'victim');
  const failed = path.join(folder, 'failed.txt');
  fs.writeFileSync(victim, 'precious', { mode: 0o666 });
  fs.chmodSync(victim, 0o666);
  fs.symlinkSync(victim, failed);
  const line = '{"id":"no such id","authentication":{"symmetricKey":{"primaryKey":"secret","secondaryKey":"secret"}}}\n';
  assert.strictEqual(cli.run(['import', '-', '--failed', failed], { input: line }).status, 1);
  assert.strictEqual(fs.readFileSync(victim, 'utf8'), 'precious');
  assert.ok(fs.lstatSync(failed).isFile());
  assert.strictEqual(fs.readFileSync(failed, 'utf8'), line);
  assert.strictEqual(fs.statSync(failed).mode & 0o777, 0o600);

  fs.symlinkSync(victim, `${failed}.part`);
  assert.match(cli.run(['import', '-', '--failed', failed], { input: line }).stderr, /failed\.txt\.part is there already/);
  assert.strictEqual(fs.readFileSync(victim, 'utf8'), 'precious');
});
