// Queries through the service SDK: Registry.createQuery, its pages, twins and errors; every form of query that samples
// and tools send.
'use strict';

const assert = require('node:assert/strict');
const { test, after } = require('node:test');

const { iothub } = require('../support/node/azure');
const { Rest } = require('../support/node/rest');
const { connection_string, new_id, policy_connection_string } = require('../support/node/target');

const registry = iothub.Registry.fromConnectionString(connection_string);
const rest = new Rest(connection_string); // what the SDK wraps, seen as it was sent
const fleet = new_id('fleet'); // the prefix of every id here: suites share a hub
const id_of = (number) => `${fleet}-${String(number).padStart(4, '0')}`;
const count = 130;
const mine = `STARTSWITH(deviceId, '${fleet}')`;

test('the devices and modules that the queries below select from are created', async () => {
  for (let begin = 0; begin < count; begin += 10) {
    await Promise.all(Array.from({ length: 10 }, async (_, i) => {
      const deviceId = id_of(begin + i);
      await registry.create({ deviceId, capabilities: { iotEdge: (begin + i) % 10 === 0 } });
      await registry.updateTwin(deviceId, {
        tags: { location: { plant: (begin + i) % 2 ? 'Redmond43' : 'Munich7' }, number: begin + i },
        properties: { desired: { level: (begin + i) % 3 } },
      }, '*');
    }));
  }
});

// Every page of a query, as the SDK's samples read them: with a callback, next() goes on by itself.
async function pages(sql, page_size) {
  const query = registry.createQuery(sql, page_size);
  const all = [];
  while (query.hasMoreResults && all.length <= count) {
    all.push(await new Promise((resolve, reject) => {
      query.next((error, result) => (error ? reject(error) : resolve(result)));
    }));
  }
  return all;
}
const rows = async (sql, page_size) => (await pages(sql, page_size)).flat();

test('pages follow each other until there are no more results', async () => {
  const expected = Array.from({ length: count }, (_, i) => id_of(i));
  for (const [page_size, sizes] of [[50, [50, 50, 30]], [65, [65, 65]], [100, [100, 30]], [1000, [100, 30]], [undefined, [100, 30]]]) {
    const all = await pages(`SELECT * FROM devices WHERE ${mine}`, page_size);
    assert.deepEqual(all.map((page) => page.length), sizes, `page size ${page_size}`);
    assert.deepEqual(all.flat().map((twin) => twin.deviceId), expected);
  }
});

test('without a callback, next() goes on from the continuation token of its argument', async () => {
  const query = registry.createQuery(`SELECT deviceId FROM devices WHERE ${mine}`, 100);
  const first = (await query.next()).result;
  assert.equal(query.hasMoreResults, true);
  const second = (await query.next(query.continuationToken)).result;
  assert.equal(query.hasMoreResults, false);
  assert.deepEqual([first.length, second.length], [100, count - 100]);
  assert.equal(second[0].deviceId, id_of(100));
});

test('nextAsTwin gives twins that can be updated', async () => {
  const query = registry.createQuery(`SELECT * FROM devices WHERE deviceId = '${id_of(7)}'`, 10);
  const { result } = await query.nextAsTwin();
  assert.equal(result.length, 1);
  assert.equal(query.hasMoreResults, false);
  const [twin] = result;
  assert.equal(twin.deviceId, id_of(7));
  assert.equal(twin.tags.number, 7);
  await twin.update({ tags: { touched: true } });
  assert.equal((await registry.getTwin(id_of(7))).responseBody.tags.touched, true);
  assert.equal((await rows(`SELECT * FROM devices WHERE tags.touched = true AND ${mine}`)).length, 1);
});

test('a row of SELECT * is the twin, field by field', async () => {
  const [row] = await rows(`SELECT * FROM devices WHERE deviceId = '${id_of(3)}'`);
  assert.deepEqual(row, (await rest.get(`/twins/${id_of(3)}`)).json);
});

test('the queries of samples and documentation', async () => {
  const only = async (sql) => (await rows(sql)).map((row) => row.deviceId);
  const plant = (await only(`SELECT * FROM devices WHERE tags.location.plant = 'Redmond43' AND ${mine}`));
  assert.deepEqual(plant, Array.from({ length: count / 2 }, (_, i) => id_of(2 * i + 1)));
  assert.deepEqual(await only(`select * from devices where deviceId in ['${id_of(1)}','${id_of(2)}']`), [id_of(1), id_of(2)]);
  assert.equal((await only(`SELECT * FROM devices WHERE STARTSWITH(id, '${fleet}') AND capabilities.iotEdge = true`)).length, 13);
  assert.deepEqual(await rows(`SELECT COUNT() AS numberOfDevices FROM devices WHERE ${mine}`), [{ numberOfDevices: count }]);
  const groups = await rows(`select properties.desired.level AS level, COUNT() AS numberOfDevices from devices where ${mine} group by properties.desired.level`);
  assert.deepEqual(groups, [{ level: 0, numberOfDevices: 44 }, { level: 1, numberOfDevices: 43 }, { level: 2, numberOfDevices: 43 }]);
});

