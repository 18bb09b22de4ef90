// Clients that cannot connect, as their users run them (mosquitto_pub, Node's TLS), and what the hub's operator is told of
// each: id, address, reason.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const tls = require('node:tls');
const { after, before, test } = require('node:test');

const { ports } = require('../support/node/hub');
const { Program } = require('../support/node/program');
const { until } = require('../support/node/until');
const { World } = require('./world');

let world;
before(async () => { world = await World.start(); });
after(() => world.end());

const connections = async (query) => (await fetch(`http://${world.host}:${ports.ops}/connections?${query}`)).json();

// What happens while `act` runs: the one new notice that is a refusal, or of `kind`.
async function notice_of(act, kind = 'refused') {
  const { revision } = await connections('limit=1');
  await act();
  return until('its notice', async () => {
    const found = (await connections(`after=${revision}`)).notices.filter((notice) => notice.kind === kind);
    assert.ok(found.length <= 1, JSON.stringify(found));
    return found[0];
  });
}

// mosquitto_pub, which is to fail.
async function pub(device, { port = ports.mqtts, host = world.host, trust = ['--cafile', world.hub.ca_file], flags = [], topic } = {}) {
  const program = new Program('mosquitto_pub', ['-h', host, '-p', port, ...trust, '-V', 'mqttv311', '-i', device.id,
    '-u', device.user_name, ...(device.password ? ['-P', device.password] : []), '-q', 1,
    '-t', topic ?? `devices/${device.id}/messages/events/`, '-m', 'x', ...flags]);
  await until('mosquitto_pub ends', () => program.ended);
  assert.notEqual(program.ended.code, 0);
  return program.errors;
}

function expect_notice(notice, { id = '', reason, transport = 'mqtts' }) {
  assert.equal(notice.reason, reason, JSON.stringify(notice));
  assert.equal(notice.id, id);
  assert.equal(notice.transport, transport);
  assert.match(notice.address, /^127\.\d+\.\d+\.\d+(:\d+)?$/);  // a peer that cut the connection took its port along
  assert.ok(notice.sentence && notice.hint);
}

const cases = [
  ['the token of another device', 'signature_mismatch', async (device) => ({ ...device, password: (await world.device()).password })],
  ['an expired token', 'token_expired', async (device) => {
    const key = (await world.rest.get(`/devices/${device.id}`)).json.authentication.symmetricKey.primaryKey;
    return { ...device, password: sas_token(`${world.host}/devices/${device.id}`, key, Math.floor(Date.now() / 1000) - 3 * 3600) };
  }],
  ['another client id', 'client_id_mismatch', async (device) => ({ ...device, id: `${device.id}-b` })],
  ['a user name without the hub', 'bad_user_name', async (device) => ({ ...device, user_name: device.id })],
  ['the key in place of a token', 'token_unreadable', async (device) => ({ ...device, password: 'c2VjcmV0IGtleSBvZiB0aGUgZGV2aWNlIGl0c2VsZiEh' })],
  ['no certificate and no token', 'no_credentials', async (device) => ({ ...device, password: '' })],
];

