// Connections that do nothing: many of them cost little, and those that never say CONNECT are shown the door.
//   TESTS_STORM_IDLE (1000)     TESTS_STORM_SILENT (150, of each kind)
'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const tls = require('node:tls');
const { test } = require('node:test');

const { ports } = require('../support/node/hub');
const { until } = require('../support/node/until');
const { Bystander, Storm, from_environment, in_parallel, mib, shown } = require('./storm');

const idle = from_environment('IDLE', 1000);
const silent = from_environment('SILENT', 150);
const kib_per_connection_max = 32;

test(`${idle} idle TLS connections cost memory in proportion, and later ones reuse it`, async (t) => {
  const storm = await Storm.start();
  t.after(() => storm.end());
  const bystander = await Bystander.start(storm);
  t.after(() => bystander.end());
  const devices = await storm.devices(idle);
  // The first connections grow caches that serve all of them.
  const warm = await in_parallel(devices.slice(0, 50), 50, (device) => storm.connect(device));
  for (const client of warm) client.destroy();
  await storm.open_connections(1);
  await bystander.window();
  const before = { rss: storm.hub.rss_kib(), reads: await bystander.window() };

  const began = performance.now();
  const clients = await in_parallel(devices, 100, (device) => storm.connect(device, { keep_alive_s: 1177 }));
  const took_s = (performance.now() - began) / 1000;
  const during = await bystander.window();
  await storm.open_connections(1 + idle);
  await bystander.window();  // so that answers and handshakes are over
  const full = { rss: storm.hub.rss_kib(), reads: await bystander.window() };
  const kib_each = (full.rss - before.rss) / idle;

  // They are there, not only open.
  await in_parallel(clients, 100, (client) => client.ping());
  for (const client of clients) client.destroy();
  await storm.open_connections(1);
  const gone = { rss: storm.hub.rss_kib() };
  const again = await in_parallel(devices.slice(0, idle / 4), 100, (device) => storm.connect(device, { keep_alive_s: 1177 }));
  const reused = { rss: storm.hub.rss_kib() };
  for (const client of again) client.destroy();

  t.diagnostic(`${idle} connected in ${took_s.toFixed(1)} s; RSS ${mib(before.rss)} -> ${mib(full.rss)} `
    + `(${kib_each.toFixed(1)} KiB each) -> ${mib(gone.rss)} when they are gone -> ${mib(reused.rss)} when a quarter is back`);
  t.diagnostic(`bystander before: ${shown(before.reads)}`);
  t.diagnostic(`bystander while they connect: ${shown(during)}`);
  t.diagnostic(`bystander among them: ${shown(full.reads)}`);
  assert.ok(kib_each <= kib_per_connection_max, `${kib_each} KiB for an idle connection`);
  // Used again, or given back in between; not to the full peak: the log of connection events grows meanwhile.
  assert.ok(reused.rss <= full.rss + kib_each * (idle / 4) / 2, 'what is gone is used again');
});

// A peer that opens a connection and says no more; settles with the hub's close.
function silent_peer(host, kind, secure_context) {
  const socket = {
    'plain TCP': () => net.connect(ports.mqtt, host),
    'TCP without TLS on the TLS port': () => net.connect(ports.mqtts, host),
    'TLS': () => tls.connect({ host, port: ports.mqtts, secureContext: secure_context }),
    'half a CONNECT': () => net.connect(ports.mqtt, host, () => socket.write(Buffer.from([0x10, 60, 0, 4, 0x4d]))),
  }[kind]();
  let received = 0;
  socket.on('data', (chunk) => { received += chunk.length; });
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve(received)));
}

test('connections without a CONNECT are closed, and their memory is given back', async (t) => {
  const storm = await Storm.start({ env: { TWINHUB_MQTT_CONNECT_TIMEOUT_SECONDS: '5' } });
  t.after(() => storm.end());
  const bystander = await Bystander.start(storm);
  t.after(() => bystander.end());
  const before = await bystander.window();
  const kinds = ['plain TCP', 'TCP without TLS on the TLS port', 'TLS', 'half a CONNECT'];
  const rss = [storm.hub.rss_kib()];
  for (let wave = 0; wave < 2; wave += 1) {
    const peers = kinds.flatMap((kind) => Array.from({ length: silent }, () => silent_peer(storm.hub.address, kind, storm.secure_context)));
    // On a busy machine the first are shown the door before the last have come.
    let gone = 0;
    for (const peer of peers) peer.then(() => { gone += 1; });
    await until('all have been connected', async () => (await storm.hub.metrics()).twinhub_mqtt_connections + gone >= 1 + peers.length, { every_ms: 10 });
    rss.push(storm.hub.rss_kib());
    const received = await Promise.all(peers);
    assert.ok(received.every((bytes) => bytes === 0), 'nothing is said to them');
    await storm.open_connections(1);
    rss.push(storm.hub.rss_kib());
  }
  t.diagnostic(`${kinds.length} x ${silent} silent peers, twice: RSS ${rss.map(mib).join(' -> ')}`);
  t.diagnostic(`bystander before: ${shown(before)}; among them: ${shown(await bystander.window())}`);
  const peers = kinds.length * silent;
  assert.ok(rss[1] - rss[0] <= peers * kib_per_connection_max + 8 * 1024, 'memory while they are there');
  await until('the second wave leaves nothing that the first has not left', () => storm.hub.rss_kib() <= rss[2] + 4 * 1024);
});
