// Automatic device management through the service SDK: the life of configurations, their effect on twins and devices, edge
// content; and by REST the requests that the SDK has no call for. A suite shares its hub: every target condition names its own devices.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');

const { device: device_sdk, iothub, mqtt } = require('../support/node/azure');
const { Rest } = require('../support/node/rest');
const { connection_string, device_connection_string, new_id } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const registry = iothub.Registry.fromConnectionString(connection_string);
const rest = new Rest(connection_string);
const made = new Set();
afterEach(async () => {
  for (const id of made) await registry.removeConfiguration(id).catch(() => {});
  made.clear();
});

async function add(configuration) {
  const added = (await registry.addConfiguration({ id: new_id('conf'), ...configuration })).responseBody;
  made.add(added.id);
  return added;
}
const get = async (id) => (await registry.getConfiguration(id)).responseBody;
const twin_of = async (id) => (await registry.getTwin(id)).responseBody;
const create = async (extra = {}) => (await registry.create({ deviceId: new_id('auto'), ...extra })).responseBody;
const status_of = (twin, id) => twin.configurations?.[id]?.status;

// The whole life of the SDK's own end-to-end tests, for both forms.
for (const form of ['deviceContent', 'moduleContent']) {
  test(`a configuration with ${form} is added, found, listed, updated and removed`, async () => {
    const content = { [form]: { 'properties.desired': { prop1: 'foo' } } };
    const id = `node_e2e_${form.toLowerCase()}_${new_id('x')}`;
    await add({ id, content, targetCondition: '', priority: 20 });
    const found = await get(id);
    assert.equal(found.id, id);
    assert.deepEqual(found.content, content);
    assert.equal(found.schemaVersion, '1.0');
    assert.deepEqual(found.systemMetrics.results, { targetedCount: 0, appliedCount: 0 });
    const all = (await registry.getConfigurations()).responseBody;
    assert.deepEqual(all.find((one) => one.id === id), found);

    found.priority = 99;
    const updated = (await registry.updateConfiguration(found)).responseBody;
    assert.equal(updated.priority, 99);
    assert.notEqual(updated.etag, found.etag);
    await assert.rejects(registry.updateConfiguration(found), (error) => error.response.statusCode === 412);
    await registry.updateConfiguration({ id, content, targetCondition: '', priority: 1 }, true);
    assert.equal((await get(id)).priority, 1);

    await registry.removeConfiguration(id);
    await assert.rejects(get(id), (error) => error.response.statusCode === 404 || /Not found/i.test(error.message));
  });
}

test('errors have the names of IoT Hub', async () => {
  const content = { deviceContent: { 'properties.desired.a': 1 } };
  const refused = (configuration, status, code) => assert.rejects(registry.addConfiguration({ id: new_id('bad'), ...configuration }), (error) => {
    assert.equal(error.response.statusCode, status, error.message);
    assert.equal(error.response.headers['iothub-errorcode'], code);
    return true;
  });
  await refused({ content, id: new_id('UPPER') }, 400, 'ArgumentInvalid');
  await refused({}, 400, 'InvalidConfigurationContent');
  await refused({ content: { deviceContent: { 'tags.x': 1 } } }, 400, 'InvalidConfigurationContent');
  await refused({ content, targetCondition: 'properties.desired.x = 1' }, 400, 'InvalidConfigurationTargetCondition');
  await refused({ content, metrics: { queries: { m: 'SELEC' } } }, 400, 'InvalidConfigurationCustomMetricsQuery');
  const { id } = await add({ content });
  await refused({ content, id }, 409, 'ConfigurationAlreadyExists');
});

test('a connected device gets the delta of a configuration, and back ends see the properties', async () => {
  const { deviceId, authentication } = await create();
  const client = device_sdk.Client.fromConnectionString(device_connection_string(deviceId, authentication.symmetricKey.primaryKey), mqtt);
  try {
    await within('open', client.open());
    const twin = await within('getTwin', client.getTwin());
    const deltas = [];
    twin.on('properties.desired', (delta) => deltas.push(delta));
    // The listener's subscription is on its way when twin.on() returns. The first delta shows that the subscription is in force.
    await until('a first delta', async () => {
      await registry.updateTwin(deviceId, { properties: { desired: { hello: deltas.length } } }, '*');
      return deltas.some((delta) => 'hello' in delta);
    }, { every_ms: 100 });
    const { id } = await add({
      content: { deviceContent: { 'properties.desired.chillerWaterSettings': { temperature: 38, pressure: 78 } } },
      targetCondition: `tags.environment = 'chillers' AND deviceId = '${deviceId}'`, priority: 10,
      metrics: { queries: { current: `SELECT deviceId FROM devices WHERE configurations.[[x]].status = 'Applied' OR properties.reported.chiller.of = '${deviceId}'` } },
    });
    assert.equal(status_of(await twin_of(deviceId), id), undefined);
    await registry.updateTwin(deviceId, { tags: { environment: 'chillers' } }, '*');
    const delta = await until('the delta', () => deltas.find((one) => 'chillerWaterSettings' in one));
    assert.deepEqual(delta.chillerWaterSettings, { temperature: 38, pressure: 78 });
    assert.equal(status_of(await twin_of(deviceId), id), 'Applied');
    assert.deepEqual((await get(id)).systemMetrics.results, { targetedCount: 1, appliedCount: 1 });

    assert.equal((await get(id)).metrics.results.current, 0);
    await within('report', new Promise((resolve, reject) => {
      twin.properties.reported.update({ chiller: { of: deviceId } }, (error) => (error ? reject(error) : resolve()));
    }));
    assert.equal((await get(id)).metrics.results.current, 1);

    const query = registry.createQuery(`SELECT deviceId FROM devices WHERE configurations.[[${id}]].status = 'Applied'`);
    assert.deepEqual((await query.nextAsTwin()).result.map((one) => one.deviceId), [deviceId]);

    await registry.updateTwin(deviceId, { tags: { environment: null } }, '*');
    await until('the settings are gone', () => deltas.some((one) => one.chillerWaterSettings === null));
    assert.equal((await twin_of(deviceId)).configurations, undefined);
  } finally {
    await client.close().catch(() => {});
  }
});

