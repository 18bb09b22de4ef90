// Devices, modules, twins and queries from the command line, as a person and as a program use them.
'use strict';

const assert = require('node:assert');
const { test } = require('node:test');

const { Cli } = require('../support/node/cli');
const { until } = require('../support/node/until');

test('device: list, show, update, delete, and an exit code for each kind of failure', async (t) => {
  const cli = await Cli.start(t);
  assert.strictEqual(cli.ok('device', 'list'), '');
  assert.deepStrictEqual(cli.json('device', 'list'), []);
  for (const id of ['d1', 'd2', "odd-:.+%_#*?!(),=@;$'"]) cli.ok('device', 'create', id);

  const table = cli.ok('device', 'list').trimEnd().split('\n');
  assert.match(table[0], /^DEVICE +STATUS +CONNECTION +LAST ACTIVITY +AUTHENTICATION +MESSAGES$/);
  assert.match(table[1], /^d1 +enabled +Disconnected +never +sas +0$/);
  assert.strictEqual(table.length, 4);
  assert.deepStrictEqual(cli.json('device', 'list').map(({ deviceId }) => deviceId), ['d1', 'd2', "odd-:.+%_#*?!(),=@;$'"]);
  assert.deepStrictEqual(cli.json('device', 'list', '--limit', 1).map(({ deviceId }) => deviceId), ['d1']);
  assert.deepStrictEqual(cli.json('device', 'list', '--where', "deviceId = 'd2'").length, 1);
  assert.strictEqual(cli.json('device', 'show', "odd-:.+%_#*?!(),=@;$'").status, 'enabled');

  const before = cli.json('device', 'show', 'd1');
  const shown = cli.ok('device', 'show', 'd1');
  assert.match(shown, /^deviceId +d1$/m);
  assert.doesNotMatch(shown, new RegExp(before.authentication.symmetricKey.primaryKey.slice(0, 10).replace(/[+/]/g, '\\$&')));

  assert.match(cli.ok('device', 'update', 'd1', '--status', 'disabled', '--reason', 'in repair'), /^statusReason +in repair$/m);
  let now = cli.json('device', 'show', 'd1');
  assert.deepStrictEqual([now.status, now.statusReason], ['disabled', 'in repair']);
  assert.deepStrictEqual(now.authentication, before.authentication, 'keys stay');
  now = cli.json('device', 'update', 'd1', '--no-reason', '--new-key', 'primary');
  assert.deepStrictEqual([now.status, now.statusReason], ['disabled', null]);
  assert.notStrictEqual(now.authentication.symmetricKey.primaryKey, before.authentication.symmetricKey.primaryKey);
  assert.strictEqual(now.authentication.symmetricKey.secondaryKey, before.authentication.symmetricKey.secondaryKey);
  const key = Buffer.alloc(32, 7).toString('base64');
  now = cli.json('device', 'update', 'd1', '--secondary-key', key);
  assert.strictEqual(now.authentication.symmetricKey.secondaryKey, key);
  const swapped = cli.json('device', 'update', 'd1', '--new-key', 'swap');
  assert.strictEqual(swapped.authentication.symmetricKey.primaryKey, key);

  const status_of = (...args) => cli.run(args).status;
  assert.strictEqual(status_of('device', 'create', 'd1'), 5);
  assert.strictEqual(status_of('device', 'show', 'nobody'), 4);
  assert.strictEqual(status_of('device', 'update', 'nobody', '--status', 'enabled'), 4);
  assert.strictEqual(status_of('device', 'update', 'd1', '--status', 'asleep'), 2);
  assert.strictEqual(status_of('device', 'update', 'd1', '--primary-key', 'short'), 1);
  assert.strictEqual(status_of('device', 'delete', 'd1', '--etag', 'MQ=='), 5);
  assert.strictEqual(status_of('device', 'delete', 'd1', '--etag', swapped.etag), 0);
  assert.strictEqual(status_of('device', 'delete', 'd1'), 4);
  assert.strictEqual(status_of('device', 'list', '--where', 'nonsense ='), 1);
  await cli.hub.stop();
  const gone = cli.run(['device', 'list']);
  assert.strictEqual(gone.status, 3);
  assert.match(gone.stderr, /connecting to .* failed/);
  assert.match(cli.run(['device', 'list', '--help']).stdout, /Exit codes: 0 done; .* 4 not found/);
});

test('device list prints all pages as one table', async (t) => {
  const cli = await Cli.start(t);
  const lines = Array.from({ length: 250 }, (_, i) => JSON.stringify({ id: `d${String(i).padStart(3, '0')}`, tags: { i } }));
  assert.strictEqual(cli.run(['import', '-'], { input: lines.join('\n') }).stdout, '250 imported, 0 failed\n');
  assert.strictEqual(cli.ok('device', 'list').trimEnd().split('\n').length, 251);
  assert.strictEqual(cli.json('device', 'list').length, 250);
  assert.strictEqual(cli.json('device', 'list', '--limit', 130).length, 130);
  assert.deepStrictEqual(cli.json('query', 'SELECT COUNT() AS n FROM devices'), [{ n: 250 }]);
  assert.strictEqual(cli.json('query', 'SELECT tags.i FROM devices WHERE tags.i >= 40').length, 210);
});

