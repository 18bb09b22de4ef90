// Direct methods from the service SDK to the device SDK and back.
'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, test } = require('node:test');

const { device: device_sdk, iothub, mqtt } = require('../support/node/azure');
const { Rest } = require('../support/node/rest');
const { connection_string, device_connection_string, new_id } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const registry = iothub.Registry.fromConnectionString(connection_string);
const service = iothub.Client.fromConnectionString(connection_string);
const rest = new Rest(connection_string);
after(() => rest.close());

const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});

async function create() {
  const identity = (await registry.create({ deviceId: new_id('methods') })).responseBody;
  return { id: identity.deviceId, key: identity.authentication.symmetricKey.primaryKey };
}

// A device that answers each method with the entry of that name in `methods`.
async function connect({ id, key }, methods) {
  const client = device_sdk.Client.fromConnectionString(device_connection_string(id, key), mqtt);
  client.on('error', () => {});
  open_clients.add(client);
  for (const [name, answer] of Object.entries(methods)) client.onDeviceMethod(name, answer);
  await within('open', client.open());
  return client;
}

// The method's subscription is on its way when onDeviceMethod() returns: calls wait for it.
const invoke = async (id, methodName, more = {}) =>
  (await service.invokeDeviceMethod(id, { methodName, connectTimeoutInSeconds: 15, ...more })).result;

const echo = (request, response) => response.send(200, request.payload);

test('every kind of payload goes there and back', async () => {
  const device = await create();
  const heard = [];
  await connect(device, {
    echo: (request, response) => {
      heard.push(request.payload);
      echo(request, response);
    },
  });
  for (const payload of [null, '', 'foo', {}, { k: 'v' }, [1, 'two', null], 42, false]) {
    assert.deepEqual(await invoke(device.id, 'echo', { payload }), { status: 200, payload });
    assert.deepEqual(heard.pop(), payload);
  }
  assert.deepEqual(await invoke(device.id, 'echo'), { status: 200, payload: null });
});

test('payloads of 128 KB go there and back, larger ones do not leave', async () => {
  const device = await create();
  await connect(device, { echo });
  const payload = 'x'.repeat(128 * 1024 - 2);
  assert.equal((await invoke(device.id, 'echo', { payload })).payload, payload);
  await assert.rejects(invoke(device.id, 'echo', { payload: `${payload}x` }), (error) => /413001/.test(error.responseBody));
});

test('every status that the device answers with is a result, not an error', async () => {
  const device = await create();
  await connect(device, {
    fail: (request, response) => response.send(500, { reason: 'no' }),
    plain: (request, response) => response.send(404),
    negative: (request, response) => response.send(-1, 'below'),
  });
  assert.deepEqual(await invoke(device.id, 'fail'), { status: 500, payload: { reason: 'no' } });
  assert.equal((await invoke(device.id, 'plain')).status, 404);
  assert.deepEqual(await invoke(device.id, 'negative'), { status: -1, payload: 'below' });
});

test('two calls run at the same time', async () => {
  const device = await create();
  const held = [];
  await connect(device, { slow: (request, response) => held.push({ request, response }) });
  const calls = [1, 2].map((payload) => invoke(device.id, 'slow', { payload }));
  await until('both are there', () => held.length === 2);
  // The later call is answered first.
  for (const { request, response } of held.reverse()) await response.send(200, request.payload * 10);
  assert.deepEqual((await Promise.all(calls)).map((result) => result.payload), [10, 20]);
});

test('a call to a device that is not connected is refused as not found, at once or after the connect timeout', async () => {
  const device = await create();
  const offline = (error) => {
    assert.equal(error.message, 'Not found');
    assert.match(error.responseBody, /404103/);
    return true;
  };
  await assert.rejects(service.invokeDeviceMethod(device.id, { methodName: 'echo' }), offline);
  await assert.rejects(invoke(device.id, 'echo', { connectTimeoutInSeconds: 1 }), offline);
  const answer = await rest.request('POST', `/twins/${device.id}/methods`, { body: { methodName: 'echo' } });
  assert.equal(answer.status, 404);
  assert.equal(answer.headers['iothub-errorcode'], 'DeviceNotOnline');
  assert.equal(JSON.parse(answer.json.Message).errorCode, 404103);

  const unknown = await rest.request('POST', `/twins/${new_id('nobody')}/methods`, { body: { methodName: 'echo' } });
  assert.equal(unknown.headers['iothub-errorcode'], 'DeviceNotFound');
  assert.equal(JSON.parse(unknown.json.Message).errorCode, 404001);
});

test('a call waits until its device connects', async () => {
  const device = await create();
  const call = invoke(device.id, 'echo', { payload: 'at last' });
  await connect(device, { echo });
  assert.deepEqual(await call, { status: 200, payload: 'at last' });
});

test('a device that does not answer is a gateway timeout', async () => {
  const device = await create();
  let heard = false;
  await connect(device, { echo, silent: () => { heard = true; } });
  await invoke(device.id, 'echo');  // the subscription is there, however long it took
  await assert.rejects(invoke(device.id, 'silent', { responseTimeoutInSeconds: 5, connectTimeoutInSeconds: 5 }), (error) => {
    assert.equal(error.name, 'GatewayTimeoutError', error.stack);
    return true;
  });
  await until('the request is there', () => heard);
});

test('a call whose device disconnects is answered at once', async () => {
  const device = await create();
  let heard = false;
  const client = await connect(device, { leave: () => { heard = true; } });
  const call = invoke(device.id, 'leave');
  call.catch(() => {});
  await until('the request is there', () => heard);
  await client.close();
  await assert.rejects(call, (error) => /404104/.test(error.responseBody));
});

test('methods go on after the token was renewed by a reconnect without a SUBSCRIBE', async () => {
  const device = await create();
  const provider = device_sdk.SharedAccessKeyAuthenticationProvider.fromConnectionString(
    device_connection_string(device.id, device.key), 12, 10);
  let renewals = 0;
  provider.on('newTokenAvailable', () => { renewals += 1; });
  const client = device_sdk.Client.fromAuthenticationProvider(provider, mqtt);
  client.on('error', () => {});
  open_clients.add(client);
  client.onDeviceMethod('echo', echo);
  await within('open', client.open());
  assert.equal((await invoke(device.id, 'echo', { payload: 1 })).payload, 1);
  await until('a renewal', () => renewals >= 1);
  assert.equal(await until('an answer after the renewal', async () => {
    const result = await invoke(device.id, 'echo', { payload: 2 }).catch(() => null);  // it may meet the gap between two connections
    return result && result.payload;
  }), 2);
});

test('the largest and the smallest timeouts are accepted, values beyond them refused', async () => {
  const device = await create();
  await connect(device, { echo });
  await invoke(device.id, 'echo', { responseTimeoutInSeconds: 300, connectTimeoutInSeconds: 300 });
  for (const timeouts of [{ responseTimeoutInSeconds: 301 }, { responseTimeoutInSeconds: 4, connectTimeoutInSeconds: 0 },
    { responseTimeoutInSeconds: 10, connectTimeoutInSeconds: 11 }]) {
    await assert.rejects(invoke(device.id, 'echo', timeouts), (error) => error.name === 'ArgumentError');
  }
});
