// The cloud's hidden fault-injection properties, used as the public end-to-end suites use them: the unmodified device SDK sends a
// telemetry message that asks for a fault, sees it, and recovers. Source: e2etests of azure-iot-sdk-node and -csharp.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');

const { device: device_sdk, iothub, mqtt, mqtt_ws } = require('../support/node/azure');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { connection_string, device_connection_string, host, new_id } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const registry = iothub.Registry.fromConnectionString(connection_string);
const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});

const no_retry = { shouldRetry: () => false, nextRetryTimeout: () => 0 };
const primary = (identity) => identity.authentication.symmetricKey.primaryKey;
const create = async () => (await registry.create({ deviceId: new_id('fault') })).responseBody;
const state_of = async (identity) => (await registry.get(identity.deviceId)).responseBody.connectionState;

function new_client(identity, transport = mqtt) {
  const client = device_sdk.Client.fromConnectionString(device_connection_string(identity.deviceId, primary(identity)), transport);
  open_clients.add(client);
  client.disconnected = new Promise((resolve) => client.on('disconnect', resolve));
  client.on('error', () => {});
  return client;
}

function fault_message(operationType, { delay_s = 0.2, duration_s } = {}) {
  const message = new device_sdk.Message('');
  message.properties.add('AzIoTHub_FaultOperationType', operationType);
  message.properties.add('AzIoTHub_FaultOperationCloseReason', ` ${operationType} & more `);
  message.properties.add('AzIoTHub_FaultOperationDelayInSecs', String(delay_s));
  if (duration_s !== undefined) message.properties.add('AzIoTHub_FaultOperationDurationInSecs', String(duration_s));
  return message;
}

const send = (client, text = 'still here') => client.sendEvent(new device_sdk.Message(text));

for (const [name, transport] of Object.entries({ 'over MQTT': mqtt, 'over MQTT and WebSocket': mqtt_ws })) {
  for (const operationType of ['KillTcp', 'ShutDownMqtt']) {
    test(`${operationType} ${name}: a client that does not retry sees its connection end`, async () => {
      const identity = await create();
      const client = new_client(identity, transport);
      client.setRetryPolicy(no_retry);
      await within('open', client.open());
      await within('first message', send(client));
      client.sendEvent(fault_message(operationType), () => {});
      await within('disconnect', client.disconnected);
      await until('the hub shows it as disconnected', async () => (await state_of(identity)) === 'Disconnected');

      const again = new_client(identity, transport);
      await within('message of a new client', send(again));
    });
  }
}

test('a client with its default settings sends the message again, gets the PUBACK, and goes on', async () => {
  const identity = await create();
  const client = new_client(identity);
  const twin = await within('getTwin', client.getTwin());
  twin.on('error', () => {});
  const deltas = [];
  twin.on('properties.desired', (delta) => deltas.push(delta));
  await within('first message', send(client));
  const before = (await registry.get(identity.deviceId)).responseBody.connectionStateUpdatedTime;

  await within('fault message', client.sendEvent(fault_message('KillTcp')));
  const after = (await registry.get(identity.deviceId)).responseBody;
  assert.equal(after.connectionState, 'Connected');
  assert.ok(after.connectionStateUpdatedTime > before, 'it was not disconnected at all');
  await within('message after the fault', send(client));
  await until('a delta after the fault', async () => {
    await registry.updateTwin(identity.deviceId, { properties: { desired: { after: deltas.length } } }, '*');
    return deltas.some((delta) => 'after' in delta);
  }, { every_ms: 100 });
});

test('InvokeThrottling: telemetry gets through once the fault is over', async () => {
  const client = new_client(await create());
  await within('first message', send(client));
  await within('fault message', client.sendEvent(fault_message('InvokeThrottling', { duration_s: 2 })));
  await within('message after the fault', send(client), 60_000);
});

test('InvokeThrottling: twin requests are answered with 429001 during the fault', async () => {
  const identity = await create();
  const device = () => new MqttClient({ host, id: identity.deviceId, key: primary(identity) });
  const first = device();
  await first.connect();
  const ended = new Promise((resolve) => first.once('close', resolve));
  first.publish(`devices/${identity.deviceId}/messages/events/AzIoTHub_FaultOperationType=InvokeThrottling`
    + '&AzIoTHub_FaultOperationDurationInSecs=60', 'x');
  await within('the end of the connection', ended);
  const second = device();
  assert.equal((await second.connect()).return_code, 0);
  await second.subscribe(topics.response);
  const { status, body } = await second.twin_request('GET', ' ');
  assert.equal(status, 429);
  assert.equal(JSON.parse(body).errorCode, 429001);
  second.disconnect();
});

for (const [operationType, return_code] of [['InvokeMaxMessageQuota', 3], ['InvokeAuthError', 5]]) {
  test(`${operationType}: CONNECT is refused with ${return_code}, and the device is back once the fault is over`, async () => {
    const identity = await create();
    const client = new_client(identity);
    client.setRetryPolicy(no_retry);
    await within('first message', send(client));
    client.sendEvent(fault_message(operationType, { duration_s: 6 }), () => {});  // longer than a busy machine takes to come again
    await within('disconnect', client.disconnected);
    const refused = new MqttClient({ host, id: identity.deviceId, key: primary(identity) });
    assert.equal((await refused.connect()).return_code, return_code);
    await until('it is let in again', async () => {
      const device = new MqttClient({ host, id: identity.deviceId, key: primary(identity) });
      const { return_code: code } = await device.connect();
      if (code === 0) device.disconnect();
      return code === 0;
    }, { every_ms: 200 });
    await within('message after the fault', send(new_client(identity)));
  });
}
