// With 1,024 descriptors and more strangers than that, a connected device's telemetry goes on, writes go on, and the operations
// port answers: descriptors are kept back for storage and operations.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

// The hub reads its limit at the start.
const real = process.env.TESTS_BINARY;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-limited-'));
const limited = path.join(folder, 'twinhub');
fs.writeFileSync(limited, `#!/bin/sh\nulimit -n 1024\nexec '${real}' "$@"\n`, { mode: 0o755 });
process.env.TESTS_BINARY = limited;
process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { open_all, tcp } = require('./strangers');

const strangers = 1200;
const messages = 40;
const addresses = Array.from({ length: 12 }, (_, n) => `127.0.1.${n + 1}`);

test(`${strangers} strangers and 1,024 descriptors: all ${messages} messages of a connected device are stored`, async (t) => {
  // Small memtables: the store opens new files meanwhile.
  const hub = await new Hub({ env: { TWINHUB_STORAGE_MEMTABLE_MIB: '1' } }).start();
  t.after(() => hub.remove());
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  t.after(() => rest.close());
  const { json } = await rest.create_device('d');
  const device = new MqttClient({ host: hub.address, id: 'd', key: json.authentication.symmetricKey.primaryKey, port: ports.mqtt });
  await device.connect();
  const sockets = await open_all(strangers, (from) => tcp(hub.address, ports.mqtt, from), addresses);
  for (let n = 0; n < messages; n += 1) await device.publish('devices/d/messages/events/', Buffer.alloc(200_000, n), 1);
  assert.equal((await rest.put('/devices/another', { deviceId: 'another' })).status, 200, 'a write');
  assert.equal(await hub.ops_status('/readyz'), 200);
  const descriptors = fs.readdirSync(`/proc/${hub.process.pid}/fd`).length;
  t.diagnostic(`${descriptors} descriptors are open`);
  assert.ok(descriptors <= 1024 - 128, `${descriptors} descriptors`);
  for (const socket of sockets) socket.destroy();
  device.destroy();
  await hub.stop();
});
