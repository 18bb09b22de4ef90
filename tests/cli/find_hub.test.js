// Which hub a command speaks to, and the settings of the one that is started: nothing but --data-dir on the hub's machine, a
// connection string and a CA anywhere else, contexts; what the welcome text prints is run.
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Cli, scratch } = require('../support/node/cli');
const { Hub, binary } = require('../support/node/hub');
const { until } = require('../support/node/until');

const own_ports = { https: 8443, mqtts: 18883, amqps: 15671, ops: 19600 };

// A user's shell: no hub of its own, `env` beside it, in an empty folder.
function shell(t, env = {}) {
  const home = scratch(t);
  return (...args) => spawnSync(binary, args.map(String),
    { encoding: 'utf8', timeout: 60_000, cwd: home, env: { PATH: process.env.PATH, HOME: home, ...env } });
}

function ok(ran) {
  assert.strictEqual(ran.status, 0, ran.stdout + ran.stderr);
  return ran.stdout;
}

async function on_own_ports(t, options) {
  const hub = new Hub({ own_ports, ...options });
  t.after(() => hub.remove());
  return hub.start();
}

test('on the hub\'s machine the data folder is all that a command needs, whatever the ports', async (t) => {
  const hub = await on_own_ports(t);
  const twinhub = shell(t);
  const here = ['--data-dir', hub.data_dir];
  assert.strictEqual(fs.statSync(path.join(hub.data_dir, 'hub.json')).mode & 0o777, 0o600);
  const described = JSON.parse(fs.readFileSync(path.join(hub.data_dir, 'hub.json'), 'utf8'));
  assert.strictEqual(described.pid, hub.process.pid);
  assert.strictEqual(described.https_port, 8443);
  assert.strictEqual(described.ca, hub.ca_file);

  const created = ok(twinhub('device', 'create', 'd1', ...here));
  assert.match(created, new RegExp(`^HostName=${hub.address}:18883;DeviceId=d1;SharedAccessKey=`));
  assert.strictEqual(ok(twinhub('connection-string', '--device', 'd1', ...here)), created);
  assert.match(ok(twinhub('connection-string', ...here)), new RegExp(`^HostName=${hub.address}:8443;SharedAccessKeyName=iothubowner;`));
  assert.match(ok(twinhub('connection-string', '--events', ...here)), new RegExp(`^Endpoint=sb://${hub.address}:15671/;`));
  assert.strictEqual(ok(twinhub('health', ...here)), 'ready\n');
  assert.match(ok(twinhub('device', 'list', ...here)), /\nd1 /);
  // What it said at its last start holds while it is stopped: strings are printed, requests find nobody.
  await hub.stop();
  assert.strictEqual(ok(twinhub('connection-string', '--device', 'd1', ...here)), created);
  assert.strictEqual(twinhub('device', 'list', ...here).status, 3);
  assert.strictEqual(twinhub('health', ...here).status, 3);
});

test('every line that the welcome text tells to run does what it says', async (t) => {
  const hub = await on_own_ports(t, { terminal: true });
  const run = shell(t, { PATH: `${path.dirname(binary)}:${process.env.PATH}` });
  await until('the welcome text', () => hub.log.includes('*** DEV MODE'));
  const welcome = hub.log.replaceAll('\r', '').split('\n').filter((line) => !/^\S+Z (?:info|warn) /.test(line)).join('\n');  // without the log's lines
  const lines = welcome.split('\n').flatMap((line) => line.match(/(?:^|: |^ +)(twinhub .+)$/)?.slice(1) ?? [])
    .filter((line) => !/^twinhub \S+ is ready/.test(line));
  assert.ok(lines.some((line) => line.startsWith('twinhub device create MyTwinDevice')), welcome);
  for (const line of lines) {
    const [, ...words] = line.split(' ');
    ok(run(...words));
  }
  const exported = welcome.match(/^ +export NODE_EXTRA_CA_CERTS=(.+)$/m)[1];
  assert.ok(fs.readFileSync(exported, 'utf8').startsWith('-----BEGIN CERTIFICATE-----'));
  assert.ok(welcome.includes(`Event Hubs clients:\n  ${ok(run('connection-string', '--events', '--data-dir', hub.data_dir))}`), welcome);
  await hub.stop();
});

