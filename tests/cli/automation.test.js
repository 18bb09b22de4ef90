// Jobs and configurations from the command line.
'use strict';

const assert = require('node:assert');
const { test } = require('node:test');

const { Cli } = require('../support/node/cli');

test('job: a twin update on many devices is waited for, listed, and shown device by device', async (t) => {
  const cli = await Cli.start(t);
  for (const id of ['d1', 'd2']) cli.ok('device', 'create', id);
  assert.strictEqual(cli.ok('job', 'list'), '');
  assert.match(cli.ok('job', 'update-twin', 'j1', '--where', '*', 'desired.fan=3', 'tags.room=attic', '--wait'),
    /^JOB +TYPE +STATUS +START +DEVICES\nj1 +scheduleUpdateTwin +completed +\S+ \S+ +2 of 2\n$/);
  for (const id of ['d1', 'd2']) {
    const twin = cli.json('twin', 'show', id);
    assert.deepStrictEqual([twin.properties.desired.fan, twin.tags], [3, { room: 'attic' }]);
  }
  assert.strictEqual(cli.json('job', 'show', 'j1').status, 'completed');
  assert.deepStrictEqual(cli.json('job', 'devices', 'j1').map(({ deviceId, status }) => [deviceId, status]).sort(),
    [['d1', 'completed'], ['d2', 'completed']]);
  assert.match(cli.ok('job', 'devices', 'j1'), /^deviceId +jobId +status .*\nd1 +j1 +completed /);
  cli.ok('job', 'update-twin', "j'2", '--where', "deviceId = 'd1'", 'desired.b=1', '--wait');
  assert.deepStrictEqual(cli.json('job', 'devices', "j'2").map(({ deviceId }) => deviceId), ['d1']);

  const failed = cli.run(['job', 'invoke-method', 'j2', 'reboot', '{"delay":1}', '--where', "deviceId = 'd1'", '--wait', '--timeout', '5']);
  assert.strictEqual(failed.status, 1, 'the device is not connected');
  assert.match(failed.stdout, /0 of 1, 1 failed/);
  assert.deepStrictEqual(cli.json('job', 'list', '--type', 'scheduleDeviceMethod').map(({ jobId }) => jobId), ['j2']);

  const tomorrow = new Date(Date.now() + 24 * 3600 * 1000).toISOString();
  cli.ok('job', 'update-twin', 'later', '--where', "deviceId = 'd1'", 'desired.x=1', '--start', tomorrow);
  cli.ok('job', 'cancel', 'later');
  assert.strictEqual(cli.json('job', 'show', 'later').status, 'cancelled');
  assert.strictEqual(cli.run(['job', 'show', 'nobody']).status, 4);
  assert.strictEqual(cli.run(['job', 'cancel', 'nobody']).status, 4);
  assert.strictEqual(cli.run(['job', 'update-twin', 'j1', '--where', '*', 'desired.x=1']).status, 5);
  assert.strictEqual(cli.run(['job', 'update-twin', 'j3', '--where', '*', 'reported.x=1']).status, 2);
});

test('configuration: set from a file, listed, shown, changed, deleted', async (t) => {
  const cli = await Cli.start(t);
  const content = { content: { deviceContent: { 'properties.desired.chiller': { temperature: 38 } } }, targetCondition: "tags.environment='none'", priority: 10 };
  const set = (...flags) => cli.run(['configuration', 'set', 'chiller', '-', '--json', ...flags], { input: JSON.stringify(content) });
  const made = set();
  assert.strictEqual(made.status, 0, made.stderr);
  assert.strictEqual(JSON.parse(made.stdout).targetCondition, "tags.environment='none'");
  const changed = JSON.parse(set('--target', "tags.environment='chillers'", '--priority', '20').stdout);
  assert.deepStrictEqual([changed.targetCondition, changed.priority], ["tags.environment='chillers'", 20]);
  assert.match(cli.ok('configuration', 'list'), /^CONFIGURATION +PRIORITY +TARGET .*\nchiller +20 +tags\.environment='chillers' /);
  assert.strictEqual(cli.json('configuration', 'list')[0].id, 'chiller');
  assert.strictEqual(cli.json('configuration', 'show', 'chiller').priority, 20);
  assert.strictEqual(set('--etag', 'stale').status, 5);
  cli.ok('configuration', 'delete', 'chiller');
  assert.strictEqual(cli.run(['configuration', 'show', 'chiller']).status, 4);
});
