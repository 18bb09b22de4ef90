// A crowd of readers of events, as many as a partition and its consumer groups take, on a few connections: half of them read, half
// give no credit until later. Each gets every event of its partition, in order and once; memory stays bounded, others are served.
//   TESTS_STORM_RECEIVERS (1000; rounded to whole groups of twenty)   TESTS_STORM_TELEMETRY (200 messages)
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { AmqpPeer, data, from } = require('../support/node/amqp_peer');
const { ports } = require('../support/node/hub');
const { parse_connection_string, sas_token } = require('../support/node/sas');
const { until } = require('../support/node/until');
const { Bystander, Storm, from_environment, in_parallel, mib, shown } = require('./storm');

const partitions = 4;
const seats = 5;  // of a group and partition
const groups = Array.from({ length: Math.ceil(from_environment('RECEIVERS', 1000) / (partitions * seats)) }, (_, n) => `crowd-${n}`);
const receivers_in_all = groups.length * partitions * seats;
const telemetry = from_environment('TELEMETRY', 200);
const devices = 8;
const groups_of_a_connection = 5;
const receiver_kib_max = 12;  // a link, its terms and what it has not settled
const shared_mib_max = 32;    // events in memory for all readers: 16, and what the allocator and the store keep beside
const patience_ms = 120_000;

test(`${receivers_in_all} readers of events, half of them without credit, each get everything once`, async (t) => {
  const storm = await Storm.start({ flags: ['--amqp-port', ports.amqp, ...groups.flatMap((name) => ['--consumer-group', name])] });
  t.after(() => storm.end());
  const bystander = await Bystander.start(storm);
  t.after(() => bystander.end());
  const { hub } = storm;
  const policy = parse_connection_string(hub.connection_string());
  const token = () => sas_token({ resource: hub.address, key: policy.SharedAccessKey, policy: policy.SharedAccessKeyName });

  const identities = await storm.devices(devices);
  const senders = await in_parallel(identities, devices, async ({ id, key }) => {
    const resource = `${hub.address}/devices/${id}`;
    const peer = await new AmqpPeer(hub.address).authenticate(resource, sas_token({ resource, key }));
    return { peer, id, link: await peer.open_sender(`devices/${id}/messages/events`) };
  });
  const before = { rss: hub.rss_kib(), reads: await bystander.window() };

  const peers = [];
  const receivers = [];  // { link, partition, bodies, reads }
  for (let first = 0; first < groups.length; first += groups_of_a_connection) {
    const peer = await new AmqpPeer(hub.address).authenticate(hub.address, token());
    peers.push(peer);
    const wanted = groups.slice(first, first + groups_of_a_connection).flatMap((group) => (
      Array.from({ length: partitions * seats }, (_, n) => ({ group, partition: n % partitions, reads: n % 2 === Math.floor(n / partitions) % 2 }))));
    receivers.push(...await in_parallel(wanted, wanted.length, async ({ group, partition, reads }) => {
      const source = { address: `${hub.address}/ConsumerGroups/${group}/Partitions/${partition}`, ...from("x-opt-offset > '-1'") };
      const link = await peer.attached(peer.connection.open_receiver({ source, autoaccept: true, credit_window: 0 }), `${group} ${partition}`);
      const receiver = { link, partition, reads, bodies: [] };
      link.on('message', ({ message }) => {
        receiver.bodies.push(message.body.content.toString());
        if (receiver.bodies.length % 10 === 0) link.add_credit(10);
      });
      if (reads) link.add_credit(20);
      return receiver;
    }));
  }
  assert.equal(receivers.length, receivers_in_all);
  const attached = hub.rss_kib();

  await in_parallel(senders, devices, async ({ peer, id, link }) => {
    for (let n = 0; n < telemetry / devices; n += 1) {
      assert.equal(await peer.send(link, { body: data(JSON.stringify({ id, n })) }), true);
    }
  });
  const all_of = (reads) => receivers.filter((receiver) => receiver.reads === reads);
  const expected = Math.floor(telemetry / devices) * devices;
  // The four partitions hold everything between them; one reader of each says what is where.
  const complete = (some) => {
    const firsts = Array.from({ length: partitions }, (_, n) => some.find(({ partition }) => partition === n).bodies);
    return firsts.reduce((sum, { length }) => sum + length, 0) === expected
      && some.every(({ partition, bodies }) => bodies.length === firsts[partition].length);
  };
  await until('those that read have everything', () => complete(all_of(true)), { timeout_ms: patience_ms });
  for (const { bodies } of all_of(false)) assert.equal(bodies.length, 0, 'an event without credit');
  const waiting = hub.rss_kib();
  const during = await bystander.window();
  for (const { link } of all_of(false)) link.add_credit(20);
  await until('the others have everything, too', () => complete(all_of(false)), { timeout_ms: patience_ms });

  for (const { partition, bodies } of receivers) assert.deepEqual(bodies, receivers.find((one) => one.partition === partition).bodies);
  for (const { id } of identities) {
    const numbers = receivers.slice(0, partitions).flatMap(({ bodies }) => bodies.map((body) => JSON.parse(body))).filter((body) => body.id === id);
    assert.deepEqual(numbers.map(({ n }) => n), Array.from({ length: Math.floor(telemetry / devices) }, (_, n) => n), 'in order, once');
  }
  const grown_kib = Math.max(attached, waiting, hub.rss_kib()) - before.rss;
  t.diagnostic(`${receivers_in_all} readers: RSS ${mib(before.rss)}, attached ${mib(attached)}, half of them waiting ${mib(waiting)}, in the end ${mib(hub.rss_kib())}`);
  t.diagnostic(`bystander before: ${shown(before.reads)}; meanwhile: ${shown(during)}`);
  assert.ok(grown_kib <= receivers_in_all * receiver_kib_max + shared_mib_max * 1024, `${mib(grown_kib)} for ${receivers_in_all} readers`);
  for (const { peer } of senders) peer.close();
  for (const peer of peers) peer.close();
  await hub.stop();
});
