// A whole hub whose machine has a wrong wall clock for a moment, as a bad NTP answer makes it: tokens are judged by the time of
// day, so they are refused meanwhile, but nothing is lost, nothing begins early, and all is well once the clock is right again.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const tls = require('node:tls');
const { test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');

const day = 24 * 3600;

// A file that the hub's clock follows.
class WallClock {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-clock-'));
    this.file = path.join(this.folder, 'seconds');
    this.set(0);
  }

  get env() {
    return { LD_PRELOAD: process.env.TESTS_WRONG_CLOCK, TESTS_CLOCK: this.file };
  }

  set(seconds) {
    const bytes = Buffer.alloc(8);
    if (os.endianness() === 'LE') bytes.writeBigInt64LE(BigInt(seconds));
    else bytes.writeBigInt64BE(BigInt(seconds));
    const file = fs.openSync(this.file, fs.existsSync(this.file) ? 'r+' : 'w');  // in place: the hub has it mapped
    fs.writeSync(file, bytes, 0, 8, 0);
    fs.closeSync(file);
  }

  remove() { fs.rmSync(this.folder, { recursive: true, force: true }); }
}

for (const [name, wrong] of [['years ahead', 9 * 365 * day], ['in 1970', -Math.floor(Date.now() / 1000) + day]]) {
  test(`a first start whose clock is ${name}: once it is right, clients trust the hub's certificate without a restart`, async (t) => {
    const clock = new WallClock();
    t.after(() => clock.remove());
    clock.set(wrong);
    const hub = await new Hub({ env: clock.env }).start();
    t.after(() => hub.remove());
    const handshake = () => new Promise((resolve) => {
      const socket = tls.connect({ host: hub.address, port: ports.mqtts, ca: fs.readFileSync(hub.ca_file) }, () => {
        socket.destroy();
        resolve('trusted');
      });
      socket.on('error', (error) => resolve(error.code));
    });
    if (wrong > 0) assert.equal(await handshake(), 'CERT_NOT_YET_VALID');
    clock.set(0);
    await until('the certificate is valid', async () => (await handshake()) === 'trusted', { timeout_ms: 120_000, every_ms: 500 });
  });
}

for (const [name, wrong] of [['ahead', 2 * day], ['behind', -2 * day]]) {
  test(`a wall clock two days ${name} for a moment`, async (t) => {
    const clock = new WallClock();
    t.after(() => clock.remove());
    const hub = await new Hub({ env: { ...clock.env, TWINHUB_QUERY_LAG_MS: '100' } }).start();
    t.after(() => hub.remove());
    const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
    t.after(() => rest.close());
    const steps = async () => (await hub.metrics()).twinhub_clock_steps_total;
    const status = async () => (await rest.get('/devices/d')).status;

    const { json } = await rest.create_device('d');
    const send = async (body) => {
      const headers = { 'iothub-messageid': body, 'iothub-ack': 'full', 'iothub-expiry': new Date(Date.now() + 3_600_000).toISOString() };
      const sent = await rest.request('POST', '/devices/d/messages/deviceBound', { body, headers });
      assert.equal(sent.status, 204, sent.text);
    };
    await send('one');
    await send('two');
    const job = {
      jobId: 'later', type: 'scheduleUpdateTwin', queryCondition: "deviceId = 'd'", startTime: new Date(Date.now() + 3_600_000).toISOString(),
      updateTwin: { etag: '*', properties: { desired: { by: 'job' } } },
    };
    assert.equal((await rest.put('/jobs/v2/later', job)).status, 200);
    const device = new MqttClient({ host: hub.address, id: 'd', key: json.authentication.symmetricKey.primaryKey, port: ports.mqtt });
    await device.connect();
    await device.subscribe('$iothub/methods/POST/#');
    // The device does not answer. The call's end shows that the hub has acted on what is due, again and again, while its clock is
    // wrong: in the same round messages, feedback, sessions and jobs have their turn.
    const asked = device.message(({ topic }) => topic.startsWith('$iothub/methods/POST/'));
    const call = rest.request('POST', '/twins/d/methods', { body: { methodName: 'm', responseTimeoutInSeconds: 5 } });
    await asked;
    assert.equal(await steps(), 0);

    clock.set(wrong);
    await until('the step is noticed', async () => (await steps()) === 1);
    if (wrong > 0) assert.equal(await status(), 401, 'a token is judged by the time of day');
    assert.equal((await call).status, 504, 'a time-out is no matter of the time of day');
    await device.publish('devices/d/messages/events/', 'a connection goes on', 1);
    clock.set(0);
    await until('the step back is noticed', async () => (await steps()) === 2);

    assert.equal(await status(), 200, 'the same tokens are good again');
    assert.equal((await rest.get('/devices/d')).json.cloudToDeviceMessageCount, 2);
    assert.equal((await rest.get('/jobs/v2/later')).json.status, 'scheduled');
    assert.equal((await rest.get('/twins/d')).json.properties.desired.by, undefined);
    const received = [];
    device.on('message', (message) => {
      received.push(message.payload);
      device.acknowledge(message);
    });
    await device.subscribe(['devices/d/messages/devicebound/#', 1]);
    await until('both messages', () => received.length === 2);
    assert.deepEqual(received, ['one', 'two']);
    await rest.patch('/twins/d', { tags: { seen: true } }, { if_match: '*' });
    await until('a query that lags sees a change', async () => {
      const page = await rest.request('POST', '/devices/query', { body: { query: 'SELECT * FROM devices WHERE tags.seen = true' } });
      assert.equal(page.status, 200, page.text);
      return page.json.length === 1;
    });
    const told = [];
    await until('feedback about both', async () => {
      const batch = await rest.get('/messages/serviceBound/feedback');
      if (batch.status === 204) return false;
      assert.equal((await rest.delete(`/messages/serviceBound/feedback/${batch.headers.etag.replaceAll('"', '')}`)).status, 204);
      told.push(...JSON.parse(batch.text));
      return told.length === 2;
    }, { timeout_ms: 60_000, every_ms: 200 });
    assert.deepEqual(told.map(({ originalMessageId, statusCode }) => `${originalMessageId} ${statusCode}`), ['one Success', 'two Success']);
    device.destroy();
    assert.match(hub.log, /clock was set/);
  });
}
