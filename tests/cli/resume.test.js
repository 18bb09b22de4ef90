// events tail and twin watch over the hub's restarts and crashes: every event once, in order, and word of what happens.
'use strict';

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const { test } = require('node:test');

const { Cli, scratch } = require('../support/node/cli');
const { binary, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

const devices = ['d1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7', 'd8'];  // of several partitions

async function world(t) {
  const cli = await Cli.start(t);
  const rest = new Rest(cli.hub.connection_string(), { plain_port: ports.http });
  t.after(() => rest.close());
  for (const id of devices) cli.ok('device', 'create', id);
  const send = async (id, n) => {
    const answer = await rest.request('POST', `/devices/${id}/messages/events`, { body: `${id} round ${n}` });
    assert.strictEqual(answer.status, 204, answer.text);
  };
  const round = async (n) => { for (const id of devices) await send(id, n); };
  const tail = (...flags) => {
    const command = cli.start_command('events', 'tail', '--source', 'DeviceMessages', ...flags);
    t.after(() => command.child.kill());
    return command;
  };
  return { cli, rest, send, round, tail };
}

const bodies = (command) => command.lines.map((line) => {
  const [, id, n] = /^(d\d) round (.+)$/.exec(JSON.parse(line).body);
  return { id, n: Number(n) };
});
const has = (command, id, n) => bodies(command).some((body) => body.id === id && body.n === n);

function expect_each_once(command, rounds) {
  const seen = bodies(command);
  for (const id of devices) assert.deepStrictEqual(seen.filter((body) => body.id === id).map(({ n }) => n), rounds, id);
}

test('events tail: crashes of the hub between and during events; none is missing, none comes twice', async (t) => {
  const { cli, round, tail } = await world(t);
  const command = tail('--from', 'start');
  const rounds = [];
  for (let n = 0; n < 4; n += 1) {
    await round(n);
    rounds.push(n);
    if (n % 2 === 0) await until('the round', () => command.lines.length === devices.length * rounds.length);
    await cli.hub.kill();  // in every second round with events under way
    await until('word of it', () => command.errors.split('waiting for the hub').length === n + 2);
    await cli.hub.start();
    await until('word of its return', () => command.errors.split('the hub is back').length === n + 2);
  }
  await until('all of them', () => command.lines.length >= devices.length * rounds.length);
  await round(4);
  await until('those of the last round', () => command.lines.length >= devices.length * 5);
  expect_each_once(command, [...rounds, 4]);
  assert.doesNotMatch(command.errors, /gone|another/);
});

test('events tail from now: what came before it is not shown after a restart either', async (t) => {
  const { cli, round, send, tail } = await world(t);
  await round(0);
  const command = tail();
  await until('an event', async () => {
    await send('d1', -1);
    return command.lines.length > 0;
  });
  await round(1);
  await until('the round', () => has(command, 'd8', 1));
  await cli.hub.stop();
  await cli.hub.start();
  await round(2);
  await until('the last round', () => devices.every((id) => has(command, id, 2)));
  command.lines = command.lines.filter((line) => !line.includes('round -1'));
  expect_each_once(command, [1, 2]);
});

test('events tail --from TIME: what is older stays out after a restart, too', async (t) => {
  const { cli, round, send, tail } = await world(t);
  await round(0);
  const time = new Date(Date.now() + 2).toISOString();
  await until('that time', () => Date.now() > Date.parse(time) + 1, { every_ms: 1 });
  await send('d1', 1);
  const command = tail('--from', time);
  await until('the first', () => command.lines.length === 1);
  await cli.hub.stop();
  await cli.hub.start();
  await round(2);
  await until('the last', () => command.lines.length === 1 + devices.length);
  assert.deepStrictEqual(bodies(command).filter(({ n }) => n === 0), []);
});

test('twin watch: changes before, while and after the hub is away come once', async (t) => {
  const { cli } = await world(t);
  const watch = cli.start_command('twin', 'watch', 'd1');
  t.after(() => watch.child.kill());
  await until('the state', () => watch.lines.length === 1);
  for (let n = 1; n <= 3; n += 1) {
    cli.ok('twin', 'set', 'd1', `desired.n=${n}`);
    if (n === 2) await until('the change', () => watch.lines.some((line) => line.includes('"n":2')));
    await cli.hub.kill();
    await cli.hub.start();
  }
  await until('the last change', () => watch.lines.some((line) => line.includes('"n":3')));
  const seen = watch.lines.map((line) => /desired v\d+ {2}\{"n":(\d)\}/.exec(line)?.[1]).filter(Boolean);
  assert.deepStrictEqual(seen, ['1', '2', '3']);
});

// What only another server does: each answer is one connection's.
async function stub(t, answers, ...flags) {
  const asked = [];
  const server = http.createServer((request, response) => {
    asked.push(new URL(request.url, 'http://x').searchParams.get('from'));
    const { status = 200, text } = answers[Math.min(asked.length, answers.length) - 1];
    response.useChunkedEncodingByDefault = false;
    response.writeHead(status, { Connection: 'close' }).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const child = spawn(binary, ['events', 'tail', '--ops-port', String(server.address().port), '--ops-listen', '127.0.0.1',
    '--data-dir', scratch(t), ...flags]);
  t.after(() => child.kill());
  const command = { asked, out: '', errors: '' };
  child.stdout.on('data', (chunk) => { command.out += chunk; });
  child.stderr.on('data', (chunk) => { command.errors += chunk; });
  command.ended = once(child, 'close');
  return command;
}
const event = (id, n) => `id: ${id}\nevent: DeviceMessages\ndata: {"n":${n}}\n\n`;

test('events tail goes on where the stream began, and where the last event was', async (t) => {
  const command = await stub(t, [{ text: 'id: 5,7\n\n' }, { text: `id: 5,7\n\n${event('6,7', 1)}id: 6,8\ndata: {"n":"half"` },
    { status: 503, text: 'too many streams are open\n' }, { text: `id: 6,7\n\n${event('6,8', 2)}` }], '--count', '2');
  assert.deepStrictEqual(await command.ended, [0, null], command.errors);
  assert.deepStrictEqual(command.asked, ['now', '5,7', '6,7', '6,7'], 'a hub that has no room is asked again');
  assert.strictEqual(command.out, '{"n":1}\n{"n":2}\n');
});

test('events tail says what a hub has not got any more, and when its log is another', async (t) => {
  const command = await stub(t, [{ text: `id: 5,7\n\n${event('6,7', 1)}` }, { text: `id: 106,27\n\n${event('107,27', 2)}` },
    { text: `id: 3,27\n\n${event('4,27', 3)}` }], '--count', '3');
  assert.deepStrictEqual(await command.ended, [0, null], command.errors);
  assert.match(command.errors, /the hub is back\ntwinhub: 120 events of all kinds and devices are gone, by retention/);
  assert.match(command.errors, /its log is another one, or was restored from a backup/);
});
