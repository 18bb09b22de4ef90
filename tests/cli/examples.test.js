// The help of every command has examples, and the program takes each as it stands: it is run, without a hub.
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { scratch } = require('../support/node/cli');
const { binary, own_address } = require('../support/node/hub');

const help = (words) => spawnSync(binary, ['help', ...words], { encoding: 'utf8' }).stdout;

// -> [{ command, lines }] of every command that runs something.
function leaves(words = []) {
  const text = help(words);
  const block = /^Subcommands:\n((?: {2}.*\n|\s{10,}.*\n)*)/m.exec(text);
  if (block) return [...block[1].matchAll(/^ {2}(\S+)/gm)].flatMap(([, name]) => leaves([...words, name]));
  const examples = /^Examples:\n((?: {2}.*\n)+)/m.exec(text);
  return [{ command: words.join(' '), lines: examples ? examples[1].trimEnd().split('\n').map((line) => line.trim()) : [] }];
}

test('every command has an example, which names the command', () => {
  const all = leaves();
  assert.ok(all.length > 50, `${all.length}`);
  for (const { command, lines } of all) {
    assert.ok(lines.length > 0, `twinhub help ${command}`);
    for (const line of lines) assert.ok(line.includes(`twinhub ${command}`), line);
  }
});

test('every example is understood', (t) => {
  const folder = scratch(t);
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.symlinkSync(binary, path.join(folder, 'bin', 'twinhub'));
  // A log that ends, instead of one that is followed.
  fs.writeFileSync(path.join(folder, 'bin', 'tail'), '#!/bin/sh\necho line\n', { mode: 0o755 });
  for (const name of ['ca.pem', 'proof.pem', 'devices.txt', 'seed.toml', 'twinhub.toml']) fs.writeFileSync(path.join(folder, name), '');
  for (const name of ['patch.json', 'configuration.json']) fs.writeFileSync(path.join(folder, name), '{}');
  const env = {
    PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`, HOME: folder, XDG_CONFIG_HOME: folder,
    // Nobody listens there: a hub that somebody runs on this machine is left alone.
    TWINHUB_LISTEN: own_address(), TWINHUB_OPS_LISTEN: own_address(), TWINHUB_DATA_DIR: path.join(folder, 'data'),
  };
  for (const { command, lines } of leaves()) {
    if (command === 'serve') continue;  // below
    for (const line of lines) {
      const ran = spawnSync('bash', ['--norc', '-o', 'pipefail', '-c', line], { encoding: 'utf8', cwd: folder, env, timeout: 60_000 });
      assert.strictEqual(ran.error, undefined, line);
      assert.ok(ran.status !== 2 && ran.status < 126, `${line}: exit ${ran.status}\n${ran.stderr}`);
    }
  }
  for (const line of leaves().find(({ command }) => command === 'serve').lines) {
    const words = line.replace('/etc/twinhub/twinhub.toml', 'twinhub.toml').split(' ').slice(2);
    const ran = spawnSync(binary, ['config', ...words], { encoding: 'utf8', cwd: folder, env });
    assert.strictEqual(ran.status, 0, ran.stderr);
  }
});
