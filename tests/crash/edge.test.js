// Edge devices are made as fast as they can be while the hub is killed: each that is there after that has its system modules.
//   TESTS_CRASH_EDGE_ROUNDS (5)
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');

const rounds = Number(process.env.TESTS_CRASH_EDGE_ROUNDS || 5);
const at_once = 16;
const before_kill = 100;

test('no kill leaves an edge device without its system modules, or without one that was answered for', async (t) => {
  const hub = await new Hub().start();
  t.after(() => hub.remove());
  const acknowledged = new Set();
  for (let round = 0; round < rounds; ++round) {
    const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
    let made = 0;
    let dead = false;
    let enough;
    const many = new Promise((resolve) => { enough = resolve; });
    const make = async (worker) => {
      for (let i = 0; !dead; ++i) {
        const id = `edge-${round}-${worker}-${i}`;
        const answer = await rest.request('PUT', `/devices/${id}`, { body: { deviceId: id, capabilities: { iotEdge: true } } }).catch(() => null);
        if (answer === null) return;
        assert.equal(answer.status, 200, JSON.stringify(answer.json));
        acknowledged.add(id);
        if (++made === before_kill) enough();
      }
    };
    const workers = Array.from({ length: at_once }, (_, worker) => make(worker));
    await many;
    await hub.kill();
    dead = true;
    await Promise.all(workers);
    rest.close();
    await hub.start();
  }

  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  const has = async (query) => {
    const ids = new Set();
    let continuation;
    do {
      const { status, json, headers } = await rest.request('POST', '/devices/query', {
        body: { query }, headers: { 'x-ms-max-item-count': '100', ...(continuation && { 'x-ms-continuation': continuation }) },
      });
      assert.equal(status, 200, JSON.stringify(json));
      for (const row of json) ids.add(row.deviceId);
      continuation = headers['x-ms-continuation'];
    } while (continuation);
    return ids;
  };
  const devices = await has('SELECT deviceId FROM devices');
  for (const id of acknowledged) assert.ok(devices.has(id), `${id} was acknowledged`);
  for (const module of ['$edgeAgent', '$edgeHub']) {
    const with_module = await has(`SELECT deviceId FROM devices.modules WHERE moduleId = '${module}'`);
    assert.deepEqual([...devices].filter((id) => !with_module.has(id)), [], `without ${module}`);
  }
  rest.close();
});
