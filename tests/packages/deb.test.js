// The Debian package, made of the program that was built, in a bare Debian 12: it brings what it needs, its unit's command serves the
// tutorial, and an upgrade, a removal and a purge leave the devices where they are.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { binary } = require('../support/node/hub');
const { create_device, end_clients, run_tutorial } = require('../tutorial/run');
const { BareSystem, make_deb, obstacle, run } = require('./bare_system');

const skip = obstacle() ?? false;
if (skip) console.log(`THIS TEST CANNOT RUN HERE: ${skip}`);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-packages-'));
let system, file, hub;

before(() => {
  if (skip) return;
  file = make_deb(binary, path.join(scratch, 'made'));
  system = new BareSystem(path.join(scratch, 'tree'));
});
after(() => {
  end_clients();
  if (hub) hub.unit.child.stdin.end();  // and the hub with it
  fs.rmSync(scratch, { recursive: true, force: true });
});

const mode_and_owner = (...words) => system.run('stat', '-c', '%a %U %G', ...words).trim();

test('its name and its version are those of the program', { skip }, () => {
  const version = run(binary, ['--version']).trim().replace('twinhub ', '');
  const architecture = run('dpkg', ['--print-architecture']).trim();
  assert.equal(path.basename(file), `twinhub_${version}_${architecture}.deb`);
  assert.equal(run('dpkg-deb', ['--field', file, 'Version']).trim(), version);
});

test('it installs on a bare system, with a user of its own and settings that others cannot read', { skip }, () => {
  system.install(file);
  assert.equal(system.run('twinhub', '--version'), run(binary, ['--version']));
  assert.match(system.run('getent', 'passwd', 'twinhub'), /^twinhub:x:\d+:\d+:twinhub[^:]*:\/var\/lib\/twinhub:\/usr\/sbin\/nologin\n$/);
  assert.equal(mode_and_owner('/etc/twinhub/twinhub.toml'), '640 root twinhub');
  assert.equal(system.twinhub('config', '--check', '--config', '/etc/twinhub/twinhub.toml').trim().split('\n').length, 1);
});

test('every command has its page in the manual, made from its help', { skip }, () => {
  const pages = fs.readdirSync(system.in_tree('usr/share/man/man1')).filter((name) => name.startsWith('twinhub'));
  const commands = [...system.run('twinhub', 'help').matchAll(/^ {2}([a-z][a-z0-9-]*) {2,}\S/gm)].map(([, name]) => name);
  assert.ok(commands.length > 20, `${commands}`);
  assert.deepEqual(pages.sort(), ['twinhub.1.gz', ...commands.map((name) => `twinhub-${name}.1.gz`)].sort());
  const page = run('gzip', ['-dc', system.in_tree('usr/share/man/man1/twinhub-device.1.gz')]);
  assert.match(page, /^\.SH "twinhub device create"$/m);
  assert.match(page, /^\.B \\-\\-thumbprint TEXT$/m);
  assert.match(run('gzip', ['-dc', system.in_tree('usr/share/man/man5/twinhub.toml.5.gz')]), /^mqtts_port = 8883 /m);
});

test('the command of its unit serves the tutorial on 443 and 8883, not as root, and tells the service manager how it is', { skip }, async () => {
  system.listen_on_own_address();
  hub = await system.start();
  assert.equal(mode_and_owner('/var/lib/twinhub'), '700 twinhub twinhub');
  const ready = await hub.notified('READY=1', (told) => told.READY === '1');
  assert.match(ready.notified.STATUS, /^Serving /);
  const user = fs.readFileSync(`/proc/${ready.pid}/status`, 'utf8').match(/^Uid:\s+(\d+)/m)[1];
  assert.equal(system.run('id', '-u', 'twinhub').trim(), user);

  await create_device(hub);
  await run_tutorial(hub);
});

test('a reload is told, and ends in READY=1', { skip }, async () => {
  const from = hub.unit.lines.length;
  hub.unit.say('reload');
  const reloading = await hub.notified('RELOADING=1', (told) => told.RELOADING === '1', from);
  assert.match(reloading.notified.MONOTONIC_USEC, /^\d+$/);
  await hub.notified('READY=1 again', (told) => told.READY === '1', from + 1);
});

test('a stop is told, too, and ends the hub in order', { skip }, async () => {
  await hub.stop();
  assert.ok(hub.unit.lines.some((line) => JSON.parse(line).notified?.STOPPING === '1'), hub.unit.report());
});

test('an upgrade keeps the settings that were changed and the devices', { skip }, async () => {
  system.install(file, '--reinstall');
  assert.match(system.read('etc/twinhub/twinhub.toml'), new RegExp(`^listen = "${system.address.replaceAll('.', '\\.')}"$`, 'm'));
  assert.equal(mode_and_owner('/etc/twinhub/twinhub.toml'), '640 root twinhub');
  hub = await system.start();
  await run_tutorial(hub);
  await hub.stop();
});

test('a purge takes the settings and leaves the devices', { skip }, () => {
  system.run('apt-get', '-qq', '--yes', 'purge', 'twinhub');
  assert.ok(!fs.existsSync(system.in_tree('etc/twinhub')));
  assert.ok(!fs.existsSync(system.in_tree('usr/bin/twinhub')));
  assert.ok(fs.existsSync(system.in_tree('var/lib/twinhub/db/CURRENT')));
});
