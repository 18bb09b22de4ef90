// The connection state and the connection-state events of a device whose hub is killed under its connection.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

const null_date = '0001-01-01T00:00:00Z';

test('a device that was connected when the hub was killed is shown as disconnected since then', async (t) => {
  const hub = await new Hub().start();
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  t.after(() => {
    rest.close();
    hub.remove();
  });
  const created = (await rest.create_device('d1')).json;
  assert.equal(created.connectionStateUpdatedTime, null_date);
  const key = created.authentication.symmetricKey.primaryKey;
  const before_ms = Date.now();
  const device = new MqttClient({ host: hub.address, id: 'd1', key, port: ports.mqtt });
  await device.connect();
  await device.publish('devices/d1/messages/events/', 'hello', 1);
  assert.equal((await rest.get('/devices/d1')).json.connectionState, 'Connected');

  await hub.kill();
  await hub.start();
  const shown = (await rest.get('/devices/d1')).json;
  assert.equal(shown.connectionState, 'Disconnected');
  for (const time of [shown.connectionStateUpdatedTime, shown.lastActivityTime]) {
    assert.ok(Date.parse(time) >= before_ms - 1 && Date.parse(time) <= Date.now(), time);
  }
  const twin = (await rest.get('/twins/d1')).json;
  assert.equal(twin.connectionState, 'Disconnected');

  // One deviceDisconnected: after a further start there is no second event, and the times are as before.
  await until('the end is written down', () => /were connected when the hub ended/.test(hub.log));
  await hub.stop();
  hub.log = '';
  await hub.start();
  assert.equal((await rest.get('/devices/d1')).json.connectionStateUpdatedTime, shown.connectionStateUpdatedTime);
  assert.doesNotMatch(hub.log, /were connected when the hub ended/);
});
