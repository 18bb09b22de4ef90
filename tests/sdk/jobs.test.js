// Jobs through the service SDK's JobClient: twin updates and direct methods over many devices, their progress, their
// rows in devices.jobs, cancelling, listing, errors.
'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, test } = require('node:test');

const { device: device_sdk, iothub, mqtt } = require('../support/node/azure');
const { Rest } = require('../support/node/rest');
const { connection_string, device_connection_string, new_id, policy_connection_string } = require('../support/node/target');
const { until, within } = require('../support/node/until');

const jobs = iothub.JobClient.fromConnectionString(connection_string);
const registry = iothub.Registry.fromConnectionString(connection_string);
const rest = new Rest(connection_string);
after(() => rest.close());

const open_clients = new Set();
afterEach(async () => {
  for (const client of open_clients) await client.close().catch(() => {});
  open_clients.clear();
});

async function create(deviceId = new_id('jobs')) {
  const identity = (await registry.create({ deviceId })).responseBody;
  return { id: identity.deviceId, key: identity.authentication.symmetricKey.primaryKey };
}

async function connect({ id, key }, methods = {}) {
  const client = device_sdk.Client.fromConnectionString(device_connection_string(id, key), mqtt);
  client.on('error', () => {});
  open_clients.add(client);
  for (const [name, answer] of Object.entries(methods)) client.onDeviceMethod(name, answer);
  await within('open', client.open());
  return client;
}

// The SDK's clients share a callback style and promises; both are tried.
const schedule_update = async (...args) => (await jobs.scheduleTwinUpdate(...args)).jobStatus;
const schedule_method = async (...args) => (await jobs.scheduleDeviceMethod(...args)).jobStatus;
const get = async (id) => (await jobs.getJob(id)).jobStatus;
const ended = (id) => until(`job ${id} ended`, async () => {
  const job = await get(id);
  return ['completed', 'failed', 'cancelled'].includes(job.status) && job;
});

async function rows_of(id) {
  const query = registry.createQuery(`SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '${id}'`, 100);
  const rows = [];
  while (query.hasMoreResults) {
    rows.push(...await new Promise((resolve, reject) => {
      query.next((error, result) => (error ? reject(error) : resolve(result)));
    }));
  }
  return rows;
}

test('a twin update reaches twins and connected devices', async () => {
  const first = await create();
  const second = await create();
  const other = await create();
  const client = await connect(first);
  const twin = await within('twin', client.getTwin());
  const heard = [];
  twin.on('properties.desired', (delta) => heard.push(delta));
  // The listener's subscription is on its way when twin.on() returns. The first delta shows that the subscription is in force.
  await until('a first delta', async () => {
    await registry.updateTwin(first.id, { properties: { desired: { hello: heard.length } } }, '*');
    return heard.some((delta) => 'hello' in delta);
  }, { every_ms: 100 });
  const version_of = async (device_id) => (await registry.getTwin(device_id)).responseBody.properties.desired.$version;
  const before = new Map([[first.id, await version_of(first.id)], [second.id, 1]]);

  const id = new_id('update');
  const patch = { etag: '*', tags: { site: 'x' }, properties: { desired: { level: 5, list: [1, 'two'] } } };
  const queued = await schedule_update(id, `deviceId IN ['${first.id}', '${second.id}']`, patch, new Date(), 300);
  assert.equal(queued.jobId, id);
  assert.equal(queued.type, 'scheduleUpdateTwin');
  assert.equal(queued.status, 'queued');
  assert.equal(queued.maxExecutionTimeInSeconds, 300);
  assert.deepEqual(queued.updateTwin, patch);

  const job = await ended(id);
  assert.equal(job.status, 'completed');
  assert.deepEqual(job.deviceJobStatistics, { deviceCount: 2, failedCount: 0, succeededCount: 2, runningCount: 0, pendingCount: 0 });
  for (const { id: device_id } of [first, second]) {
    const { tags, properties } = (await registry.getTwin(device_id)).responseBody;
    assert.deepEqual(tags, { site: 'x' });
    assert.equal(properties.desired.level, 5);
    assert.equal(properties.desired.$version, before.get(device_id) + 1);
  }
  assert.equal(await version_of(other.id), 1);
  // The first look is the SDK's own copy, which it keeps up to date.
  const delta = await until('the delta', () => heard.slice(1).find((one) => 'level' in one));
  assert.deepEqual(delta, { level: 5, list: [1, 'two'], $version: before.get(first.id) + 1 });

  const rows = await rows_of(id);
  assert.deepEqual(rows.map((row) => row.deviceId), [first.id, second.id].sort());
  for (const row of rows) {
    assert.equal(row.status, 'completed');
    assert.equal(row.jobType, 'scheduleUpdateTwin');
    for (const time of ['startTimeUtc', 'endTimeUtc', 'createdDateTimeUtc', 'lastUpdatedDateTimeUtc']) {
      assert.ok(Date.parse(row[time]) >= Date.parse(job.createdTime), `${time}: ${row[time]}`);
    }
  }
});

