// Completion as a shell does it: the script is loaded into a real bash, which is asked for the candidates.
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { scratch } = require('../support/node/cli');
const { binary } = require('../support/node/hub');

const script = (shell) => {
  const ran = spawnSync(binary, ['completion', shell], { encoding: 'utf8' });
  assert.strictEqual(ran.status, 0, ran.stderr);
  return ran.stdout;
};

// Bash's candidates for a command line whose last word is being typed. `complete -p` names the function, which is
// called as readline does.
function offered(line, cwd = '/') {
  const words = line.split(' ');
  const quoted = `'${line}'`;
  const program = `
source <(printf '%s' "$SCRIPT")
registered=$(complete -p twinhub) || exit 9
function=$(sed -n 's/.* -F \\([^ ]*\\) .*/\\1/p' <<< "$registered")
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1} COMP_LINE=${quoted} COMP_POINT=${line.length}
"$function" twinhub "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "\${COMPREPLY[@]}"
`;
  const ran = spawnSync('bash', ['--norc', '--noprofile', '-c', program], { encoding: 'utf8', cwd, env: { ...process.env, SCRIPT: script('bash') } });
  assert.strictEqual(ran.status, 0, ran.stderr);
  assert.strictEqual(ran.stderr, '');
  return ran.stdout.split('\n').filter((word) => word !== '');
}

const verbs_of_device = ['create', 'delete', 'list', 'send', 'show', 'simulate', 'update', 'why'];

test('bash completes sub-commands at every level', () => {
  const top = offered('twinhub ');
  for (const name of ['serve', 'device', 'module', 'twin', 'query', 'import', 'export', 'completion', 'events']) {
    assert.ok(top.includes(name), `${name} in ${top}`);
  }
  assert.deepStrictEqual(offered('twinhub dev'), ['device']);
  assert.deepStrictEqual(offered('twinhub device ').sort(), verbs_of_device);
  assert.deepStrictEqual(offered('twinhub twin s').sort(), ['set', 'show']);
  assert.deepStrictEqual(offered('twinhub nonsense '), top, 'what is no command is passed over');
});

test('bash completes options, and the choices of their values', () => {
  assert.deepStrictEqual(offered('twinhub device update d1 --st'), ['--status']);
  assert.deepStrictEqual(offered('twinhub device update d1 --status '), ['enabled', 'disabled'].sort().reverse());
  assert.deepStrictEqual(offered('twinhub device update d1 --status d'), ['disabled']);
  assert.ok(offered('twinhub device list --').includes('--data-dir'));
  assert.ok(offered('twinhub import --mode c').includes('createOrUpdateIfMatchETag'));
  assert.deepStrictEqual(offered('twinhub completion ').sort(), ['bash', 'fish', 'zsh']);
  assert.deepStrictEqual(offered('twinhub twin set d1 --etag '), [], 'a text of one\'s own');
});

test('bash completes files where a file is wanted', () => {
  assert.deepStrictEqual(offered('twinhub import etc/pass', '/').filter((name) => name === 'etc/passwd'), ['etc/passwd']);
  assert.deepStrictEqual(offered('twinhub serve --config etc/hosts', '/').includes('etc/hosts'), true);
  assert.deepStrictEqual(offered('twinhub certificate add name etc/hosts', '/').includes('etc/hosts'), true);
  for (const command of ['backup', 'restore', 'check']) assert.ok(offered(`twinhub ${command} et`, '/').includes('etc'), command);
});

test('every sub-command that --help knows is offered', () => {
  const walk = (words) => {
    const help = spawnSync(binary, [...words, '--help'], { encoding: 'utf8' }).stdout;
    const block = /^Subcommands:\n((?: {2}.*\n|\s{10,}.*\n)*)/m.exec(help);
    if (!block) return;
    const names = [...block[1].matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name);
    if (words.length === 0) assert.ok(names.length > 10, help);
    assert.deepStrictEqual(offered(`twinhub ${[...words, ''].join(' ')}`).sort(), names.sort());
    for (const name of names) walk([...words, name]);
  };
  walk([]);
});

const missing = (shell) => spawnSync(shell, ['--version']).error !== undefined && `${shell} is not installed`;

test('zsh loads its script and completes sub-commands from it', { skip: missing('zsh') }, (t) => {
  const file = path.join(scratch(t), '_twinhub');
  fs.writeFileSync(file, script('zsh'));
  // Within completion _describe would show the candidates; here it prints its arguments.
  const program = `compdef() { }; _files() { print files }; _describe() { print -l -- \${(P)2} }
source '${file}'
ask() { words=("$@"); CURRENT=$#words; _twinhub }
ask twinhub device ''; ask twinhub device update --status ''; ask twinhub import ''`;
  const ran = spawnSync('zsh', ['-f', '-c', `compadd() { shift; print -l -- "$@" }\n${program}`], { encoding: 'utf8' });
  assert.strictEqual(ran.stderr, '');
  const lines = ran.stdout.trimEnd().split('\n');
  assert.deepStrictEqual(lines.slice(0, verbs_of_device.length).map((line) => line.split(':')[0]).sort(), verbs_of_device);
  assert.deepStrictEqual(lines.slice(verbs_of_device.length), ['enabled', 'disabled', 'files']);
});

test('fish completes sub-commands, options and their words', { skip: missing('fish') }, (t) => {
  const file = path.join(scratch(t), 'twinhub.fish');
  fs.writeFileSync(file, script('fish'));
  const ask = (line) => {
    const ran = spawnSync('fish', ['--no-config', '-c', `source '${file}'; complete -C '${line}'`], { encoding: 'utf8' });
    assert.strictEqual(ran.stderr, '');
    return ran.stdout.trimEnd().split('\n').map((row) => row.split('\t')[0]).sort();
  };
  assert.deepStrictEqual(ask('twinhub device '), verbs_of_device);
  assert.deepStrictEqual(ask('twinhub device update d1 --status '), ['disabled', 'enabled']);
  assert.deepStrictEqual(ask('twinhub completion '), ['bash', 'fish', 'zsh']);
  assert.ok(ask('twinhub twin show --meta').includes('--metadata'));
});

test('another shell is a usage error', () => {
  assert.strictEqual(spawnSync(binary, ['completion', 'tcsh']).status, 2);
  assert.strictEqual(spawnSync(binary, ['completion']).status, 2);
});
