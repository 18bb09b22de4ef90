// What devices write reaches brokers and web servers whatever bytes it is made of; and one event that the other side
// cannot take stops neither the others nor, in the end, its own partition.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');

const { until } = require('../support/node/until');
const { Broker, Subscriber } = require('./broker');
const { connect, create_device, hub_with, metric, rest_of } = require('./world');

const encode = (bytes) => [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

// Mostly what is nearly UTF-8: random bytes alone seldom are.
const pieces = [[0], [1], [0x1b], [0x1f], [0x7f], [0xc2, 0x80], [0xc2, 0x9f], [0xef, 0xbf, 0xbf], [0xef, 0xbf, 0xbe], [0xef, 0xb7, 0x90],
  [0xf0, 0x9f, 0xbf, 0xbf], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xe2, 0x82], [0xff], [0x2f], [0x24], [0x2b], [0x23], [0x0d, 0x0a],
  [0xc3, 0xa9], [0xf0, 0x9f, 0x98, 0x80], [0x61], [0x62]];
function odd_bytes(bytes_max) {
  const bytes = [];
  const wanted = crypto.randomInt(0, bytes_max);
  while (bytes.length < wanted) {
    bytes.push(...(crypto.randomInt(4) ? pieces[crypto.randomInt(pieces.length)] : [crypto.randomInt(256)]));
  }
  return encode(bytes);
}

test('a strict broker takes every event of devices that send any bytes, on one connection', async (t) => {
  const broker = await new Broker().start();
  const subscriber = await new Subscriber(broker).ready();
  const endpoint = (name, more) => `
[[endpoints]]
name = "${name}"
type = "mqtt"
url = "${broker.url}"
topic = "${name}/{deviceId}/{opType}/{channel}"
retry_seconds_max = 1
${more}
[[routes]]
name = "${name}"
source = "DeviceMessages"
endpoints = "${name}"
`;
  const hub = await hub_with(`${endpoint('plain', '')}${endpoint('envelope', 'format = "envelope"')}
[[enrichments]]
key = "said"
value = "$twin.properties.reported.said"
endpoints = ["plain", "envelope"]
`).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const wanted = new Set();
  const poison = ['%00', '%01', '%1F', '%7F', '%C2%80', '%C2%9F', '%EF%BF%BF', '%ED%A0%80', '%FF'];
  for (const id of ['a', 'b', 'c', 'd$SYS']) {
    const client = await connect(await create_device(hub, rest, id));
    await client.subscribe('$iothub/twin/res/#');
    assert.equal((await client.patch_reported({ said: 'x\u0001\u0000\u009b\uffff' })).status, 204);
    const sent = [];
    const send = (bag) => {
      const n = `${id}-${wanted.size}`;
      wanted.add(n);
      sent.push(client.publish(`devices/${id}/messages/events/${bag}`, n, 1));
    };
    for (const bytes of poison) {
      for (const bag of [`k=a${bytes}b`, `k${bytes}=v`, `$.mid=${bytes}`, `$.ct=text${bytes}`, `$.cid=a${bytes}`, `opType=${bytes}`]) send(bag);
    }
    send('opType=a%2F..%2Fforged');
    for (let i = 0; i < 80; i += 1) {
      send(`x${odd_bytes(40)}=${odd_bytes(60)}&$.mid=${odd_bytes(30)}&$.ct=${odd_bytes(30)}&$.cid=${odd_bytes(30)}&opType=${odd_bytes(20)}`);
    }
    await Promise.all(sent);
    client.destroy();
  }
  const of = (name) => subscriber.messages.filter(({ topic }) => topic.startsWith(`${name}/`));
  await until('every event', () => of('plain').length >= wanted.size && of('envelope').length >= wanted.size, { timeout_ms: 60_000 });
  assert.deepEqual(new Set(of('plain').map(({ payload }) => payload)), wanted);
  assert.deepEqual(new Set(of('envelope').map(({ payload }) => JSON.parse(payload).body)), wanted);
  for (const { topic } of subscriber.messages) assert.match(topic, /^(plain|envelope)\/(a|b|c|d%24SYS)\/\/messages\/events$/);
  assert.ok(of('plain').every(({ user }) => user.said === 'x\ufffd\ufffd\ufffd\ufffd'));
  for (const name of ['plain', 'envelope']) {
    assert.equal(await metric(hub, `twinhub_endpoint_failed_attempts_total{endpoint="${name}"}`), 0);
    assert.equal(await metric(hub, `twinhub_endpoint_refused_total{endpoint="${name}"}`), 0);
  }
  rest.close();
  await hub.stop();
});