test('anywhere else a connection string and a CA are all that a command needs', async (t) => {
  const cli = await Cli.start(t);
  const { hub } = cli;
  const owner = hub.connection_string();
  const twinhub = shell(t, { TWINHUB_CONNECTION_STRING: owner, TWINHUB_CA: hub.ca_file });
  const created = ok(twinhub('device', 'create', 'd1'));
  assert.match(created, new RegExp(`^HostName=${hub.address};DeviceId=d1;SharedAccessKey=`));
  assert.strictEqual(ok(twinhub('connection-string', '--device', 'd1')), created, 'from the registry: no store is at hand');
  assert.match(ok(twinhub('token', '--device', 'd1')), /^SharedAccessSignature sr=/);
  assert.match(ok(twinhub('twin', 'show', 'd1')), /d1/);
  assert.match(ok(twinhub('device', 'list')), /\nd1 /);

  const by_flags = shell(t);
  ok(by_flags('device', 'list', '--connection-string', owner, '--ca', hub.ca_file));
  const unknown_ca = by_flags('device', 'list', '--connection-string', owner);
  assert.strictEqual(unknown_ca.status, 3);
  assert.match(unknown_ca.stderr, /certificate verify failed|unable to get local issuer/);
  const of_a_device = by_flags('device', 'list', '--connection-string', created.trim(), '--ca', hub.ca_file);
  assert.notStrictEqual(of_a_device.status, 0);
  assert.match(of_a_device.stderr, /not one of a policy's/);
  // A policy with fewer rights has no more here.
  const service = hub.connection_string('--policy', 'service');
  assert.strictEqual(by_flags('device', 'create', 'd2', '--connection-string', service, '--ca', hub.ca_file).status, 6);
  assert.doesNotMatch(ok(twinhub('config')), /SharedAccessKey=/);
});

test('contexts are hubs by name', async (t) => {
  const cli = await Cli.start(t);
  const { hub } = cli;
  const owner = hub.connection_string();
  const home = scratch(t);
  const twinhub = shell(t, { XDG_CONFIG_HOME: home });
  assert.match(twinhub('context', 'list').stderr, /no contexts/);
  ok(twinhub('context', 'add', 'plant', '--connection-string', owner, '--ca', hub.ca_file));
  assert.strictEqual(fs.statSync(path.join(home, 'twinhub', 'contexts.toml')).mode & 0o777, 0o600);
  assert.strictEqual(twinhub('context', 'add', 'plant', '--connection-string', owner).status, 5);
  assert.strictEqual(twinhub('context', 'add', 'odd', '--connection-string', 'HostName=x').status, 1);
  const by_input = spawnSync(binary, ['context', 'add', 'typed', '--connection-string', '-', '--ca', hub.ca_file],
    { encoding: 'utf8', input: `${owner}\n`, env: { PATH: process.env.PATH, XDG_CONFIG_HOME: home } });
  assert.deepStrictEqual([by_input.status, by_input.stderr], [0, '']);
  assert.match(ok(twinhub('device', 'list', '--context', 'typed')), /^$/);
  ok(twinhub('device', 'create', 'd1', '--context', 'plant'));
  assert.notStrictEqual(twinhub('device', 'list').status, 0, 'it is not in use');
  ok(twinhub('context', 'use', 'plant'));
  assert.match(ok(twinhub('device', 'list')), /\nd1 /);
  const listed = ok(twinhub('context', 'list'));
  assert.match(listed, new RegExp(`\\n\\* +plant +${hub.address.replaceAll('.', '\\.')} +iothubowner `));
  assert.ok(!listed.includes(owner.match(/SharedAccessKey=(.+)$/)[1]));
  assert.strictEqual(twinhub('device', 'list', '--context', 'nowhere').status, 2);
  ok(twinhub('context', 'remove', 'plant'));
  assert.strictEqual(twinhub('context', 'use', 'plant').status, 4);
});

test('events tail goes on behind the last event when the hub comes back', async (t) => {
  const cli = await Cli.start(t);
  const { hub } = cli;
  cli.ok('device', 'create', 'd1');
  const tail = cli.start_command('events', 'tail', '--source', 'TwinChangeEvents', '--from', 'start');
  t.after(() => tail.child.kill());
  cli.ok('twin', 'set', 'd1', 'desired.n=1');
  await until('the first change is printed', () => tail.lines.length === 1);
  await hub.stop();
  await until('the end of the stream is told', () => tail.errors.includes('waiting for the hub'));
  await hub.start();
  cli.ok('twin', 'set', 'd1', 'desired.n=2');
  await until('the second change is printed', () => tail.lines.length === 2);
  const seen = tail.lines.map((line) => JSON.parse(line).body.properties.desired.n);
  assert.deepStrictEqual(seen, [1, 2], 'none twice');
});

test('an empty list says so where it disturbs no program', async (t) => {
  const cli = await Cli.start(t);
  for (const [words, nothing] of [[['device', 'list'], 'no devices\n'], [['job', 'list'], 'no jobs\n'],
    [['configuration', 'list'], 'no configurations\n'], [['certificate', 'list'], 'no certificates\n'],
    [['query', 'SELECT * FROM devices'], 'no rows\n']]) {
    assert.deepStrictEqual(cli.run(words), { status: 0, stdout: '', stderr: nothing });
  }
  assert.deepStrictEqual(cli.run(['device', 'list', '--json']), { status: 0, stdout: '[]\n', stderr: '' });
});

test('a variable that is no setting is refused by every command, with the one that was meant', (t) => {
  for (const command of [['config'], ['serve'], ['device', 'list']]) {
    const ran = shell(t, { TWINHUB_MQTTS_PROT: '1' })(...command);
    assert.strictEqual(ran.status, 2);
    assert.match(ran.stderr, /TWINHUB_MQTTS_PROT: there is no such setting; did you mean TWINHUB_MQTTS_PORT\?/);
  }
});

test('TWINHUB_CONFIG names the file of settings, a flag another one', (t) => {
  const folder = scratch(t);
  const file = (name, text) => {
    fs.writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const twinhub = shell(t, { TWINHUB_CONFIG: file('a.toml', 'mqtts_port = 11\n') });
  assert.match(ok(twinhub('config')), /^mqtts_port = 11 +# .*a\.toml:1$/m);
  assert.match(ok(twinhub('config', '--config', file('b.toml', 'mqtts_port = 12\n'))), /^mqtts_port = 12 /m);
  const missing = shell(t, { TWINHUB_CONFIG: path.join(folder, 'c.toml') })('config');
  assert.strictEqual(missing.status, 2);
  assert.match(missing.stderr, /TWINHUB_CONFIG: there is no file .*c\.toml/);
});

test('config --check finds what serve would refuse, all of it, and makes nothing', (t) => {
  const folder = scratch(t);
  const settings = path.join(folder, 'hub.toml');
  const check = (text) => {
    fs.writeFileSync(settings, text);
    return shell(t)('config', '--check', '--config', settings, '--data-dir', path.join(folder, 'data'));
  };
  assert.strictEqual(ok(check('')), 'the settings are good\n');
  const wrong = check(`
listen = "everywhere"
mqtts_port = 443
[tls]
device_ca = ["${folder}/missing.pem"]
certificate = "${folder}/missing.pem"
private_key = "${folder}/missing.key"
[[endpoints]]
name = "hook"
type = "webhook"
url = "http://example"
[[routes]]
name = "r"
source = "DeviceMessages"
condition = "temperature >"
endpoints = ["hook"]
`);
  assert.strictEqual(wrong.status, 1);
  for (const words of [/listen: 'everywhere'/, /https_port and mqtts_port are both 443/, /missing\.pem/, /hub\.toml:\d+: /]) {
    assert.match(wrong.stderr, words);
  }
  assert.deepStrictEqual(fs.readdirSync(folder), ['hub.toml']);
});
