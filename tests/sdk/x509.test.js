// Devices of the SDK that prove themselves by certificate: setOptions({ cert, key }), over MQTT and over WebSocket.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');

const { device: device_sdk, device_http, iothub, mqtt, mqtt_ws } = require('../support/node/azure');
const { Certificates } = require('../support/node/certificates');
const { Rest } = require('../support/node/rest');
const { connection_string, host, new_id } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const registry = iothub.Registry.fromConnectionString(connection_string);
const certificates = new Certificates();
const rest = new Rest(connection_string);
const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});

const self_signed = (primaryThumbprint, secondaryThumbprint) => ({ type: 'selfSigned', x509Thumbprint: { primaryThumbprint, secondaryThumbprint } });
const create = async (authentication, deviceId = new_id('x509')) => (await registry.create({ deviceId, authentication })).responseBody;
const no_retry = { shouldRetry: () => false, nextRetryTimeout: () => 0 };

function new_client(id, { pem, key }, transport = mqtt) {
  const client = device_sdk.Client.fromConnectionString(`HostName=${host};DeviceId=${id};x509=true`, transport);
  client.setOptions({ cert: pem, key });
  open_clients.add(client);
  client.disconnected = new Promise((resolve) => client.on('disconnect', resolve));
  client.on('error', () => {});
  return client;
}

// The whole way of a device: telemetry, its twin, a desired change, a report.
async function live(id, client) {
  await within('open', client.open());
  await within('acknowledgement', client.sendEvent(new device_sdk.Message('{"temperature":21.5}')));
  const twin = await within('getTwin', client.getTwin());
  twin.on('error', () => {});
  const deltas = [];
  twin.on('properties.desired', (delta) => deltas.push(delta));
  await until('a delta', async () => {
    await registry.updateTwin(id, { properties: { desired: { round: deltas.length } } }, '*');
    return deltas.some((delta) => 'round' in delta);
  }, { every_ms: 100 });
  await within('report', new Promise((resolve, reject) => {
    twin.properties.reported.update({ seen: true }, (error) => (error ? reject(error) : resolve()));
  }));
  const stored = (await registry.getTwin(id)).responseBody;
  assert.equal(stored.properties.reported.seen, true);
  assert.equal(stored.connectionState, 'Connected');
  await client.close();
}

const refused = (id, certificate) => assert.rejects(within('open', new_client(id, certificate).open()), (error) => {
  assert.equal(error.name, 'UnauthorizedError', error.stack);
  return true;
});

async function upload(name, ca, verified) {
  const properties = { certificate: Buffer.from(ca.pem).toString('base64'), isVerified: verified };
  const answer = await rest.put(`/certificates/${name}`, { properties });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
}

for (const [name, transport] of [['MQTT', mqtt], ['MQTT over WebSocket', mqtt_ws]]) {
  test(`a self-signed device connects and works over ${name}, by either thumbprint`, async () => {
    const own = certificates.make('anything');
    for (const authentication of [self_signed(own.sha1, certificates.make('x').sha1), self_signed('0'.repeat(40), own.sha256)]) {
      const { deviceId } = await create(authentication);
      await live(deviceId, new_client(deviceId, own, transport));
    }
  });

  test(`a CA-signed device connects and works over ${name}, with its intermediate`, async () => {
    const root = certificates.make('root', { is_ca: true });
    const intermediate = certificates.make('intermediate', { issuer: root, is_ca: true });
    await upload(new_id('root'), root, true);
    for (const chain of [[root], [intermediate, intermediate.pem]]) {
      const { deviceId } = await create({ type: 'certificateAuthority' });
      const leaf = certificates.make(deviceId, { issuer: chain[0] });
      await live(deviceId, new_client(deviceId, { pem: leaf.pem + (chain[1] || ''), key: leaf.key }, transport));
    }
  });
}

test('a device sends over HTTPS by its certificate; another device\'s certificate is refused', async () => {
  const own = certificates.make('dev');
  const { deviceId } = await create(self_signed(own.sha1));
  const client = new_client(deviceId, own, device_http.Http);
  await within('acknowledgement', client.sendEvent(new device_sdk.Message('hello')));
  const other = new_client(deviceId, certificates.make('dev'), device_http.Http);
  other.setRetryPolicy(no_retry);
  await assert.rejects(within('refusal', other.sendEvent(new device_sdk.Message('hello'))), { name: 'UnauthorizedError' });
});

test('after the proof of possession of a CA\'s key, devices with its certificates may connect', async () => {
  const root = certificates.make('root', { is_ca: true });
  const name = new_id('proving');
  const { etag } = await upload(name, root, false);
  const { deviceId } = await create({ type: 'certificateAuthority' });
  const leaf = certificates.make(deviceId, { issuer: root });
  await refused(deviceId, leaf);
  const coded = await rest.request('POST', `/certificates/${name}/generateVerificationCode`, { if_match: `"${etag}"` });
  assert.equal(coded.status, 200, coded.text);
  const proof = certificates.make(coded.json.properties.verificationCode, { issuer: root });
  const verified = await rest.request('POST', `/certificates/${name}/verify`, {
    if_match: `"${coded.json.etag}"`, body: { certificate: Buffer.from(proof.pem).toString('base64') },
  });
  assert.equal(verified.status, 200, verified.text);
  assert.equal(verified.json.properties.isVerified, true);
  await live(deviceId, new_client(deviceId, leaf));
  assert.equal((await rest.delete(`/certificates/${name}`)).status, 200);
  await refused(deviceId, leaf);
});

test('other certificates are refused', async () => {
  const own = certificates.make('dev');
  const { deviceId } = await create(self_signed(own.sha1));
  await refused(deviceId, certificates.make('dev'));
  const { deviceId: by_sas } = await create(undefined);
  await refused(by_sas, own);
  const root = certificates.make('root', { is_ca: true });
  await upload(new_id('root'), root, true);
  const { deviceId: by_ca } = await create({ type: 'certificateAuthority' });
  await refused(by_ca, certificates.make(`${by_ca}x`, { issuer: root }));
  await refused(by_ca, certificates.make(by_ca));
});

test('a device whose thumbprint is replaced is disconnected', async () => {
  const own = certificates.make('dev');
  const identity = await create(self_signed(own.sha1));
  const client = new_client(identity.deviceId, own);
  client.setRetryPolicy(no_retry);
  const twin = await within('getTwin', client.getTwin());
  twin.on('properties.desired', () => {});
  await registry.update({ ...identity, authentication: self_signed('0'.repeat(40)) });
  await within('disconnect', client.disconnected);
  await refused(identity.deviceId, own);
});

test.after(() => rest.close());
