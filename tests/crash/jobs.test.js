// Kills the hub with SIGKILL in the middle of jobs and starts it again on the same data, again and again: a twin update is done
// exactly once at each device (its desired.$version says how often), a device is asked for a method at most once, and each device
// of each job has one settled row in the end.
//   TESTS_CRASH_SEED (random; printed)   TESTS_CRASH_JOB_DEVICES (3000)   TESTS_CRASH_JOB_ROUNDS (3)
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Random } = require('../support/node/random');
const { Rest } = require('../support/node/rest');
const { sleep, until } = require('../support/node/until');
const { EventLog } = require('../support/node/events');

const from_environment = (name, otherwise) => Number(process.env[name] || otherwise);
const seed = from_environment('TESTS_CRASH_SEED', crypto.randomInt(1, 2 ** 31));
const devices = from_environment('TESTS_CRASH_JOB_DEVICES', 3000);
const rounds_min = from_environment('TESTS_CRASH_JOB_ROUNDS', 3);
const rounds_max = 10 * rounds_min;  // a fast machine may be through with a job before the first kill: not with every one
const at_once = 50;
const life_ms = { min: 20, max: 600 };  // of a hub that works on a job

const id_of = (number) => `device-${String(number).padStart(5, '0')}`;

async function create_devices(rest) {
  for (let begin = 0; begin < devices; begin += at_once) {
    await Promise.all(Array.from({ length: Math.min(at_once, devices - begin) }, async (_, i) => {
      const { status, text } = await rest.create_device(id_of(begin + i));
      assert.equal(status, 200, text);
    }));
  }
}

async function query(rest, text) {
  const rows = [];
  let continuation;
  do {
    const headers = continuation ? { 'x-ms-continuation': continuation } : {};
    const answer = await rest.request('POST', '/devices/query', { body: { query: text }, headers });
    assert.equal(answer.status, 200, answer.text);
    rows.push(...answer.json);
    continuation = answer.headers['x-ms-continuation'];
  } while (continuation);
  return rows;
}

const job = async (rest, id) => (await rest.get(`/jobs/v2/${id}`)).json;
const is_over = ({ status }) => status === 'completed' || status === 'failed';

// Kills the hub until the job is over; -> how often it was killed while the job was on its way.
async function kill_until_over(hub, random, rest, id, after_start = async () => {}) {
  for (let kills = 0; ; kills += 1) {
    await after_start();
    await sleep(random.between(life_ms.min, life_ms.max));
    if (is_over(await job(rest, id))) return kills;
    await hub.kill();
    rest.close();
    await hub.start();
  }
}

test(`a job is done once at each device over kills (TESTS_CRASH_SEED=${seed})`, async (t) => {
  const random = new Random(seed);
  const hub = await new Hub().start();
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  t.after(() => {
    rest.close();
    hub.remove();
  });
  await create_devices(rest);
  let kills = 0;
  let rounds = 0;
  while (rounds < rounds_min || (kills === 0 && rounds < rounds_max)) {
    const round = (rounds += 1);
    const id = `update-${round}`;
    const put = await rest.put(`/jobs/v2/${id}`, {
      jobId: id, type: 'scheduleUpdateTwin', queryCondition: '*', updateTwin: { etag: '*', properties: { desired: { round } } },
    });
    assert.equal(put.status, 200, put.text);
    kills += await kill_until_over(hub, random, rest, id);
    const { status, deviceJobStatistics: counts } = await job(rest, id);
    assert.equal(status, 'completed');
    assert.deepEqual(counts, { deviceCount: devices, failedCount: 0, succeededCount: devices, runningCount: 0, pendingCount: 0 });
    // Once and no more: the version was 1 before the first round.
    const [{ n }] = await query(rest, `SELECT COUNT() AS n FROM devices WHERE properties.desired.round = ${round} AND properties.desired.$version = ${round + 1}`);
    assert.equal(n, devices);
    const rows = await query(rest, `SELECT * FROM devices.jobs WHERE jobId = '${id}'`);
    assert.deepEqual(rows.map((row) => row.deviceId), Array.from({ length: devices }, (_, i) => id_of(i)));
    assert.ok(rows.every((row) => row.status === 'completed'));
  }
  assert.ok(kills >= 1, 'no job was interrupted');
  const changes = new Map();
  for (const { source, device } of await new EventLog(hub).read()) {
    if (source === 'twin_change') changes.set(device, (changes.get(device) ?? 0) + 1);
  }
  assert.equal(changes.size, devices);
  assert.deepEqual([...new Set(changes.values())], [rounds], 'one twin change event for each job and device');
  t.diagnostic(`seed ${seed}: ${rounds} jobs over ${devices} devices, ${kills} kills in their middle`);
});