test('module: create, list, show, delete', async (t) => {
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'd1');
  assert.match(cli.ok('module', 'create', 'd1', 'camera', '--managed-by', 'me'),
    /^HostName=[^;]+;DeviceId=d1;ModuleId=camera;SharedAccessKey=[^;\n]{44}\n$/);
  const [, line] = cli.ok('module', 'list', 'd1').split('\n');
  assert.match(line, /^camera +Disconnected +never +me +sas$/);
  assert.strictEqual(cli.json('module', 'list', 'd1')[0].moduleId, 'camera');
  assert.strictEqual(cli.json('module', 'show', 'd1', 'camera').managedBy, 'me');
  assert.match(cli.ok('module', 'show', 'd1', 'camera'), /^moduleId +camera$/m);
  assert.strictEqual(cli.run(['module', 'create', 'd1', 'camera']).status, 5);
  assert.strictEqual(cli.run(['module', 'create', 'nobody', 'camera']).status, 4);
  cli.ok('module', 'delete', 'd1', 'camera');
  assert.strictEqual(cli.run(['module', 'show', 'd1', 'camera']).status, 4);
  assert.strictEqual(cli.ok('module', 'list', 'd1'), '');
});

test('twin: set by assignments and by a patch, shown for people and for programs', async (t) => {
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'd1');
  cli.ok('module', 'create', 'd1', 'm');
  cli.ok('twin', 'set', 'd1', 'desired.fan.speed=3', 'desired.fan.mode=auto', 'desired.list=[1,2.50]', 'tags.room=the attic', 'tags.floor="4"');
  let twin = cli.json('twin', 'show', 'd1');
  assert.deepStrictEqual(twin.tags, { floor: '4', room: 'the attic' });
  assert.deepStrictEqual(twin.properties.desired.fan, { mode: 'auto', speed: 3 });
  const shown = cli.ok('twin', 'show', 'd1');
  assert.match(shown, /^d1 {2}enabled, Disconnected, last activity never/);
  assert.match(shown, /^desired {2}version 2, last written 2\d{3}-/m);
  assert.match(shown, /^ {4}"speed": 3$/m);
  assert.match(shown, /2\.50/);
  assert.doesNotMatch(shown, /\$metadata/);
  assert.match(cli.ok('twin', 'show', 'd1', '--metadata'), /\$lastUpdatedVersion/);

  cli.ok('twin', 'set', 'd1', 'desired.fan.speed=null', 'properties.desired.fan.mode=manual');
  twin = cli.json('twin', 'show', 'd1');
  assert.deepStrictEqual(twin.properties.desired.fan, { mode: 'manual' });
  const patched = cli.run(['twin', 'set', 'd1', '--patch', '-', '--json'], { input: '{"tags":{"room":null}}' });
  assert.deepStrictEqual(JSON.parse(patched.stdout).tags, { floor: '4' });
  cli.ok('twin', 'set', 'd1', 'desired.only=1', '--replace');
  twin = cli.json('twin', 'show', 'd1');
  assert.strictEqual(twin.tags, undefined);
  assert.deepStrictEqual(Object.keys(twin.properties.desired).filter((key) => !key.startsWith('$')), ['only']);
  cli.ok('twin', 'set', 'd1', '--module', 'm', 'desired.zoom=2');
  assert.strictEqual(cli.json('twin', 'show', 'd1', '--module', 'm').properties.desired.zoom, 2);

  const status_of = (...args) => cli.run(['twin', 'set', 'd1', ...args]).status;
  assert.strictEqual(status_of('desired.a=1', '--etag', 'AAAAAAAAAAE='), 5);
  assert.strictEqual(status_of('desired.a=1', '--etag', twin.etag), 0);
  for (const wrong of [[], ['reported.a=1'], ['desired.a'], ['desired.=1'], ['desired.a=1', 'desired.a.b=2'], ['--patch', '/no/such/file']]) {
    assert.strictEqual(status_of(...wrong), 2, wrong.join(' '));
  }
  assert.strictEqual(status_of('desired.a b=1'), 1);
  assert.strictEqual(cli.run(['twin', 'show', 'nobody']).status, 4);
});

