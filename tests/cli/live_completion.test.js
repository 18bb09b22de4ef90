// Completion of names that a running hub knows, in real shells.
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { Cli, scratch } = require('../support/node/cli');
const { Hub, binary } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');

// Ids may hold what shells act upon.
const odd_ids = ['pump-7', 'pump-8', 'pump$(harm)', 'pump:a=b', "pump's"];

let cli;
let bin;
before(async () => {
  const hub = new Hub();
  await hub.start();
  cli = new Cli(hub);
  for (const id of [...odd_ids, 'valve-1']) cli.ok('device', 'create', id);
  cli.ok('module', 'create', 'pump-7', 'vision');
  cli.ok('module', 'create', 'pump-7', 'valves');
  bin = path.join(hub.data_dir, 'bin');
  fs.mkdirSync(bin);
  fs.symlinkSync(binary, path.join(bin, 'twinhub'));
  fs.writeFileSync(path.join(bin, 'harm'), `#!/bin/sh\ntouch '${bin}/done'\n`, { mode: 0o755 });
});
after(() => cli.hub.remove());

// Completion gives up after two seconds, for a person waits: on a machine so busy it is asked again.
const gives_up_after_ms = 2000;
function in_time(run) {
  for (let attempt = 1; ; attempt += 1) {
    const began = performance.now();
    const ran = run();
    if (performance.now() - began < gives_up_after_ms || attempt === 20) return ran;
  }
}

const complete = (...words) => spawnSync(binary, ['__complete', ...words], { encoding: 'utf8' });
const ask = (...words) => in_time(() => complete(...words));
const names = (...words) => {
  const ran = ask(...words);
  assert.deepStrictEqual([ran.status, ran.stderr], [0, '']);
  return ran.stdout.split('\n').filter((line) => line !== '').sort();
};
const with_path = () => ({ ...process.env, PATH: `${bin}:${process.env.PATH}` });
const here = () => ['--data-dir', cli.hub.data_dir];

test('device ids by their beginning, wherever a command takes one', () => {
  assert.deepStrictEqual(names('device', 'show', ...here(), ''), [...odd_ids, 'valve-1'].sort());
  assert.deepStrictEqual(names('device', 'show', ...here(), 'v'), ['valve-1']);
  assert.deepStrictEqual(names('device', 'show', ...here(), "pump's"), ["pump's"]);
  for (const command of [['device', 'why'], ['device', 'update'], ['device', 'delete'], ['device', 'send'], ['device', 'simulate'],
    ['twin', 'show'], ['twin', 'set'], ['twin', 'watch'], ['module', 'list'], ['module', 'create'], ['method', 'invoke'], ['c2d', 'send'],
    ['c2d', 'purge'], ['connection-string', '--device'], ['token', '--device'], ['events', 'tail', '--device']]) {
    const verbs = command.filter((word) => !word.startsWith('--'));
    assert.deepStrictEqual(names(...verbs, ...here(), ...command.slice(verbs.length), 'valve'), ['valve-1'], command.join(' '));
  }
});

test('what follows the id is no id, nor is a new device', () => {
  for (const words of [['device', 'create', ...here(), ''], ['c2d', 'send', ...here(), 'pump-7', ''], ['method', 'invoke', ...here(), 'pump-7', ''],
    ['twin', 'set', ...here(), 'pump-7', ''], ['device', 'show', ...here(), '--j'], ['device', 'list', ...here(), '--where', ''], ['nonsense', ''], []]) {
    assert.deepStrictEqual(names(...words), [], words.join(' '));
  }
});

test('modules of the device that stands before; contexts, policies, jobs, configurations, certificates', (t) => {
  assert.deepStrictEqual(names('module', 'show', ...here(), 'pump-7', 'v'), ['valves', 'vision']);
  assert.deepStrictEqual(names('twin', 'show', 'pump-7', ...here(), '--module', 'vi'), ['vision']);
  assert.deepStrictEqual(names('token', ...here(), '--device', 'pump-7', '--module', ''), ['valves', 'vision']);
  assert.deepStrictEqual(names('module', 'show', ...here(), 'valve-1', ''), []);
  assert.deepStrictEqual(names('token', ...here(), '--policy', 'reg'), ['registryRead', 'registryReadWrite']);
  cli.ok('job', 'update-twin', 'all-fans', '--where', '*', 'desired.fan=1', '--wait');
  assert.deepStrictEqual(names('job', 'show', ...here(), ''), ['all-fans']);
  const file = path.join(scratch(t), 'c.json');
  fs.writeFileSync(file, JSON.stringify({ content: { deviceContent: { 'properties.desired.a': 1 } }, targetCondition: "tags.no='yes'", priority: 1 }));
  cli.ok('configuration', 'set', 'attic-fans', file);
  assert.deepStrictEqual(names('configuration', 'show', ...here(), 'at'), ['attic-fans']);
  cli.ok('certificate', 'add', 'plant', cli.hub.ca_file);
  assert.deepStrictEqual(names('certificate', 'show', ...here(), ''), ['plant']);
  const env = { ...process.env, XDG_CONFIG_HOME: scratch(t) };
  spawnSync(binary, ['context', 'add', 'plant', '--connection-string', cli.hub.connection_string()], { env });
  assert.strictEqual(spawnSync(binary, ['__complete', 'context', 'use', ''], { encoding: 'utf8', env }).stdout, 'plant\n');
});

