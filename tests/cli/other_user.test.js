// Another user of the machine: reads no file of a hub, of its backups or of its exports, not even by its exact name.
'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Cli, scratch } = require('../support/node/cli');
const { Hub, binary, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');

const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];
const is_root = process.getuid() === 0;

function everything_in(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    return entry.isDirectory() ? [{ name, is_folder: true }, ...everything_in(name)] : [{ name, is_folder: false }];
  });
}

// The names that the other user can read.
function readable(entries) {
  const script = 'for name in "$@"; do if [ -d "$name" ]; then ls "$name" >/dev/null 2>&1 && echo "$name"; else cat "$name" >/dev/null 2>&1 && echo "$name"; fi; done; true';
  const ran = spawnSync('setpriv', [...nobody, 'sh', '-c', script, 'sh', ...entries.map(({ name }) => name)], { encoding: 'utf8' });
  assert.strictEqual(ran.status, 0, ran.stderr || String(ran.error));
  return ran.stdout;
}

test('another user reads no key, wherever the hub or its command line has written one', { skip: !is_root && 'takes root, to be somebody else' }, async (t) => {
  const world = scratch(t);
  fs.chmodSync(world, 0o755);  // whoever comes as far as here meets the hub's own folders
  const wide = process.umask(0);
  t.after(() => process.umask(wide));
  const hub = new Hub({ dev: false, env: { TWINHUB_MANAGEMENT: 'on', TWINHUB_LOG_LEVEL: 'debug' } });
  t.after(() => hub.remove());
  fs.rmdirSync(hub.data_dir);
  hub.data_dir = path.join(world, 'data');
  await hub.start();
  const cli = new Cli(hub);
  cli.where = cli.where.slice(1);  // not --dev
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  assert.strictEqual((await rest.create_device('d')).status, 200);
  rest.close();
  cli.ok('policy', 'create', 'management');
  cli.ok('export', path.join(world, 'export.txt'));
  for (let n = 0; n < 2; n += 1) {
    const made = spawnSync(binary, ['backup', path.join(world, 'backups'), '--data-dir', hub.data_dir, ...cli.ops], { encoding: 'utf8' });
    assert.strictEqual(made.status, 0, made.stderr);
  }
  const back = spawnSync(binary, ['restore', path.join(world, 'backups'), '--data-dir', path.join(world, 'restored')], { encoding: 'utf8' });
  assert.strictEqual(back.status, 0, back.stderr);

  const all = everything_in(world);
  const names = all.map(({ name }) => path.relative(world, name));
  for (const name of ['data/policies.toml', 'data/management.key', 'data/management.toml', 'data/tls/ca.key', 'data/tls/server.key', 'export.txt', 'restored/policies.toml'])
    assert.ok(names.includes(name), `${name} in ${names}`);
  assert.ok(names.some((name) => /^data\/db\/\d+\.log$/.test(name)) && names.some((name) => /^backups\/.*\/data\/tls\/ca\.key$/.test(name)));
  fs.writeFileSync(path.join(world, 'control'), '', { mode: 0o644 });
  const control = path.join(world, 'control');
  assert.strictEqual(readable([...all, { name: control }]), `${control}\n`);
  // Nor where somebody has opened the folders.
  for (const { name, is_folder } of all) if (is_folder) fs.chmodSync(name, 0o711);
  assert.strictEqual(readable([...all, { name: control }]), `${control}\n`);
});
