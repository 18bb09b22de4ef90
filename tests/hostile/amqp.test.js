// AMQP peers that take all they can get: links, sessions, readers, places. Each bound holds, memory stays in proportion, and who
// else is there is served meanwhile.
'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { test } = require('node:test');

const { AmqpPeer, data } = require('../support/node/amqp_peer');
const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { parse_connection_string, sas_token } = require('../support/node/sas');
const { until, within } = require('../support/node/until');

// A hub with a device, a back end's REST, and how AMQP peers of both come in.
async function start(t, env = {}) {
  const hub = await new Hub({ flags: ['--amqp-port', ports.amqp], env }).start();
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  t.after(() => { rest.close(); hub.remove(); });
  const policy = parse_connection_string(hub.connection_string());
  const { json } = await rest.create_device('d');
  const resource = `${hub.address}/devices/d`;
  return {
    hub, rest,
    back_end: () => new AmqpPeer(hub.address).authenticate(hub.address,
      sas_token({ resource: hub.address, key: policy.SharedAccessKey, policy: policy.SharedAccessKeyName })),
    device: () => new AmqpPeer(hub.address).authenticate(resource, sas_token({ resource, key: json.authentication.symmetricKey.primaryKey })),
  };
}

// Somebody else, who goes on sending telemetry.
async function bystander(world) {
  const peer = await world.device();
  const sender = await peer.open_sender('devices/d/messages/events');
  return { peer, send: async () => assert.equal(await peer.send(sender, { body: data('21') }), true) };
}

// Counts what the connection is told of its links.
function count_links(peer) {
  const counts = { open: 0, refused: 0, conditions: new Set() };
  for (const kind of ['sender', 'receiver']) {
    peer.connection.on(`${kind}_open`, () => { counts.open += 1; });
    peer.connection.on(`${kind}_error`, ({ [kind]: link }) => {
      counts.refused += 1;
      counts.conditions.add(link.error.condition);
    });
  }
  return counts;
}

test('frames, sessions and tokens have the bounds that the settings say', async (t) => {
  const world = await start(t, { TWINHUB_AMQP_FRAME_KIB_MAX: '8', TWINHUB_AMQP_SESSIONS_MAX: '20', TWINHUB_AMQP_TOKENS_MAX: '1' });
  const peer = await world.back_end();
  assert.equal(peer.connection.remote.open.max_frame_size, 8192);
  assert.equal(peer.connection.remote.open.channel_max, 19);
  const { json } = await world.rest.get('/devices/d');
  const resource = `${world.hub.address}/devices/d`;
  const reply = new Promise((resolve) => { peer.connection.once('message', ({ message }) => resolve(message)); });
  const requests = await peer.open_sender('$cbs');
  requests.send({
    message_id: 'second', body: sas_token({ resource, key: json.authentication.symmetricKey.primaryKey }),
    application_properties: { operation: 'put-token', type: 'servicebus.windows.net:sastoken', name: resource },
  });
  assert.equal((await within('the reply of $cbs', reply)).application_properties['status-code'], 403);
});

test('links up to the bound cost 6 KiB each at most, and one more ends the connection', async (t) => {
  const links_max = 9000;
  const world = await start(t, { TWINHUB_AMQP_LINKS_MAX: String(links_max) });
  const other = await bystander(world);
  const peer = await world.back_end();
  const counts = count_links(peer);
  const before = world.hub.rss_kib();
  const count = links_max - 2;  // $cbs has two
  for (let n = 0; n < count; n += 1) peer.connection.open_sender({ target: 'messages/devicebound', name: `link-${n}` });
  await until('all are answered', () => counts.open === count, { timeout_ms: 60_000 });
  assert.equal(counts.refused, 0);
  const kib = (world.hub.rss_kib() - before) / count;
  t.diagnostic(`${kib.toFixed(1)} KiB for a link`);
  assert.ok(kib <= 6, `${kib} KiB for a link`);
  await other.send();
  const ended = new Promise((resolve) => { peer.connection.once('connection_error', ({ connection }) => resolve(connection.error)); });
  peer.connection.open_sender({ target: 'messages/devicebound', name: 'one more' });
  assert.equal((await within('the end', ended)).condition, 'amqp:resource-limit-exceeded');
  await until('the links are gone', async () => (await world.hub.metrics()).twinhub_amqp_links === 3);
  await other.send();
  await world.hub.stop();
});

test('1,000 sessions of one link each cost 12 KiB each at most', async (t) => {
  const world = await start(t);
  const other = await bystander(world);
  const peer = await world.back_end();
  const counts = count_links(peer);
  const before = world.hub.rss_kib();
  for (let n = 0; n < 1000; n += 1) {
    const session = peer.connection.create_session();
    session.begin();
    session.open_sender({ target: 'messages/devicebound', name: 'the same' });
  }
  await until('all are answered', () => counts.open === 1000, { timeout_ms: 60_000 });
  assert.equal(counts.refused, 0);
  const kib = (world.hub.rss_kib() - before) / 1000;
  t.diagnostic(`${kib.toFixed(1)} KiB for a session with a link`);
  assert.ok(kib <= 12, `${kib} KiB`);
  await other.send();
  peer.close();
  await world.hub.stop();
});

