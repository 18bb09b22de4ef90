// Log-ins as the npm packages make them, unmodified: @azure/identity for tokens, azure-iothub with them, and what must
// be refused.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { after, test } = require('node:test');

const { identity, iothub } = require('../support/node/azure');
const { Rest } = require('../support/node/rest');
const { parse_connection_string } = require('../support/node/sas');
const { connection_string, host, new_id } = require('../support/node/target');

const { SharedAccessKey: key } = parse_connection_string(connection_string);
const here = `https://${host}`;
const manager_scope = `${here}/.default`;
const service_scope = 'https://iothubs.azure.net/.default';
const rest = new Rest(connection_string);
after(() => rest.close());

const credential = (client, secret = key, tenant = 'adfs') => new identity.ClientSecretCredential(tenant, client, secret,
  { authorityHost: here, disableInstanceDiscovery: tenant !== 'adfs' });
const token_of = async (client, scope) => (await credential(client).getToken(scope)).token;
const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } });

async function tenant_id() {
  const tenant = (await rest.get('/metadata/endpoints', { version: '2022-09-01' })).json.authentication.tenant;
  assert.match(tenant, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  return tenant;
}

const encode = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
const claims_of = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

test('ClientSecretCredential logs in by the ADFS-shaped authority and by the GUID', async () => {
  for (const tenant of ['adfs', await tenant_id()]) {
    const { token, expiresOnTimestamp } = await credential('iothubowner', key, tenant).getToken(manager_scope);
    assert.ok(Math.abs(expiresOnTimestamp - Date.now() - 3_600_000) < 120_000);
    const claims = claims_of(token);
    assert.equal(claims.appid, 'iothubowner');
    assert.equal(claims.tid, await tenant_id());
    assert.equal(claims.exp - claims.iat, 3600);
  }
});

test('a wrong secret, an unknown client and a foreign tenant are refused', async () => {
  const failure = (client, secret, tenant) => credential(client, secret, tenant).getToken(manager_scope).then(
    () => assert.fail('logged in'), (error) => error.message);
  assert.match(await failure('iothubowner', 'wrong'), /AADSTS7000215/);
  assert.match(await failure('nobody', key), /AADSTS7000215/);
  assert.match(await failure('iothubowner', key, '11111111-2222-3333-4444-555555555555'), /invalid_tenant|AADSTS90002|endpoints_resolution_error/);
});

test('Registry.fromTokenCredential does what a connection string does', async () => {
  const registry = iothub.Registry.fromTokenCredential(host, credential('iothubowner'));
  const deviceId = new_id('bearer');
  await registry.create({ deviceId });
  const twin = (await registry.getTwin(deviceId)).responseBody;
  const updated = (await registry.updateTwin(deviceId, { properties: { desired: { by: 'token' } } }, twin.etag)).responseBody;
  assert.equal(updated.properties.desired.by, 'token');
  const query = registry.createQuery(`SELECT * FROM devices WHERE deviceId = '${deviceId}'`);
  assert.equal((await query.nextAsTwin()).result.length, 1);
  await registry.delete(deviceId);
});

test('Client.fromTokenCredential sends to a device over AMQP, with the rights of its policy', async () => {
  const deviceId = new_id('bearer');
  await rest.create_device(deviceId);
  for (const transport of [iothub.Amqp, iothub.AmqpWs]) {
    const client = iothub.Client.fromTokenCredential(host, credential('service'), transport);
    await client.open();
    await client.send(deviceId, 'by token');
    await client.close();
    const reader = iothub.Client.fromTokenCredential(host, credential('registryRead'), transport);
    await assert.rejects(reader.open().then(() => reader.send(deviceId, 'without the right')));
    await reader.close().catch(() => {});
  }
  assert.ok((await rest.get(`/twins/${deviceId}`)).json.cloudToDeviceMessageCount >= 1);
});

test('a token has the rights of its policy and no others', async () => {
  const by = async (client, path) => (await rest.get(path, bearer(await token_of(client, service_scope)))).status;
  assert.equal(await by('registryRead', '/devices'), 200);
  assert.equal(await by('service', '/devices'), 401);
  assert.equal(await by('service', '/jobs/v2/query'), 200);
  assert.equal(await by('registryRead', '/jobs/v2/query'), 401);
});

test('devices have no use for a token', async () => {
  const deviceId = new_id('bearer');
  await rest.create_device(deviceId);
  const token = await token_of('iothubowner', service_scope);
  const sent = await rest.request('POST', `/devices/${deviceId}/messages/events`, { body: 'x', ...bearer(token) });
  assert.equal(sent.status, 401);
});

test('neither plane takes the other plane\'s tokens', async () => {
  const for_manager = await token_of('iothubowner', manager_scope), for_service = await token_of('iothubowner', service_scope);
  assert.equal((await rest.get('/devices', bearer(for_manager))).status, 401);
  assert.equal((await rest.get('/devices', bearer(for_service))).status, 200);
  const refused = await rest.get('/subscriptions', bearer(for_service));
  assert.equal(refused.status, 401);
  assert.equal(refused.json.error.code, 'InvalidAuthenticationTokenAudience');
  assert.notEqual((await rest.get('/subscriptions', bearer(for_manager))).status, 401);
  assert.equal((await rest.get('/subscriptions')).status, 401, 'nor a SAS token');
});

test('only a client that may manage does', async () => {
  const refused = await rest.get('/subscriptions', bearer(await token_of('service', manager_scope)));
  assert.equal(refused.status, 403);
  assert.equal(refused.json.error.code, 'AuthorizationFailed');
});

test('tokens that this hub has not made are refused on both planes', async () => {
  const token = await token_of('iothubowner', service_scope);
  const [header, body, signature] = token.split('.');
  const claims = claims_of(token);
  const by_hand = (head, payload, secret) => {
    const text = `${encode(head)}.${encode(payload)}`;
    return `${text}.${crypto.createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const jwt = { typ: 'JWT', alg: 'HS256' };
  const garbage = {
    'alg none': `${encode({ typ: 'JWT', alg: 'none' })}.${body}.`,
    'alg none, signed': `${encode({ typ: 'JWT', alg: 'none' })}.${body}.${signature}`,
    'no signature': `${header}.${body}.`,
    'the policy\'s key, in base64': by_hand(jwt, claims, key),
    'the policy\'s key, decoded': by_hand(jwt, claims, Buffer.from(key, 'base64')),
    'an empty key': by_hand(jwt, claims, ''),
    'a later end': `${header}.${encode({ ...claims, exp: claims.exp + 3600 })}.${signature}`,
    'another client': `${header}.${encode({ ...claims, appid: 'service' })}.${signature}`,
    'of Entra': by_hand({ typ: 'JWT', alg: 'RS256', kid: 'x' }, { ...claims, iss: 'https://sts.windows.net/x/' }, 'x'),
    'no token': 'abc',
    'a long one': 'a'.repeat(6000),
  };
  for (const [what, text] of Object.entries(garbage)) {
    for (const path of ['/devices', '/subscriptions']) {
      assert.equal((await rest.get(path, bearer(text))).status, 401, `${what} at ${path}`);
    }
  }
  assert.equal((await rest.get('/devices', bearer(token))).status, 200, 'the token itself is good');
});