test('the list of Azure IoT Explorer', async () => {
  const [row] = await rows(`
    SELECT deviceId as DeviceId,
    status as Status,
    lastActivityTime as LastActivityTime,
    statusUpdatedTime as StatusUpdatedTime,
    authenticationType as AuthenticationType,
    cloudToDeviceMessageCount as CloudToDeviceMessageCount,
    connectionState as ConnectionState,
    capabilities.iotEdge as IotEdge,
    modelId as ModelId
    FROM devices WHERE STARTSWITH(devices.deviceId, '${id_of(10)}')`);
  assert.deepEqual(row, {
    DeviceId: id_of(10), Status: 'enabled', LastActivityTime: '0001-01-01T00:00:00Z', StatusUpdatedTime: '0001-01-01T00:00:00Z',
    AuthenticationType: 'sas', CloudToDeviceMessageCount: 0, ConnectionState: 'Disconnected', IotEdge: true, ModelId: '',
  });
});

test('modules have a collection of their own', async () => {
  const deviceId = id_of(21);  // no edge device: those come with modules of their own
  await registry.addModule({ deviceId, moduleId: 'camera' });
  await registry.updateModuleTwin(deviceId, 'camera', { tags: { kind: 'eye' } }, '*');
  const found = await rows(`SELECT * FROM devices.modules WHERE deviceId in ['${deviceId}']`);
  assert.deepEqual(found, [(await rest.get(`/twins/${deviceId}/modules/camera`)).json]);
  assert.deepEqual(await rows(`SELECT moduleId FROM devices.modules WHERE devices.deviceId='${deviceId}' AND tags.kind = 'eye'`),
    [{ moduleId: 'camera' }]);
});

test('the next query sees an update, a status, a deletion', async () => {
  const deviceId = id_of(9999);
  const found = async (condition) => (await rows(`SELECT deviceId FROM devices WHERE deviceId = '${deviceId}' AND ${condition}`)).length;
  await registry.create({ deviceId });
  assert.equal(await found('NOT is_defined(tags.x)'), 1);
  await registry.updateTwin(deviceId, { tags: { x: 'y' } }, '*');
  assert.equal(await found("tags.x = 'y'"), 1);
  await registry.update({ deviceId, status: 'disabled' });
  assert.equal(await found("status = 'disabled'"), 1);
  await registry.delete(deviceId);
  assert.equal(await found('true'), 0);
});

test('a refused query is ArgumentError, and names the position', async () => {
  for (const sql of ['SELECT', 'SELECT * FROM devices WHERE', 'SELECT * FROM devices ORDER BY deviceId', "SELECT * FROM devices WHERE deviceId = 'o'really'"]) {
    await assert.rejects(registry.createQuery(sql).next(), (error) => {
      assert.equal(error.name, 'ArgumentError', sql);
      assert.match(error.message, /line 1, column \d+/);
      return true;
    });
  }
});

test('a policy without ServiceConnect is UnauthorizedError', async () => {
  const reader = iothub.Registry.fromConnectionString(policy_connection_string('registryRead'));
  await assert.rejects(reader.createQuery('SELECT * FROM devices').next(), (error) => error.name === 'UnauthorizedError');
  const service = iothub.Registry.fromConnectionString(policy_connection_string('service'));
  assert.ok(Array.isArray((await service.createQuery('SELECT * FROM devices').next()).result));
});

test('a page has the headers that .NET and Java read', async () => {
  const ask = (query, headers) => rest.request('POST', '/devices/query', { body: { query }, headers });
  const query = `SELECT deviceId FROM devices WHERE ${mine}`;
  const first = await ask(query, { 'x-ms-max-item-count': '100' });
  assert.equal(first.headers['x-ms-item-type'], 'Raw');
  assert.match(first.headers['x-ms-continuation'], /^[\x21-\x7e]+$/);
  const last = await ask(query, { 'x-ms-continuation': first.headers['x-ms-continuation'] });
  assert.equal(last.json.length, count - 100);
  assert.equal('x-ms-continuation' in last.headers, false);
  assert.equal((await ask('SELECT * FROM devices')).headers['x-ms-item-type'], 'Twin');
  assert.equal((await ask('SELECT * FROM devices.jobs')).headers['x-ms-item-type'], 'DeviceJob');
});

after(() => rest.close());
