// `twinhub device why`: the cause of a device's silence, in words, with what to do.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');

const { Cli } = require('../support/node/cli');
const { ports } = require('../support/node/hub');
const { Program } = require('../support/node/program');
const { until } = require('../support/node/until');

const pub = async (cli, id, password, flags = []) => {
  const program = new Program('mosquitto_pub', ['-h', cli.hub.address, '-p', ports.mqtts, '--cafile', cli.hub.ca_file, '-V', 'mqttv311',
    '-i', id, '-u', `${cli.hub.address}/${id}/?api-version=2021-04-12`, '-P', password, '-q', 1,
    '-t', `devices/${id}/messages/events/`, '-m', 'x', ...flags]);
  await until('mosquitto_pub ends', () => program.ended);
  return program.ended.code;
};

test('device why: who was refused, from where, why, how often, and what to do', async (t) => {
  const cli = await Cli.start(t);
  for (const id of ['pump-7', 'pump-8']) cli.ok('device', 'create', id);
  const before = cli.run(['device', 'why', 'pump-7', ...cli.ops]);
  assert.equal(before.status, 0, before.stderr);
  assert.match(before.stdout, /^pump-7 is enabled, registered for 'sas' and not connected since never\.$/m);
  assert.match(before.stdout, /^Nothing was refused or has ended that named pump-7\.$/m);

  const token_of_another = cli.hub.token('--device', 'pump-8');
  for (let n = 0; n < 3; n += 1) assert.notEqual(await pub(cli, 'pump-7', token_of_another), 0);
  await pub(cli, 'pump-9', token_of_another);
  const words = cli.run(['device', 'why', 'pump-7', ...cli.ops]).stdout;
  assert.match(words, /refused  127\.\d+\.\d+\.\d+:\d+  mqtts  signature_mismatch \(CONNACK 5\), 3 times until /);
  assert.match(words, /Its token was signed with another key\. .*pump-8/);
  assert.match(words, /What to do: .*twinhub device show pump-7 --json/);
  assert.ok(!words.includes('pump-9'), 'another device');
  assert.match(cli.run(['device', 'why', 'pump-9', ...cli.ops]).stdout, /^There is no device pump-9 on this hub\.$/m);

  const { id, notices, unnamed } = JSON.parse(cli.run(['device', 'why', 'pump-7', '--json', ...cli.ops]).stdout);
  assert.equal(id, 'pump-7');
  assert.deepEqual(unnamed, []);
  assert.equal(notices.reduce((sum, notice) => sum + notice.count, 0), 3);
  assert.deepEqual([notices[0].reason, notices[0].id, notices[0].stage, notices[0].transport], ['signature_mismatch', 'pump-7', 'connect', 'mqtts']);
  const sig = new URLSearchParams(token_of_another.split(' ')[1]).get('sig');
  for (const secret of [token_of_another, sig, encodeURIComponent(sig)]) {
    assert.ok(!(words + JSON.stringify(notices) + cli.hub.log).includes(secret), 'no token and no signature anywhere');
  }
  assert.deepEqual(JSON.parse(cli.run(['device', 'why', 'pump-7', '--json', '--since', '2999-01-01T00:00:00Z', ...cli.ops]).stdout).notices, []);
  const wrong = cli.run(['device', 'why', 'pump-7', '--since', 'yesterday', ...cli.ops]);
  assert.notEqual(wrong.status, 0);
  assert.match(wrong.stderr, /ISO 8601/);
});

test('device why: peers that did not say who they are stand below, as one of them may be the device', async (t) => {
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'pump-7');
  const other_ca = path.join(cli.hub.data_dir, 'other-ca.pem');
  await new Program('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', 1,
    '-subj', '/CN=another CA', '-out', other_ca, '-keyout', `${other_ca}.key`]).success();
  await pub(cli, 'pump-7', cli.hub.token('--device', 'pump-7'), ['--cafile', other_ca]);
  const why = await until('the notice', () => {
    const { stdout } = cli.run(['device', 'why', 'pump-7', ...cli.ops]);
    return stdout.includes('ca_not_trusted') ? stdout : undefined;
  });
  assert.match(why, /Peers that were refused before they said who they are; one may be this device:\n.*ca_not_trusted \(alert 48\)/);
  assert.match(why, /ca\.pem/);
});

test('device why --follow prints what happens next, until the hub is gone', async (t) => {
  const cli = await Cli.start(t);
  cli.ok('device', 'create', 'pump-7');
  const command = cli.start_command('device', 'why', 'pump-7', '--follow', '--json');
  await until('it follows', () => command.lines.length > 0);
  await pub(cli, 'pump-7', 'no token');
  const line = await until('the refusal', () => command.lines.slice(1).find((each) => each.includes('token_unreadable')));
  assert.equal(JSON.parse(line).id, 'pump-7');
  await cli.hub.stop();
  assert.notEqual(await command.ended, 0);
  assert.match(command.errors, /operations port/);
});

test('GET /connections: filters, and a wrong query in words', async (t) => {
  const cli = await Cli.start(t);
  const get = (query) => fetch(`http://${cli.hub.address}:${ports.ops}/connections${query}`);
  await pub(cli, 'pump-7', 'no token');
  const page = await (await get('?device=pump-7&reason=unknown_device')).json();
  assert.deepEqual(page.notices, [], 'an unreadable token is looked at first');
  assert.equal((await (await get('?device=pump-7')).json()).notices[0].reason, 'token_unreadable');
  assert.equal((await get('?reason=nonsense')).status, 400);
  assert.match(await (await get('?divice=pump-7')).text(), /there is no parameter 'divice'/);
  const metrics = await (await fetch(`http://${cli.hub.address}:${ports.ops}/metrics`)).text();
  assert.match(metrics, /^twinhub_connections_refused_total\{reason="token_unreadable"\} 1$/m);
  assert.match(metrics, /^twinhub_connections_refused_total\{reason="ca_not_trusted"\} 0$/m);
});