function sas_token(resource, key, expires) {
  const sr = encodeURIComponent(resource);
  const sig = require('node:crypto').createHmac('sha256', Buffer.from(key, 'base64')).update(`${sr}\n${expires}`).digest('base64');
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${expires}`;
}

for (const [what, reason, spoil] of cases) {
  test(`mosquitto_pub with ${what}: ${reason}`, async () => {
    const device = await world.device();
    const spoilt = await spoil(device);
    const notice = await notice_of(() => pub(spoilt));
    expect_notice(notice, { reason, id: reason === 'client_id_mismatch' ? device.id : spoilt.id });
    assert.equal(notice.stage, 'connect');
    const everything = JSON.stringify(notice) + world.hub.log;
    if (spoilt.password) assert.ok(!everything.includes(spoilt.password) && !everything.includes(spoilt.password.split('sig=')[1]?.slice(0, 20) ?? spoilt.password));
  });
}

test('mosquitto_pub for a device that is unknown, or disabled with a reason', async () => {
  const device = await world.device();
  await world.rest.request('DELETE', `/devices/${device.id}`, { headers: { 'If-Match': '*' } });
  expect_notice(await notice_of(() => pub(device)), { reason: 'unknown_device', id: device.id });
  const stolen = await world.device();
  const identity = (await world.rest.get(`/devices/${stolen.id}`)).json;
  await world.rest.request('PUT', `/devices/${stolen.id}`, { body: { ...identity, status: 'disabled', statusReason: 'stolen in May' }, headers: { 'If-Match': '*' } });
  const notice = await notice_of(() => pub(stolen));
  expect_notice(notice, { reason: 'disabled', id: stolen.id });
  assert.match(notice.detail, /stolen in May/);
});

test('mosquitto_pub that does not trust the CA: ca_not_trusted, alert 48', async () => {
  const device = await world.x509_device();
  const notice = await notice_of(() => pub({ ...device, password: '' }, { trust: ['--cafile', device.certificate] }));
  expect_notice(notice, { reason: 'ca_not_trusted' });
  assert.equal(notice.code, 'alert 48');
});

test('mosquitto_pub that asks for a host name which the certificate does not hold: certificate_rejected', async () => {
  const device = await world.device();
  // The hub listens on this address alone; 127.x.y.z are all this machine, so a name for it that is not in the certificate:
  const other = world.host.replace(/^127\./, '0x7f.');
  const notice = await notice_of(() => pub(device, { host: other }));
  expect_notice(notice, { reason: 'certificate_rejected' });
  assert.equal(notice.stage, 'tls');
});

// mosquitto_pub itself speaks TLS at 8883 whatever it is told.
test('plain MQTT at the port of TLS: not_tls', async () => {
  const connect = Buffer.from('101000044d5154540402003c000470756d70', 'hex');
  const notice = await notice_of(() => new Promise((resolve) => {
    const socket = net.connect(ports.mqtts, world.host, () => socket.write(connect));
    socket.on('error', () => {});
    socket.on('close', resolve);
    socket.resume();
  }));
  expect_notice(notice, { reason: 'not_tls' });
});

test('mosquitto_pub with MQTT 5: mqtt_version, with its id', async () => {
  const device = await world.device();
  const notice = await notice_of(() => pub(device, { flags: ['-V', 'mqttv5'] }));
  expect_notice(notice, { reason: 'mqtt_version', id: device.id });
});

test('mosquitto_pub to a foreign topic: forbidden_topic, with the topic', async () => {
  const device = await world.device();
  let program;
  const notice = await notice_of(() => {
    program = new Program('mosquitto_pub', ['-h', world.host, '-p', ports.mqtts, '--cafile', world.hub.ca_file, '-V', 'mqttv311',
      '-i', device.id, '-u', device.user_name, '-P', device.password, '-t', 'plant/pump/7', '-m', 'x', '-q', 1, '--repeat', 1]);
    return until('the hub has ended it', async () => (await connections(`device=${device.id}`)).notices.length > 0);
  }, 'ended');
  program.kill();
  expect_notice(notice, { reason: 'forbidden_topic', id: device.id });
  assert.match(notice.detail, /plant\/pump\/7/);
});

// How Node's TLS ends, which all of its MQTT clients use: it looks at the certificate once the handshake is over.
const node_tls = (options) => new Promise((resolve) => {
  const socket = tls.connect({ host: world.host, port: ports.mqtts, ...options }, () => socket.end());
  socket.on('error', (error) => resolve(error.code));
  socket.on('close', () => resolve('closed'));
});

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  test(`Node without the CA, ${version}: the hub says that its certificate was not liked`, async () => {
    const notice = await notice_of(async () => {
      assert.equal(await node_tls({ maxVersion: version }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    });
    assert.ok(['certificate_rejected', 'ca_not_trusted'].includes(notice.reason), JSON.stringify(notice));
    assert.equal(notice.stage, 'tls');
  });

  test(`Node with another host name, ${version}: the hub says which one was asked for`, async () => {
    const notice = await notice_of(async () => {
      const ca = fs.readFileSync(path.resolve(world.hub.ca_file));
      assert.equal(await node_tls({ ca, servername: 'gateway.plant', maxVersion: version }), 'ERR_TLS_CERT_ALTNAME_INVALID');
    });
    expect_notice(notice, { reason: 'certificate_rejected' });
    assert.equal(notice.sni, 'gateway.plant');
  });
}

test('an old TLS: tls_version', async () => {
  const notice = await notice_of(() => node_tls({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  expect_notice(notice, { reason: 'tls_version' });
});
