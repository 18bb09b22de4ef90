// Kills the hub with SIGKILL at random moments under load and starts it again on the same data: everything it acknowledged is
// there with its content, versions never go back, no record is half written, every message with a PUBACK is in the event log
// once and in order, kept sessions still have their subscriptions, accepted cloud-to-device messages are delivered.
// Acknowledged writes are counted here, outside the hub.
//   TESTS_CRASH_ROUNDS (50)   TESTS_CRASH_SEED (random; printed)   TESTS_CRASH_DEVICES (20)
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { after, test } = require('node:test');

const { EventLog } = require('../support/node/events');
const { Hub, ports } = require('../support/node/hub');
const { Random } = require('../support/node/random');
const { Rest } = require('../support/node/rest');
const { sleep } = require('../support/node/until');
const { Churn, Subject } = require('./load');

const from_environment = (name, otherwise) => Number(process.env[name] || otherwise);
const rounds = from_environment('TESTS_CRASH_ROUNDS', 50);
const seed = from_environment('TESTS_CRASH_SEED', crypto.randomInt(1, 2 ** 31));
const devices = from_environment('TESTS_CRASH_DEVICES', 20);
const load_ms = { min: 50, max: 900 };  // how long a hub lives under load
const startup_kill_share = 0.15;  // of the restarts are themselves killed, somewhere in their first milliseconds

const hub = new Hub();
after(() => hub.remove());

async function restart(random) {
  if (random.next() < startup_kill_share) {
    hub.spawn();
    await sleep(random.between(0, 120));
    await hub.kill();
  }
  await hub.start();
}

// One life of the hub under load, from ready to dead.
async function live_and_die(random, rest, subjects, churn) {
  let alive = true;
  const running = () => alive;
  const load = [
    ...subjects.map((subject) => subject.report_until_end(random)),
    ...subjects.map((subject) => subject.write_desired_until_end(rest, random, running)),
    ...subjects.map((subject) => subject.send_messages_until_end(rest, running)),
    churn.run_until_end(rest, running),
  ];
  // Only the kill may end the load: a connection that the living hub drops is an error.
  const dropped = Promise.race(load).then(() => assert.equal(alive, false, 'the hub dropped a client, or died by itself'));
  await Promise.race([sleep(random.between(load_ms.min, load_ms.max)), dropped]);
  alive = false;
  await hub.kill();
  await Promise.all([...load, dropped]);
}

async function new_subject({ address }, rest, id) {
  const created = await rest.create_device(id);
  assert.equal(created.status, 200, created.text);
  const subject = new Subject(address, created.json);
  await subject.connect();
  return subject;
}

async function check_telemetry(events, subjects) {
  const numbers = new Map(subjects.map(({ id }) => [id, []]));
  for (const { source, device, body } of await events.read()) {
    if (source === 'telemetry') numbers.get(device).push(JSON.parse(body).number);
  }
  for (const subject of subjects) subject.check_telemetry(numbers.get(subject.id));
}

const total = (subjects, what) => subjects.reduce((sum, subject) => sum + subject.counts[what], 0);

test(`nothing acknowledged is lost in ${rounds} kills (TESTS_CRASH_SEED=${seed})`, async (t) => {
  const random = new Random(seed);
  await hub.start();
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  const events = new EventLog(hub);
  const subjects = [];
  for (let n = 0; n < devices; n += 1) subjects.push(await new_subject(hub, rest, `device-${n}`));

  const churn = new Churn();
  for (let round = 1; round <= rounds; round += 1) {
    // A newcomer's first SUBACK is as young as can be when the hub dies.
    const newcomer = await new_subject(hub, rest, `newcomer-${round}`);
    const all = [...subjects, newcomer];
    await live_and_die(random, rest, all, churn);
    rest.close();
    await restart(random);
    await check_telemetry(events, all);
    await Promise.all(all.map((subject) => subject.check(rest)));
    await churn.check(rest);
    newcomer.client.destroy();
  }
  const counted = ['reported', 'desired', 'telemetry', 'deltas', 'messages'].map((what) => `${total(subjects, what)} ${what}`).join(', ');
  t.diagnostic(`seed ${seed}: ${rounds} kills, acknowledged and found again: ${counted}; ${churn.serial} identities came`);
  for (const what of ['reported', 'desired', 'deltas', 'telemetry', 'messages']) assert.ok(total(subjects, what) >= rounds, `hardly any load: ${counted}`);
  for (const subject of subjects) subject.client.destroy();
  rest.close();
  await hub.stop();
});