test('a broker that never takes what one device sends gets everything else; the device is named in the log', async (t) => {
  const broker = new Broker({ config: ['acl_file ACL'] });
  const acl = path.join(broker.folder, 'acl');
  fs.writeFileSync(acl, 'topic read #\ntopic write allowed/#\n');
  const conf = path.join(broker.folder, 'mosquitto.conf');
  fs.writeFileSync(conf, fs.readFileSync(conf, 'utf8').replace('acl_file ACL', `acl_file ${acl}`));
  await broker.start();
  const subscriber = await new Subscriber(broker).ready();
  const hub = await hub_with(`
[[endpoints]]
name = "mosquitto"
type = "mqtt"
url = "${broker.url}"
topic = "{deviceId}/x"
retry_seconds_max = 1

[[routes]]
name = "telemetry"
source = "DeviceMessages"
endpoints = "mosquitto"
`).start();
  t.after(() => { subscriber.end(); hub.remove(); broker.remove(); });
  const rest = rest_of(hub);
  const allowed = await connect(await create_device(hub, rest, 'allowed'));
  const denied = await connect(await create_device(hub, rest, 'denied'));
  for (let n = 0; n < 20; n += 1) {
    if (n === 7) await denied.publish('devices/denied/messages/events/', 'never', 1);
    await allowed.publish('devices/allowed/messages/events/', String(n), 1);
  }
  // What was in flight beside the one that fails comes again: at least once, in order by first arrival.
  const arrived = () => [...new Set(subscriber.messages.map(({ payload }) => Number(payload)))];
  await until('all that may pass', () => arrived().length >= 20, { timeout_ms: 60_000 });
  let more = 20;
  await until('the one that may not is refused', async () => {
    await allowed.publish('devices/allowed/messages/events/', String(more), 1);
    more += 1;
    return (await metric(hub, 'twinhub_endpoint_refused_total{endpoint="mosquitto"}')) === 1;
  }, { timeout_ms: 60_000, every_ms: 100 });
  await until('the rest', () => arrived().length >= more);
  assert.deepEqual(arrived(), [...Array(more).keys()]);
  await until('the line of the log', () => /event \d+ of partition \d+, of device 'denied', fails whenever it is sent/.test(hub.log));
  for (const client of [allowed, denied]) client.destroy();
  rest.close();
  await hub.stop();
});

// A web server; `decide` gives the status for the numbers of one request.
async function hook_with(decide) {
  const hook = { requests: 0, taken: [] };
  hook.server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const numbers = JSON.parse(Buffer.concat(chunks).toString()).map(({ data }) => Number(data.body));
      hook.requests += 1;
      const status = decide(numbers, hook.requests);
      if (status === 200) hook.taken.push(...numbers);
      response.writeHead(status).end();
    });
  });
  await new Promise((resolve) => { hook.server.listen(0, '127.0.0.1', resolve); });
  hook.stop = () => { hook.server.close(); hook.server.closeAllConnections(); };
  hook.toml = `
[[endpoints]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:${hook.server.address().port}/in?code=s3cret"
retry_seconds_max = 1

[[routes]]
name = "telemetry"
source = "DeviceMessages"
endpoints = "hook"
`;
  return hook;
}

async function send_numbers(hub, rest, ids, count) {
  const clients = [];
  for (const id of ids) clients.push({ id, client: await connect(await create_device(hub, rest, id)) });
  for (let n = 0; n < count; n += 1) {
    const { id, client } = clients[n % clients.length];
    await client.publish(`devices/${id}/messages/events/`, String(n), 1);
  }
  for (const { client } of clients) client.destroy();
}

test('an event that makes a webhook answer 500 is found, counted and skipped; its URL stays a secret', async (t) => {
  const poison = 33;
  const hook = await hook_with((numbers) => (numbers.includes(poison) ? 500 : 200));
  const hub = await hub_with(hook.toml).start();
  t.after(() => { hook.stop(); hub.remove(); });
  const rest = rest_of(hub);
  await send_numbers(hub, rest, ['a', 'b', 'c'], 90);
  await until('all but one', () => new Set(hook.taken).size === 89, { timeout_ms: 60_000 });
  await until('it is counted', async () => (await metric(hub, 'twinhub_endpoint_refused_total{endpoint="hook"}')) === 1,
    { timeout_ms: 60_000 });
  assert.ok(!hook.taken.includes(poison));
  await until('the line of the log', () => /event \d+ of partition \d+, of device 'a', fails whenever it is sent/.test(hub.log));
  assert.match(hub.log, /http:\/\/127\.0\.0\.1:\d+\/in answered 500/);
  assert.doesNotMatch(hub.log, /s3cret/);
  rest.close();
  await hub.stop();
});

test('a webhook that answers 500 to everything loses nothing, however long it takes', async (t) => {
  const hook = await hook_with((numbers, request) => (request <= 40 ? 500 : 200));
  const hub = await hub_with(hook.toml).start();
  t.after(() => { hook.stop(); hub.remove(); });
  const rest = rest_of(hub);
  await send_numbers(hub, rest, ['a', 'b', 'c'], 60);
  await until('everything', () => new Set(hook.taken).size === 60, { timeout_ms: 60_000 });
  assert.equal(await metric(hub, 'twinhub_endpoint_refused_total{endpoint="hook"}'), 0);
  rest.close();
  await hub.stop();
});