test(`a device is asked for a method at most once over kills (TESTS_CRASH_SEED=${seed})`, async (t) => {
  const random = new Random(seed);
  const hub = await new Hub({ env: { TWINHUB_JOBS_CALLS_MAX: '4' } }).start();  // so that a kill meets devices of every state
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  const clients = [];
  t.after(() => {
    clients.forEach((client) => client.destroy());
    rest.close();
    hub.remove();
  });
  const count = 40;
  const identities = [];
  for (let n = 0; n < count; n += 1) identities.push((await rest.create_device(id_of(n))).json);
  const asked = new Map();
  const answered = new Set();

  const connect = async ({ deviceId, authentication }) => {
    const client = new MqttClient({ host: hub.address, id: deviceId, key: authentication.symmetricKey.primaryKey, port: ports.mqtt });
    clients.push(client);
    client.on('message', ({ topic }) => {
      const [, rid] = topic.match(/^\$iothub\/methods\/POST\/reboot\/\?\$rid=(.+)$/);
      asked.set(deviceId, (asked.get(deviceId) ?? 0) + 1);
      setTimeout(() => {
        if (client.closed) return;
        client.publish(`$iothub/methods/res/200/?$rid=${rid}`, `{"device":"${deviceId}"}`);
        answered.add(deviceId);
      }, random.between(0, 150));
    });
    await client.connect();
    await client.subscribe('$iothub/methods/POST/#');
  };
  const connect_all = async () => {
    clients.splice(0).forEach((client) => client.destroy());
    await Promise.all(identities.map(connect));
  };
  await connect_all();
  const put = await rest.put('/jobs/v2/reboot', {
    type: 'scheduleDeviceMethod', queryCondition: '*', cloudToDeviceMethod: { methodName: 'reboot', connectTimeoutInSeconds: 20 },
  });
  assert.equal(put.status, 200, put.text);
  const kills = await kill_until_over(hub, random, rest, 'reboot', connect_all);
  await until('the end', async () => is_over(await job(rest, 'reboot')));

  for (const [device, times] of asked) assert.equal(times, 1, `${device} was asked ${times} times`);
  const rows = await query(rest, "SELECT * FROM devices.jobs WHERE jobId = 'reboot'");
  assert.deepEqual(rows.map((row) => row.deviceId), identities.map(({ deviceId }) => deviceId));
  const succeeded = rows.filter((row) => row.status === 'completed');
  for (const row of succeeded) assert.deepEqual(row.outcome.deviceMethodResponse, { status: 200, payload: { device: row.deviceId } });
  for (const row of rows.filter((one) => one.status !== 'completed')) {
    assert.equal(row.status, 'failed');
    assert.equal(row.error.code, 'ServiceUnavailable');
    assert.match(row.error.description, /whether the method ran is not known/);
  }
  // A device that never got the method has no answer in its row; a device with an answer in its row got the method.
  for (const row of succeeded) assert.ok(answered.has(row.deviceId));
  const { deviceJobStatistics: counts } = await job(rest, 'reboot');
  assert.equal(counts.succeededCount, succeeded.length);
  assert.equal(counts.failedCount, count - succeeded.length);
  assert.ok(kills >= 1, 'the job was over before the first kill');
  t.diagnostic(`seed ${seed}: ${kills} kills, ${succeeded.length} of ${count} answered, the others cut off`);
});