test('a job pages through many devices', async () => {
  const fleet = new_id('fleet');
  const count = 130;
  for (let begin = 0; begin < count; begin += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => create(`${fleet}-${begin + i}`)));
  }
  const id = new_id('many');
  await schedule_update(id, `STARTSWITH(deviceId, '${fleet}')`, { etag: '*', properties: { desired: { a: 1 } } }, new Date());
  const job = await ended(id);
  assert.equal(job.deviceJobStatistics.succeededCount, count);
  assert.equal((await rows_of(id)).length, count);
  const done = await registry.createQuery(
    `SELECT COUNT() AS n FROM devices WHERE STARTSWITH(deviceId, '${fleet}') AND properties.desired.$version = 2`).next();
  assert.deepEqual(done.result, [{ n: count }]);
});

test('a direct method is called on each device, and each answer is kept', async () => {
  const willing = await create();
  const broken = await create();
  const offline = await create();
  const asked = [];
  await connect(willing, {
    reboot: (request, response) => {
      asked.push(request.payload);
      response.send(200, { delay: 7 });
    },
  });
  await connect(broken, { reboot: (request, response) => response.send(500, null) });
  const service = iothub.Client.fromConnectionString(connection_string);
  // Subscriptions are on their way when onDeviceMethod() returns: a call that waits for one says that it is there.
  for (const { id: device_id } of [willing, broken]) {
    await service.invokeDeviceMethod(device_id, { methodName: 'reboot', payload: null, connectTimeoutInSeconds: 15 });
  }
  asked.length = 0;

  const id = new_id('method');
  const condition = `deviceId IN ['${willing.id}', '${broken.id}', '${offline.id}']`;
  const queued = await schedule_method(id, condition, { methodName: 'reboot', payload: { why: 'job' }, responseTimeoutInSeconds: 15 }, new Date(), 60);
  assert.equal(queued.type, 'scheduleDeviceMethod');
  assert.equal(queued.status, 'queued');
  const job = await ended(id);
  assert.equal(job.status, 'completed');
  assert.deepEqual(job.deviceJobStatistics, { deviceCount: 3, failedCount: 1, succeededCount: 2, runningCount: 0, pendingCount: 0 });
  assert.deepEqual(asked, [{ why: 'job' }]);
  const rows = new Map((await rows_of(id)).map((row) => [row.deviceId, row]));
  assert.deepEqual(rows.get(willing.id).outcome, { deviceMethodResponse: { status: 200, payload: { delay: 7 } } });
  assert.deepEqual(rows.get(broken.id).outcome, { deviceMethodResponse: { status: 500, payload: null } });
  assert.equal(rows.get(offline.id).status, 'failed');
  assert.equal(rows.get(offline.id).error.code, 'DeviceNotOnline');
});

test('a scheduled job is cancelled before it begins', async () => {
  const device = await create();
  const id = new_id('cancel');
  const start = new Date(Date.now() + 3600 * 1000);
  const queued = await schedule_update(id, `deviceId = '${device.id}'`, { etag: '*', tags: { a: 1 } }, start, 60);
  assert.equal(queued.status, 'queued');
  assert.equal(Date.parse(queued.startTime), start.getTime());
  assert.equal((await get(id)).status, 'scheduled');
  const cancelled = (await jobs.cancelJob(id)).jobStatus;
  assert.equal(cancelled.status, 'cancelled');
  assert.equal((await get(id)).status, 'cancelled');
  await assert.rejects(jobs.cancelJob(id));
  assert.deepEqual((await registry.getTwin(device.id)).responseBody.tags ?? {}, {});
});