test('twin watch prints each change as it comes, and goes on when the hub is started anew', async (t) => {
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'd1');
  cli.ok('device', 'create', 'd2');
  cli.ok('module', 'create', 'd1', 'm');
  const watch = cli.start_command('twin', 'watch', 'd1');
  t.after(() => watch.child.kill('SIGKILL'));
  const line = (what, fits) => until(what, () => {
    if (watch.exited !== null) throw new Error(`twin watch ended with ${watch.exited}: ${watch.errors}`);
    return watch.lines.find((text) => fits.test(text));
  });
  await line('the state', /^d1 {2}enabled, Disconnected, desired v1, reported v1; times are UTC$/);
  cli.ok('twin', 'set', 'd2', 'tags.not=mine');
  cli.ok('twin', 'set', 'd1', '--module', 'm', 'tags.not=mine');
  cli.ok('twin', 'set', 'd1', 'desired.fan=3', 'tags.room=attic');
  await line('the tags', /^\d\d:\d\d:\d\d\.\d{3} {2}tags {2}\{"room":"attic"\}$/);
  await line('the desired properties', /^\d\d:\d\d:\d\d\.\d{3} {2}desired v2 {2}\{"fan":3\}$/);
  await cli.hub.stop();
  await until('word of the end', () => /waiting for the hub/.test(watch.errors));
  await cli.hub.start();
  cli.ok('twin', 'set', 'd1', 'desired.fan=4');
  await line('what came after the restart', /desired v3 {2}\{"fan":4\}$/);
  cli.ok('device', 'delete', 'd1');
  await line('the end of the device', / {2}deleted$/);
  assert.strictEqual(watch.lines.filter((text) => /not/.test(text)).length, 0, watch.lines.join('\n'));
  assert.strictEqual(watch.lines.filter((text) => /fan":3/.test(text)).length, 1, 'nothing twice');
});

test('twin watch for programs ends after so many events', async (t) => {
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'd1');
  const watch = cli.start_command('twin', 'watch', 'd1', '--json', '--count', 2);
  t.after(() => watch.child.kill('SIGKILL'));
  await until('two events', () => {
    if (watch.exited === null) cli.ok('twin', 'set', 'd1', `desired.at=${Date.now()}`);
    return watch.exited !== null;
  }, { every_ms: 100 });
  assert.strictEqual(watch.exited, 0, watch.errors);
  assert.strictEqual(watch.lines.length, 2);
  assert.strictEqual(JSON.parse(watch.lines[0]).properties.opType, 'updateTwin');
  assert.strictEqual(cli.run(['twin', 'watch', 'd1', '--ops-port', '1']).status, 3);
});

test('what cannot be is said before the hub is asked, in the words of whoever asked', async (t) => {
  const cli = await Cli.start(t);
  const refused = (...args) => {
    const { status, stderr } = cli.run(args);
    return `${status} ${stderr}`;
  };
  assert.match(refused('device', 'create', ''), /^2 .*'' is no id: 1 to 128 ASCII letters/);
  assert.match(refused('device', 'create', 'bad id'), /^2 .*'bad id' is no id: 1 to 128 ASCII letters/);
  assert.match(refused('module', 'create', 'd1', 'a/b'), /^2 .*'a\/b' is no id/);
  assert.match(refused('device', 'list', '--limit', '-1'), /^2 .*--limit/);
  assert.match(refused('query', 'SELECT * FROM devices', '--limit', '-1'), /^2 .*--limit/);
  assert.match(refused('token', '--seconds', '0'), /^2 .*--seconds/);
  assert.match(refused('device', 'list', '--where', 'status = '), /^1 .*unexpected end at column 10 of the condition\n$/);
  assert.match(refused('health', '--mqtts-port', 'abc'), /^2 twinhub: --mqtts-port: 'abc' is neither a port/);
});

test('query: tables for people, arrays for programs, the place of an error', async (t) => {
  const cli = await Cli.start(t);
  for (const [id, room] of [['d1', 'attic'], ['d2', 'cellar']]) {
    cli.ok('device', 'create', id);
    cli.ok('twin', 'set', id, `tags.room=${room}`, 'desired.note=a long text that no table has room for, however wide the screen may be today');
  }
  const rows = cli.ok('query', 'SELECT deviceId, tags.room AS room FROM devices').trimEnd().split('\n');
  assert.deepStrictEqual(rows, ['deviceId  room', 'd1        attic', 'd2        cellar']);
  assert.deepStrictEqual(cli.json('query', "SELECT deviceId FROM devices WHERE tags.room = 'attic'"), [{ deviceId: 'd1' }]);
  assert.match(cli.ok('query', 'SELECT * FROM devices'), /^deviceId +status +connectionState +tags\nd1 +enabled +Disconnected +\{"room":"attic"\}\n/);
  assert.match(cli.ok('query', 'SELECT properties.desired FROM devices'), /\.\.\.$/m);
  assert.strictEqual(cli.json('query', 'SELECT * FROM devices', '--limit', 1).length, 1);
  const wrong = cli.run(['query', 'SELECT * FROM devises']);
  assert.strictEqual(wrong.status, 1);
  assert.match(wrong.stderr, /FROM takes devices.* at line 1, column 15/);
});
