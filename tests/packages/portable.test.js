// The tarball in a bare Debian 12, and the image as an engine would run it, each serving from files that it has brought itself.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { after, test } = require('node:test');

const { binary } = require('../support/node/hub');
const { Program } = require('../support/node/program');
const { until } = require('../support/node/until');
const { BareSystem, make_image, make_tarball, obstacle, own_address, run } = require('./bare_system');

const skip = obstacle() ?? false;
if (skip) console.log(`THIS TEST CANNOT RUN HERE: ${skip}`);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-packages-'));
const programs = [];
after(() => {
  for (const program of programs) program.kill('SIGKILL');
  fs.rmSync(scratch, { recursive: true, force: true });
});

const version = () => run(binary, ['--version']);

function ready(address) {
  return new Promise((resolve) => {
    http.get({ host: address, port: 9600, path: '/readyz', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}

// Starts a command that enters a tree and ends with the tree's hub; settles when the hub is ready.
async function serve(address, command, args, env) {
  const program = new Program(command, args, { env });
  programs.push(program);
  await until('the hub is ready', async () => {
    if (program.ended) throw new Error(program.report());
    return ready(address);
  });
  return program;
}

// No process in between: whoever ends the command ends the hub.
const enter = (tree) => ['--mount', `--mount-proc=${path.join(tree, 'proc')}`, '/usr/sbin/chroot'];

test('the tarball needs no other package: it runs in a bare system as it is', { skip }, async () => {
  const file = make_tarball(binary, path.join(scratch, 'made'));
  const name = path.basename(file, '.tar.xz');
  assert.match(name, /^twinhub-.+-linux-(amd64|arm64)$/);
  const system = new BareSystem(path.join(scratch, 'bare'));
  run('tar', ['-C', system.in_tree('opt'), '-xJf', file]);
  const program = `/opt/${name}/bin/twinhub`;
  assert.equal(system.run(program, '--version'), version());
  const where = ['--data-dir', '/tmp/data', '--dev', '--listen', system.address];
  await serve(system.address, 'unshare', [...enter(system.folder), system.folder, program, 'serve', ...where, '--ops-listen', system.address]);
  assert.match(system.run(program, 'device', 'create', 'd1', ...where), /^HostName=[^;]+;DeviceId=d1;/);
});

test('the image has its files, its user, its ports and a health check that begins at once', { skip }, async () => {
  const file = make_image(binary, path.join(scratch, 'made'));
  const archive = path.join(scratch, 'archive');
  const root = path.join(scratch, 'root');
  fs.mkdirSync(archive);
  fs.mkdirSync(root);
  run('tar', ['-C', archive, '-xzf', file]);
  const [manifest] = JSON.parse(fs.readFileSync(path.join(archive, 'manifest.json'), 'utf8'));
  const image = JSON.parse(fs.readFileSync(path.join(archive, manifest.Config), 'utf8'));
  const { config } = image;
  assert.deepEqual([image.os, config.User, config.Entrypoint, config.Cmd], ['linux', 'twinhub', ['twinhub'], ['serve']]);
  assert.deepEqual(Object.keys(config.ExposedPorts).sort(), ['443/tcp', '5671/tcp', '8883/tcp', '9600/tcp']);
  assert.deepEqual(config.Healthcheck.Test, ['CMD', 'twinhub', 'health']);
  assert.equal(config.Healthcheck.StartInterval, 200_000_000);
  const layer = path.join(archive, 'layer.tar');
  assert.deepEqual(image.rootfs.diff_ids, [`sha256:${run('sha256sum', [layer]).slice(0, 64)}`]);
  assert.ok(fs.statSync(layer).size < 100e6, `${fs.statSync(layer).size} bytes`);

  // As an engine unpacks it, and as it runs its command: as the user, with the environment, with no capability but those that files give.
  run('tar', ['-C', root, '--numeric-owner', '--xattrs', '--xattrs-include=security.capability', '-xpf', layer]);
  assert.deepEqual(fs.readdirSync(path.join(root, 'usr/bin')), ['twinhub']);
  assert.ok(fs.readFileSync(path.join(root, 'var/lib/dpkg/status.d/libssl3'), 'utf8').includes('\nVersion: 3.'));
  fs.mkdirSync(path.join(root, 'proc'));
  const address = own_address();
  const env = { ...Object.fromEntries(config.Env.map((entry) => entry.split(/=(.*)/s, 2))), TWINHUB_LISTEN: address, TWINHUB_OPS_LISTEN: address };
  const as_user = ['--userspec=10001:10001', '--groups=', root, '/usr/bin/twinhub'];
  const hub = await serve(address, '/usr/bin/unshare', [...enter(root), ...as_user, ...config.Cmd], env);
  await until('the line of the log', () => new RegExp(`ready: mqtts://${address}:8883`).test(hub.errors));
  assert.equal(fs.statSync(path.join(root, 'data/db')).uid, 10001);
  const inside = (...words) => run('/usr/bin/unshare', [...enter(root), ...as_user, ...words], { env: { ...process.env, ...env } });
  assert.equal(inside('health'), 'ready\n');
  assert.match(inside('device', 'create', 'd1'), /^HostName=[^;]+;DeviceId=d1;/);
});
