// A table of the store whose bytes have changed on the disk: the hub stays up and is not ready, answers name no file, and the log does.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

const key = Buffer.from('a key that stands in no other record of the store').toString('base64');
const inside = /\.sst|\/db\/|offset|checksum/i;

// Changes one byte of the block that holds the key, in every table that does.
function damage_tables(folder) {
  let damaged = 0;
  for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.sst'))) {
    const file = path.join(folder, name);
    const bytes = fs.readFileSync(file);
    const at = bytes.indexOf(key);
    if (at < 0) continue;
    bytes[at] ^= 0x55;
    fs.writeFileSync(file, bytes);
    damaged += 1;
  }
  return damaged;
}

test('a damaged table: not ready, 503 without a word of files, CONNACK 3, and other devices are served', async (t) => {
  const hub = await new Hub().start();
  t.after(() => hub.remove());
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  t.after(() => rest.close());
  const keys = { symmetricKey: { primaryKey: key, secondaryKey: key } };
  assert.equal((await rest.create_device('d', { authentication: { type: 'sas', ...keys } })).status, 200);
  // What the log holds becomes tables at the next start.
  await hub.stop();
  await hub.start();
  await hub.stop();
  assert.ok(damage_tables(path.join(hub.data_dir, 'db')) > 0, 'a table holds the identity');
  hub.log = '';
  await hub.start();

  const refused = await rest.get('/devices/d');
  assert.equal(refused.status, 503);
  assert.doesNotMatch(refused.text, inside);
  assert.equal(refused.json.Message.includes('ServiceUnavailable'), true, refused.text);
  const twin = await rest.get('/twins/d');
  assert.equal(twin.status, 503);
  assert.doesNotMatch(twin.text, inside);
  const device = new MqttClient({ host: hub.address, id: 'd', key, port: ports.mqtt });
  assert.equal((await device.connect()).return_code, 3);

  assert.equal(await hub.ops_status('/readyz'), 503);
  assert.equal(await hub.ops_status('/healthz'), 200);
  await until('the log says where', () => /stored data is damaged.*\.sst/.test(hub.log));
  const made = await rest.create_device('another');
  assert.equal(made.status, 200, 'writes go on');
  const other = new MqttClient({ host: hub.address, id: 'another', key: made.json.authentication.symmetricKey.primaryKey, port: ports.mqtt });
  assert.equal((await other.connect()).return_code, 0);
  await other.publish('devices/another/messages/events/', 'hello', 1);
  other.destroy();
  await hub.stop();
});