test('64 of 1,000 readers of feedback share one queue: a batch comes to one of them', async (t) => {
  const world = await start(t, { TWINHUB_C2D_FEEDBACK_BATCH_SECONDS: '0' });
  const peer = await world.back_end();
  const counts = count_links(peer);
  const came = [];
  peer.connection.on('message', ({ message }) => came.push(message));
  for (let n = 0; n < 1000; n += 1) {
    peer.connection.open_receiver({ source: 'messages/servicebound/feedback', name: `reader-${n}`, credit_window: 10 });
  }
  await until('all are answered', () => counts.open === 1000, { timeout_ms: 60_000 });
  await until('those past the bound are refused', () => counts.refused === 1000 - 64);
  const sender = await peer.open_sender('messages/devicebound');
  const device = await world.device();
  const receiver = await device.open_receiver('devices/d/messages/devicebound', { autoaccept: true, credit_window: 10 });
  for (let n = 0; n < 5; n += 1) {
    const delivered = new Promise((resolve) => { receiver.once('message', resolve); });
    const outcome = await peer.send(sender, {
      to: '/devices/d/messages/devicebound', message_id: `m-${n}`, application_properties: { 'iothub-ack': 'full' }, body: data('hello'),
    });
    assert.equal(outcome, true);
    await delivered;
    await until('its feedback has come', () => came.length === n + 1);
    assert.equal(JSON.parse(came[n].body.content.toString())[0].originalMessageId, `m-${n}`);
  }
  device.close();
  peer.close();
  await world.hub.stop();
  assert.equal(came.length, 5);
});

test('a place that a stranger holds goes to a client; places that clients hold do not', async (t) => {
  const places = 12;
  const world = await start(t, { TWINHUB_AMQP_CONNECTIONS_MAX: String(places) });
  const strangers = Array.from({ length: places * 2 }, () => new AmqpPeer(world.hub.address));
  await until('the places are taken', async () => (await world.hub.metrics()).twinhub_amqp_connections >= places);
  const known = [];
  for (let n = 0; n < places; n += 1) known.push(await world.back_end());
  await Promise.all(strangers.map(({ closed }) => closed));
  const late = new AmqpPeer(world.hub.address);
  await late.closed;
  const sender = await known[0].open_sender('messages/devicebound');
  assert.equal(await known[0].send(sender, { to: '/devices/d/messages/devicebound', body: data('hello') }), true);
  const page = await fetch(`http://${world.hub.address}:${ports.ops}/metrics`).then((answer) => answer.text());
  const [, refused] = page.match(/^twinhub_connections_refused_total\{reason="no_place"\} (\d+)$/m);
  assert.ok(Number(refused) >= places * 2 + 1, `${refused} are counted`);
  for (const peer of known) peer.close();
  await world.hub.stop();
});

// AMQP's bytes by hand: what no client library sends.
const value = (of) => {
  if (of === null) return Buffer.from([0x40]);
  if (typeof of === 'boolean') return Buffer.from([of ? 0x41 : 0x42]);
  if (typeof of === 'string') return Buffer.concat([Buffer.from([0xA1, of.length]), Buffer.from(of)]);
  if (Buffer.isBuffer(of)) return Buffer.concat([Buffer.from([0xA0, of.length]), of]);
  if (typeof of === 'object') return Buffer.concat([Buffer.from([0x00, 0x53, of.code]), list(of.fields)]);
  const number = Buffer.from([0x70, 0, 0, 0, 0]);
  number.writeUInt32BE(of, 1);
  return number;
};
const list = (items) => {
  const body = Buffer.concat(items.map(value));
  const head = Buffer.from([0xD0, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length + 4, 1);
  head.writeUInt32BE(items.length, 5);
  return Buffer.concat([head, body]);
};
const frame = (code, fields, payload = '') => {
  const body = Buffer.concat([value({ code, fields }), Buffer.from(payload)]);
  const head = Buffer.from([0, 0, 0, 0, 2, 0, 0, 0]);
  head.writeUInt32BE(body.length + 8, 0);
  return Buffer.concat([head, body]);
};

// Each rejection is several times as long as its message.
test('a stranger that sends and reads nothing is not read without end', async (t) => {
  const world = await start(t);
  const socket = net.connect(ports.amqp, world.hub.address);
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  socket.pause();
  socket.write(Buffer.concat([
    Buffer.from('AMQP\0\x01\0\0', 'latin1'), frame(0x10, ['c', 'localhost']), frame(0x11, [null, 0, 100_000, 100_000]),
    frame(0x12, ['l', 0, false, null, null, { code: 0x28, fields: [null] }, { code: 0x29, fields: ['$cbs'] }, null, null, 0]),
  ]));
  const before = world.hub.rss_kib();
  const pieces_max = 4000;
  const piece = 200;  // messages, that are none
  let written = 0;
  let stuck = false;
  socket.on('drain', () => { stuck = false; });
  let looks = 0;
  await until('the hub reads no more', () => {
    const before_look = written;
    for (; written < pieces_max && !stuck; written += 1) {
      const messages = Array.from({ length: piece }, (_, n) => frame(0x14, [0, written * piece + n, Buffer.from('t'), 0, false], 'x'));
      stuck = !socket.write(Buffer.concat(messages));
    }
    looks = stuck && written === before_look ? looks + 1 : 0;
    return looks === 10 || written === pieces_max;
  }, { timeout_ms: 60_000, every_ms: 50 });
  const grown = (world.hub.rss_kib() - before) / 1024;
  t.diagnostic(`${written * piece} messages until the hub read no more; RSS grew by ${grown.toFixed(1)} MiB`);
  assert.ok(written < pieces_max, 'the hub reads on');
  assert.ok(grown < 8, `${grown} MiB`);
  await (await bystander(world)).send();
  // It reads: everything is answered.
  let got = 0;
  socket.on('data', (chunk) => { got += chunk.length; });
  socket.resume();
  await until('the rejections have come', () => got > written * piece * 50, { timeout_ms: 60_000 });
  await world.hub.stop();
});