test('a hub that does not answer, or is none, costs silence and no more', async (t) => {
  for (const words of [['--data-dir', '/no/such/folder'], ['--connection-string', 'nonsense'], ['--config', '/no/such/file'], ['--context', 'nowhere'],
    ['--connection-string', 'HostName=127.0.0.1:1;SharedAccessKeyName=x;SharedAccessKey=eA==']]) {
    assert.deepStrictEqual(names('device', 'show', ...words, ''), [], words.join(' '));
  }
  const silent = net.createServer().listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await new Promise((resolve) => silent.once('listening', resolve));
  const hub = `HostName=127.0.0.1:${silent.address().port};SharedAccessKeyName=x;SharedAccessKey=eA==`;
  const ran = complete('device', 'show', '--connection-string', hub, '');
  assert.deepStrictEqual([ran.status, ran.stdout, ran.stderr], [0, '', ''], 'it gives up by itself');
});

// Bash's candidates for a line, as readline asks for them: words are cut at its word breaks as well.
function in_bash(line, cwd) {
  const words = line.split(/(?<=[:=])|(?=[:=])| /);
  const program = `source <(twinhub completion bash)
COMP_LINE=$LINE COMP_POINT=\${#LINE} COMP_CWORD=${words.length - 1}
COMP_WORDS=(${words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')})
_twinhub; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const ran = in_time(() => spawnSync('bash', ['--norc', '--noprofile', '-c', program],
    { encoding: 'utf8', cwd, env: { ...with_path(), LINE: line } }));
  assert.deepStrictEqual([ran.status, ran.stderr], [0, '']);
  return ran.stdout.split('\n').filter((word) => word !== '').sort();
}

test('bash inserts ids that it will read as they are, and runs none of them', (t) => {
  const cwd = scratch(t);
  const offered = in_bash(`twinhub twin show --data-dir ${cli.hub.data_dir} pump`, cwd);
  const read = spawnSync('bash', ['-c', `printf '%s\\n' ${offered.join(' ')}`], { encoding: 'utf8', cwd, env: with_path() });
  assert.deepStrictEqual(read.stdout.trimEnd().split('\n').sort(), [...odd_ids].sort());
  assert.ok(!fs.existsSync(path.join(bin, 'done')));
  assert.deepStrictEqual(in_bash(`twinhub twin show --data-dir ${cli.hub.data_dir} pump:`, cwd), [':a=b'], 'bash has cut before the colon');
  assert.deepStrictEqual(in_bash(`twinhub twin show --data-dir ${cli.hub.data_dir} pump:a=`, cwd), ['=b']);
  assert.deepStrictEqual(in_bash(`twinhub twin show --data-dir ${cli.hub.data_dir} v`, cwd), ['valve-1']);
  assert.deepStrictEqual(in_bash(`twinhub token --data-dir ${cli.hub.data_dir} --device val`, cwd), ['valve-1']);
});

test('more devices than are shown: a shell inserts no common beginning of some of them', async (t) => {
  const crowd = await Cli.start(t);
  const rest = new Rest(crowd.hub.connection_string(), { plain_port: crowd.hub.ports.http });
  t.after(() => rest.close());
  const ids = Array.from({ length: 600 }, (_, n) => `fan-${String(n).padStart(4, '0')}`);
  for (let at = 0; at < ids.length; at += 100) {
    const answer = await rest.request('POST', '/devices', { body: ids.slice(at, at + 100).map((id) => ({ id, importMode: 'create' })) });
    assert.strictEqual(answer.status, 200, answer.text);
  }
  const offered = (prefix) => names('device', 'show', '--data-dir', crowd.hub.data_dir, prefix);
  assert.strictEqual(offered('fan-').length, 501);
  assert.ok(offered('fan-').includes('fan-'));
  assert.ok(offered('').includes('...'));
  assert.strictEqual(offered('fan-059').length, 10);
});

const missing = (shell) => spawnSync(shell, ['--version']).error !== undefined && `${shell} is not installed`;

test('zsh offers ids from the hub', { skip: missing('zsh') }, () => {
  const program = `compdef() { }; _files() { }; _describe() { }; compadd() { shift; print -l -- "$@" }
source <(twinhub completion zsh)
ask() { words=("$@"); CURRENT=$#words; PREFIX=$words[-1]; _twinhub }
ask twinhub twin show --data-dir '${cli.hub.data_dir}' v; ask twinhub token --data-dir '${cli.hub.data_dir}' --device v; ask twinhub device create v`;
  const ran = in_time(() => spawnSync('zsh', ['-f', '-c', program], { encoding: 'utf8', env: with_path() }));
  assert.deepStrictEqual([ran.stderr, ran.stdout], ['', 'valve-1\nvalve-1\n']);
});

test('fish offers ids from the hub', { skip: missing('fish') }, () => {
  const offered = (line) => {
    const ran = in_time(() => spawnSync('fish', ['--no-config', '-c', `twinhub completion fish | source; complete -C "$LINE"`],
      { encoding: 'utf8', env: { ...with_path(), LINE: line } }));
    assert.strictEqual(ran.stderr, '');
    return ran.stdout.trimEnd().split('\n').map((row) => row.split('\t')[0]).sort();
  };
  assert.deepStrictEqual(offered(`twinhub twin show --data-dir ${cli.hub.data_dir} v`), ['valve-1']);
  assert.deepStrictEqual(offered(`twinhub token --data-dir ${cli.hub.data_dir} --device v`), ['valve-1']);
});
