// A reader of events before a log that is far deeper than what memory may hold for it: one that gives no credit, and one that stops
// reading its connection. Memory stays bounded, others are served, also on the same connection, and in the end everything has come.
//   TESTS_STORM_EVENTS (200000; 1000000 takes some minutes)
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { facing, load } = require('../bench/loader');
const { AmqpPeer, data, from } = require('../support/node/amqp_peer');
const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { parse_connection_string, sas_token } = require('../support/node/sas');
const { until } = require('../support/node/until');
const { from_environment, mib } = require('./storm');

const events = from_environment('EVENTS', 200_000);
const partitions = 4;
const devices = 40;
const under_way = 400;  // messages, while the log is filled
const patience_ms = 120_000 + events;
const stalled_mib_max = 32;  // events in memory for all readers: 16, of a connection: 1, and what the allocator keeps beside
const read_mib_max = stalled_mib_max + 80;  // the store's cache has 64 when all of the log was read

test(`a reader that is slow before ${events} events takes bounded memory and holds up nobody`, async (t) => {
  const hub = await new Hub({ flags: ['--amqp-port', ports.amqp] }).start();
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  t.after(() => { rest.close(); hub.remove(); });
  const filled = await load('telemetry', [...facing(hub), '--devices', devices, '--in-flight', under_way, '--operations', events, '--device-prefix', 'deep-']);
  assert.equal(filled.code, 0, filled.complaints);
  const policy = parse_connection_string(hub.connection_string());
  const back_end = () => new AmqpPeer(hub.address).authenticate(hub.address,
    sas_token({ resource: hub.address, key: policy.SharedAccessKey, policy: policy.SharedAccessKeyName }));
  assert.equal((await rest.create_device('d')).status, 200);
  const serve = async (peer) => {
    const sender = await peer.open_sender('messages/devicebound');
    assert.equal(await peer.send(sender, { to: '/devices/d/messages/devicebound', body: data('hello') }), true);
    sender.close();
  };
  // Reads every partition from the start; -> the receivers. `on_event` is called after each event.
  const read = async (peer, on_event) => {
    const receivers = [];
    for (let n = 0; n < partitions; n += 1) {
      const source = { address: `${hub.address}/ConsumerGroups/$Default/Partitions/${n}`, ...from("x-opt-offset > '-1'") };
      const receiver = await peer.attached(peer.connection.open_receiver({ source, autoaccept: true, credit_window: 0 }), `partition ${n}`);
      receiver.on('message', ({ message }) => on_event(n, Number(message.message_annotations['x-opt-sequence-number'])));
      receivers.push(receiver);
    }
    return receivers;
  };
  const before = hub.rss_kib();
  const grown_mib = () => (hub.rss_kib() - before) / 1024;

  const sparing = await back_end();
  let spared = 0;
  for (const receiver of await read(sparing, () => { spared += 1; })) receiver.add_credit(10);
  await until('what there is credit for has come', () => spared === partitions * 10, { timeout_ms: patience_ms });
  await serve(sparing);
  const without_credit = grown_mib();
  assert.ok(without_credit <= stalled_mib_max, `${without_credit} MiB for a reader without credit`);

  const stalled = await back_end();
  const { socket } = stalled.connection;
  const numbers = Array.from({ length: partitions }, () => []);
  let came = 0;
  const receivers = await read(stalled, (partition, number) => {
    numbers[partition].push(number);
    came += 1;
    if (came === 1) socket.pause();
  });
  let drained = 0;
  for (const receiver of receivers) {
    receiver.once('receiver_drained', () => { drained += 1; });
    receiver.drain = true;
    receiver.add_credit(2 * events);
  }
  let sent = -1;
  let looks = 0;
  await until('nothing more is sent', async () => {
    const now = (await hub.metrics()).twinhub_amqp_messages_sent_total;
    looks = came > 0 && now === sent ? looks + 1 : 0;
    sent = now;
    return looks === 5;
  }, { timeout_ms: patience_ms, every_ms: 100 });
  assert.ok(sent < events, 'the socket holds them all');
  const while_stalled = grown_mib();
  await serve(sparing);
  assert.ok(while_stalled <= stalled_mib_max, `${while_stalled} MiB for a reader that does not read`);

  let most = 0;
  socket.resume();
  await until('everything has come', () => {
    most = Math.max(most, grown_mib());
    return drained === partitions;
  }, { timeout_ms: patience_ms });
  t.diagnostic(`RSS ${mib(before)} with the log filled; grown by ${without_credit.toFixed(1)} MiB without credit, `
    + `${while_stalled.toFixed(1)} MiB stalled, ${most.toFixed(1)} MiB at most when everything is read`);
  assert.ok(most <= read_mib_max, `${most} MiB`);
  assert.ok(came >= events && came <= events + under_way, `${came} have come`);
  let passed_over = 0;  // connections that came and went are events, too, which routing does not show here
  for (const of_partition of numbers) {
    assert.ok(of_partition.every((number, i) => i === 0 || number > of_partition[i - 1]), 'in order');
    if (of_partition.length > 0) passed_over += of_partition.at(-1) - of_partition[0] + 1 - of_partition.length;
  }
  assert.ok(passed_over <= 2 * devices, `${passed_over} numbers are missing`);
  await serve(sparing);
  stalled.close();
  sparing.close();
  await hub.stop();
});
