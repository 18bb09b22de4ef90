// With every place taken by strangers, who is known is served: the oldest stranger makes room for the newest connection.
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');
const { open_all, tcp } = require('./strangers');

const places = 60;
const requests = 70;
let hub;
let rest;
let device;

before(async () => {
  hub = await new Hub({ env: { TWINHUB_ADMISSION_CONNECTIONS_MAX: String(places) } }).start();
  rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  const { json } = await rest.create_device('d');
  device = { host: hub.address, id: 'd', key: json.authentication.symmetricKey.primaryKey, port: ports.mqtt };
});
after(() => {
  rest.close();
  hub.remove();
});

const refused = async () => {
  const page = await fetch(`http://${hub.address}:${ports.ops}/metrics`).then((answer) => answer.text());
  return [...page.matchAll(/^twinhub_connections_refused_total\{.*\} (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
};

for (const [name, port] of [['back ends', ports.http], ['devices', ports.mqtts]]) {
  test(`every place taken at the ${name}' port: a back end and a device are served`, async (t) => {
    const client = new MqttClient(device);
    await client.connect();
    await client.subscribe(topics.response);
    const before_ = await refused();
    const strangers = await open_all(places * 3, (from) => tcp(hub.address, port, from), ['127.0.0.1', '127.0.0.2', '127.0.0.3']);
    let answered = 0;
    for (let n = 0; n < requests; n += 1) {
      const fresh = new Rest(hub.connection_string(), { plain_port: ports.http });  // a connection of its own
      if ((await fresh.get('/devices/d')).status === 200) answered += 1;
      fresh.close();
    }
    const second = new MqttClient(device);
    assert.equal((await second.connect()).return_code, 0, 'a new connection of a known device');
    await second.subscribe(topics.response);
    assert.ok((await second.get_twin()).desired, 'its twin');
    assert.equal(answered, requests);
    assert.ok(await refused() >= before_ + places, 'counted');
    await until('the line of the log', () => /refused: unknown peer, 127\.0\.0\.\d/.test(hub.log));
    for (const socket of strangers) socket.destroy();
    second.destroy();
    client.destroy();
    t.diagnostic(`${answered} of ${requests} requests answered`);
  });
}

test('strangers of one address take no more than its share: another address keeps its own', async (t) => {
  const share = 20;
  const shared = await new Hub({ env: { TWINHUB_ADMISSION_STRANGERS_PER_ADDRESS_MAX: String(share) } }).start();
  t.after(() => shared.remove());
  const open = async (count, from) => {
    const sockets = await open_all(count, (address) => tcp(shared.address, ports.mqtts, address), [from]);
    return sockets.map((socket) => socket.resume());  // the hub's end is seen by who reads
  };
  const ended = (sockets) => sockets.filter((socket) => socket.readableEnded || socket.destroyed).length;
  const others = await open(5, '127.0.0.77');  // the oldest of all
  const strangers = await open(3 * share, '127.0.0.78');
  await until('those past the share have ended', () => ended(strangers) === 2 * share);
  assert.equal(ended(others), 0);
  for (const socket of [...others, ...strangers]) socket.destroy();
});
