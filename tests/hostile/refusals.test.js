// Every refusal leaves a trace: counted by reason, a notice with its address on the operations port, and a line in the log for each
// address (or id) and minute, in which foreign text is shown, not obeyed.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { until } = require('../support/node/until');
const { tcp } = require('./strangers');

let hub;
before(async () => { hub = await new Hub({ env: { TWINHUB_MQTT_CONNECT_TIMEOUT_SECONDS: '3' } }).start(); });
after(async () => { await hub.stop(); hub.remove(); });

async function counted(reason) {
  const page = await fetch(`http://${hub.address}:${ports.ops}/metrics`).then((answer) => answer.text());
  const [, count] = page.match(new RegExp(`^twinhub_connections_refused_total\\{reason="${reason}"\\} (\\d+)$`, 'm'));
  return Number(count);
}

async function notices(from, reason) {
  const page = await fetch(`http://${hub.address}:${ports.ops}/connections?reason=${reason}`).then((answer) => answer.json());
  return page.notices.filter((notice) => notice.address.split(':')[0] === from);
}

async function say(port, from, bytes) {
  const socket = await tcp(hub.address, port, from);
  const closed = new Promise((resolve) => { socket.once('close', resolve); });  // a reset is an end too
  socket.resume();
  socket.write(bytes);
  if (!socket.destroyed) await closed;
}

const field = (text) => Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), Buffer.from(text)]);
// CONNECT of MQTT 3.1.1 with user name and password.
function connect(id, user, password) {
  const body = Buffer.concat([field('MQTT'), Buffer.from([4, 0xc2, 0, 60]), field(id), field(user), field(password)]);
  return Buffer.concat([Buffer.from([0x10, 0x80 | (body.length & 127), body.length >> 7]), body]);
}
const get = (path) => `GET ${path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n`;

const cases = [
  ['mqtt', 'token_unreadable', '127.0.9.1', (from) => say(ports.mqtt, from, connect('d', `${hub.address}/d/?api-version=2021-04-12`, 'x'.repeat(100)))],
  ['mqtt', 'bad_user_name', '127.0.9.10', (from) => say(ports.mqtt, from, connect('\u001b]0;owned\u0007', '\u001b]0;owned\u0007', 'x'.repeat(100)))],
  ['mqtt', 'protocol_fault', '127.0.9.2', (from) => say(ports.mqtt, from, 'GET / HTTP/1.1\r\n\r\n')],
  ['mqtts', 'not_tls', '127.0.9.3', (from) => say(ports.mqtts, from, 'GET / HTTP/1.1\r\n\r\n')],
  ['mqtt', 'no_connect', '127.0.9.4', (from) => say(ports.mqtt, from, '\x10')],
  ['http', 'no_credentials', '127.0.9.5', (from) => say(ports.http, from, get('/devices/d?api-version=2021-04-12&secret=s3cret'))],
  ['http', 'protocol_fault', '127.0.9.6', (from) => say(ports.http, from, '\x1b]0;owned\x07\r\n\r\n')],
  ['https', 'not_tls', '127.0.9.7', (from) => say(ports.https, from, 'GET / HTTP/1.1\r\n\r\n')],
  ['operations', 'wrong_host', '127.0.9.8', (from) => say(ports.ops, from, get('/metrics'))],  // no name of the hub's: 421
  ['operations', 'protocol_fault', '127.0.9.11', (from) => say(ports.ops, from, 'GET /metrics HTTP/1.1\r\nHost: a b\r\n\r\n')],
  ['http', 'protocol_fault', '127.0.9.12', (from) => say(ports.http, from, 'GET /devices/d HTTP/1.1\r\nHost: a b\r\n\r\n')],
  ['operations', 'protocol_fault', '127.0.9.9', (from) => say(ports.ops, from, '\x01\x02\r\n\r\n')],
];

for (const [transport, reason, from, refused] of cases) {
  test(`${transport}, ${reason}: counted, kept and logged with its address`, async () => {
    const earlier = await counted(reason);
    await Promise.all([refused(from), refused(from), refused(from)]);
    await until('three more are counted', async () => (await counted(reason)) === earlier + 3);
    const kept = await notices(from, reason);
    assert.equal(kept.reduce((sum, notice) => sum + notice.count, 0), 3);
    assert.ok(kept.length <= 2, 'alike ones of a minute are one notice');
    for (const notice of kept) {
      assert.equal(notice.transport, transport);
      assert.equal(notice.kind, 'refused');
      assert.ok(notice.sentence && notice.hint, 'what has happened, and what to do');
    }
    const line = new RegExp(`refused: .*${from.replaceAll('.', '\\.')}[:,].*${reason}`, 'g');
    const lines = () => [...hub.log.matchAll(line)].length;  // matchAll begins anew each time, unlike test()
    await until('its line is there', () => lines() > 0);
    assert.ok(lines() <= 2, 'one line, and one more at the end of the minute, however often');
  });
}

test('the log shows what strangers sent, and obeys none of it', () => {
  assert.doesNotMatch(hub.log, /\u001b\]|\u0007/);
  assert.doesNotMatch(hub.log, /s3cret|x{100}/, 'no query and no password');
});