test('a scheduled job begins at its time', async () => {
  const device = await create();
  const id = new_id('soon');
  const start = new Date(Date.now() + 1500);
  await schedule_update(id, `deviceId = '${device.id}'`, { etag: '*', tags: { a: 1 } }, start, 60);
  const job = await ended(id);
  assert.ok(Date.parse(job.endTime) >= start.getTime());
  assert.deepEqual((await registry.getTwin(device.id)).responseBody.tags, { a: 1 });
});

test('callbacks work as promises do', async () => {
  const device = await create();
  const id = new_id('callback');
  const scheduled = await new Promise((resolve, reject) => {
    jobs.scheduleTwinUpdate(id, `deviceId = '${device.id}'`, { etag: '*', tags: { a: null } }, (error, job, response) =>
      (error ? reject(error) : resolve([job, response])));
  });
  assert.equal(scheduled[0].status, 'queued');
  assert.equal(scheduled[0].maxExecutionTimeInSeconds, 3600);
  assert.equal(scheduled[1].statusCode, 200);
  assert.equal((await ended(id)).status, 'completed');
});

test('createQuery lists jobs by type and status, page by page', async () => {
  const device = await create();
  const ids = [];
  const later = new Date(Date.now() + 3600 * 1000);
  for (let n = 0; n < 5; n += 1) {
    const id = new_id('list');
    ids.push(id);
    await schedule_method(id, `deviceId = '${device.id}'`, { methodName: 'm' }, later, 60);
  }
  const query = jobs.createQuery('scheduleDeviceMethod', 'scheduled', 2);
  const found = [];
  while (query.hasMoreResults) {
    const page = await new Promise((resolve, reject) => {
      query.next((error, result) => (error ? reject(error) : resolve(result)));
    });
    assert.ok(page.length >= 1 && page.length <= 2);
    found.push(...page.map((job) => job.jobId));
  }
  assert.deepEqual(found.filter((id) => ids.includes(id)), [...ids].sort());
  for (const id of ids) await jobs.cancelJob(id);
  const left = await jobs.createQuery('scheduleDeviceMethod', 'scheduled').next();
  assert.deepEqual(left.result.filter((job) => ids.includes(job.jobId)), []);
});

test('an unknown job has status unknown and cannot be cancelled', async () => {
  assert.deepEqual(await get('never-heard-of'), { jobId: 'never-heard-of', type: 'unknown', status: 'unknown' });
  await assert.rejects(jobs.cancelJob('never-heard-of'), (error) => {
    assert.match(error.message, /not found/i);
    return true;
  });
});

test('a refused request arrives as the SDK\'s own error', async () => {
  const id = new_id('twice');
  const patch = { etag: '*', tags: { a: 1 } };
  await schedule_update(id, "deviceId = 'nobody'", patch, new Date());
  await assert.rejects(schedule_update(id, "deviceId = 'nobody'", patch, new Date()), { name: 'DeviceAlreadyExistsError' });
  await assert.rejects(schedule_update('No Such Id', '*', patch, new Date()), { name: 'ArgumentError' });
  await assert.rejects(schedule_update(new_id('etag'), '*', { tags: { a: 1 } }, new Date()), (error) => {
    assert.equal(error.name, 'ArgumentError');
    assert.match(error.responseBody ?? error.message, /etag for job type ScheduleUpdateTwin/);
    return true;
  });
  const reader = iothub.JobClient.fromConnectionString(policy_connection_string('registryReadWrite'));
  await assert.rejects(reader.getJob('any'), { name: 'UnauthorizedError' });
  const service = iothub.JobClient.fromConnectionString(policy_connection_string('service'));
  assert.equal((await service.getJob(id)).jobStatus.jobId, id);
});

test('a condition that does not parse fails the job, not the request', async () => {
  const id = new_id('bad');
  assert.equal((await schedule_update(id, 'deviceId =', { etag: '*', tags: { a: 1 } }, new Date())).status, 'queued');
  const job = await ended(id);
  assert.equal(job.status, 'failed');
  assert.match(job.failureReason, /BadRequest/);
});
