// Crowds at the door: many clients that drop at once and come back at once, and many that fight for one identity.
//   TESTS_STORM_RECONNECT (1000)   TESTS_STORM_ROUNDS (2)   TESTS_STORM_FIGHTERS (40)   TESTS_STORM_TAKE_OVERS (1000)
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { topics } = require('../support/node/mqtt_client');
const { until } = require('../support/node/until');
const { Bystander, Storm, from_environment, in_parallel, mib, shown } = require('./storm');

const crowd = from_environment('RECONNECT', 1000);
const rounds = from_environment('ROUNDS', 2);
const fighters = from_environment('FIGHTERS', 40);
const take_overs = from_environment('TAKE_OVERS', 1000);
const patience_ms = 60_000;

// Comes back without subscribing, as SDKs do.
async function come_back(storm, device) {
  const client = storm.client(device);
  const { return_code, session_present } = await client.connect({ patience_ms });
  assert.equal(return_code, 0, device.id);
  assert.equal(session_present, 1, `${device.id}: its session is lost`);
  return client;
}

// A delta by the kept subscription, exactly one.
async function hears_one_change(storm, client) {
  const deltas = [];
  client.on('message', ({ topic }) => deltas.push(topic));
  const version = await storm.patch_desired(client.id, { at: performance.now() });
  const twin = await client.get_twin();  // its answer is behind the delta
  assert.equal(twin.desired.$version, version);
  assert.deepEqual(deltas.filter((topic) => topic.includes('/PATCH/')), [`$iothub/twin/PATCH/properties/desired/?$version=${version}`]);
}

test(`${crowd} clients drop at once and come back at once, ${rounds} times`, async (t) => {
  const storm = await Storm.start();
  t.after(() => storm.end());
  const bystander = await Bystander.start(storm);
  t.after(() => bystander.end());
  const devices = await storm.devices(crowd);
  let clients = await in_parallel(devices, 100, async (device) => {
    const client = await storm.connect(device);
    assert.deepEqual(await client.subscribe(topics.response, topics.desired), [0, 0]);
    return client;
  });
  await bystander.window();
  const before = await bystander.window();
  const rss = [storm.hub.rss_kib()];
  const took_s = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const client of clients) client.destroy();
    const began = performance.now();
    clients = await Promise.all(devices.map((device) => come_back(storm, device)));
    took_s.push(((performance.now() - began) / 1000).toFixed(1));
    await storm.open_connections(1 + crowd);
    rss.push(storm.hub.rss_kib());
  }
  const during = await bystander.window();
  await in_parallel(clients.filter((_, n) => n % 10 === 0), 20, (client) => hears_one_change(storm, client));
  t.diagnostic(`${crowd} came back in ${took_s.join(' s, ')} s; RSS ${rss.map(mib).join(' -> ')}`);
  t.diagnostic(`bystander before: ${shown(before)}; in the storm: ${shown(during)}`);
  // The old connections and the new ones may be there together; how many of them is chance, in every round anew.
  assert.ok(Math.max(...rss) <= rss[0] + crowd * 32 + 8 * 1024, 'memory');
  await until('what the storm took is given back', () => storm.hub.rss_kib() <= rss[0] + 8 * 1024);
  for (const client of clients) client.destroy();
});

// One of many that want to be the same device: comes back at once whenever it is thrown out.
class Fighter {
  constructor(storm, device, secure) {
    this.storm = storm;
    this.device = device;
    this.secure = secure;
    this.won = 0;
  }

  async fight(going_on) {
    while (going_on()) {
      this.client = this.storm.client(this.device, { secure: this.secure });
      const closed = new Promise((resolve) => this.client.once('close', resolve));
      // Thrown out before CONNACK is a way to lose, too.
      const answer = await this.client.connect().catch(() => null);
      if (answer) {
        assert.equal(answer.return_code, 0);
        this.won += 1;
      }
      await closed;
    }
  }
}

test(`${fighters} clients fight for one identity until ${take_overs} of them were let in`, async (t) => {
  const storm = await Storm.start();
  t.after(() => storm.end());
  const bystander = await Bystander.start(storm);
  t.after(() => bystander.end());
  const [device] = await storm.devices(1);
  const before = { rss: storm.hub.rss_kib(), reads: await bystander.window() };

  const all = Array.from({ length: fighters }, (_, n) => new Fighter(storm, device, n % 2 === 0));
  const won = () => all.reduce((sum, { won: mine }) => sum + mine, 0);
  let going_on = true;
  const fights = all.map((fighter) => fighter.fight(() => going_on));
  await until('so many take-overs', () => won() >= take_overs, { timeout_ms: 120_000 });
  const during = await bystander.window();
  going_on = false;
  await storm.open_connections(2);  // the bystander and the one that is left
  const standing = () => all.filter(({ client }) => !client.closed);
  await until('the others have heard of their end', () => standing().length <= 1);
  const left = standing();
  assert.equal(left.length, 1);
  assert.equal((await storm.rest.get(`/devices/${device.id}`)).json.connectionState, 'Connected');
  const [{ client }] = left;
  assert.deepEqual(await client.subscribe(topics.response, topics.desired), [0, 0]);
  await hears_one_change(storm, client);
  const metrics = await storm.hub.metrics();
  const after = { rss: storm.hub.rss_kib() };
  client.destroy();
  await Promise.all(fights);
  await until('nobody is connected', async () => (await storm.rest.get(`/devices/${device.id}`)).json.connectionState === 'Disconnected');

  t.diagnostic(`${metrics.twinhub_mqtt_take_overs_total} take-overs; RSS ${mib(before.rss)} -> ${mib(after.rss)}; log ${storm.hub.log.length} bytes`);
  t.diagnostic(`bystander before: ${shown(before.reads)}; in the fight: ${shown(during)}`);
  assert.ok(after.rss <= before.rss + 16 * 1024, 'memory');
  assert.ok(storm.hub.log.length < 10_000, 'no line of the log for each of them');
});