test('the higher priority wins, and the lower one takes over when it is removed', async () => {
  const { deviceId } = await create();
  const target = { targetCondition: `deviceId = '${deviceId}'` };
  const low = await add({ ...target, priority: 1, content: { deviceContent: { 'properties.desired.a': { x: 'low', y: 'low' } } } });
  const high = await add({ ...target, priority: 2, content: { deviceContent: { 'properties.desired.a.x': 'high' } } });
  const both = await until('both', async () => {
    const twin = await twin_of(deviceId);
    return status_of(twin, low.id) && status_of(twin, high.id) && twin;
  });
  assert.equal(both.properties.desired.a.x, 'high');
  assert.equal(both.properties.desired.a.y, 'low');
  await registry.removeConfiguration(high.id);
  const one = await until('the lower one', async () => {
    const twin = await twin_of(deviceId);
    return !status_of(twin, high.id) && twin;
  });
  assert.equal(one.properties.desired.a.x, 'low');
});

test('module twins are configured by module configurations', async () => {
  const { deviceId } = await create();
  for (const moduleId of ['telemetry', 'other']) await registry.addModule({ deviceId, moduleId });
  const { id } = await add({
    content: { moduleContent: { 'properties.desired.interval': 30 } },
    targetCondition: `FROM devices.modules WHERE moduleId = 'telemetry' AND deviceId = '${deviceId}'`,
  });
  const twin = await until('the module twin', async () => {
    const { responseBody } = await registry.getModuleTwin(deviceId, 'telemetry');
    return status_of(responseBody, id) && responseBody;
  });
  assert.equal(twin.properties.desired.interval, 30);
  assert.equal((await registry.getModuleTwin(deviceId, 'other')).responseBody.properties.desired.interval, undefined);
  assert.deepEqual((await get(id)).systemMetrics.results, { targetedCount: 1, appliedCount: 1 });
});

const manifest = {
  modulesContent: {
    $edgeAgent: { 'properties.desired': { schemaVersion: '1.1', runtime: { type: 'docker', settings: { minDockerVersion: 'v1.25' } }, systemModules: {}, modules: {} } },
    $edgeHub: { 'properties.desired': { schemaVersion: '1.2', routes: { all: 'FROM /messages/* INTO $upstream' }, storeAndForwardConfiguration: { timeToLiveSecs: 7200 } } },
    sensor: { 'properties.desired': { interval: 5 } },
  },
};

test('content is applied to a single edge device', async () => {
  const { deviceId } = await create({ capabilities: { iotEdge: true } });
  await registry.applyConfigurationContentOnDevice(deviceId, manifest);
  const modules = (await registry.getModulesOnDevice(deviceId)).responseBody.map((module) => module.moduleId).sort();
  assert.deepEqual(modules, ['$edgeAgent', '$edgeHub', 'sensor']);
  const hub_twin = (await registry.getModuleTwin(deviceId, '$edgeHub')).responseBody;
  assert.equal(hub_twin.properties.desired.routes.all, 'FROM /messages/* INTO $upstream');
  const leaf = await create();
  await assert.rejects(registry.applyConfigurationContentOnDevice(leaf.deviceId, manifest), (error) => {
    assert.equal(error.response.statusCode, 400);
    assert.match(error.message, /Not an Azure IoT Edge device/);
    return true;
  });
});

test('an edge deployment reaches the edge devices that it targets', async () => {
  const { deviceId } = await create({ capabilities: { iotEdge: true } });
  const { id } = await add({ content: manifest, targetCondition: `deviceId = '${deviceId}'`, priority: 1 });
  await until('$edgeAgent', async () => {
    const query = registry.createQuery(`select deviceId from devices.modules where moduleId = '$edgeAgent' and configurations.[[${id}]].status = 'Applied'`);
    return (await query.nextAsTwin()).result.length === 1;
  });
  const shown = await get(id);
  assert.deepEqual(shown.systemMetrics.results, { targetedCount: 1, appliedCount: 1, reportedSuccessfulCount: 0, reportedFailedCount: 0 });
  assert.equal(shown.systemMetrics.queries.targetedCount, `select deviceId from devices where capabilities.iotEdge = true and (deviceId = '${deviceId}')`);
});

test('queries are tested before they are used', async () => {
  const good = await rest.request('POST', '/configurations/testQueries', { body: { targetCondition: 'tags.a = 1', customMetricQueries: { m: 'SELECT * FROM devices' } } });
  assert.equal(good.status, 200);
  assert.deepEqual(good.json, { targetConditionError: null, customMetricQueryErrors: {} });
  const bad = await rest.request('POST', '/configurations/testQueries', { body: { targetCondition: '*', customMetricQueries: { m: 'SELEC', n: 'SELECT * FROM devices' } } });
  assert.equal(bad.status, 200);
  assert.ok(bad.json.targetConditionError);
  assert.deepEqual(Object.keys(bad.json.customMetricQueryErrors), ['m']);
});

test('a PUT with other content succeeds and changes no content', async () => {
  const created = await add({ content: { deviceContent: { 'properties.desired.a': 1 } } });
  const answer = await rest.put(`/configurations/${created.id}`, { ...created, content: { deviceContent: { 'properties.desired.a': 2 } } }, { if_match: `"${created.etag}"` });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json.content, { deviceContent: { 'properties.desired.a': 1 } });
});
