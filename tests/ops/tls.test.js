// The operations port with --ops-tls: the hub's certificate and nothing but TLS, for pages, streams, the console, a page that plays a device, and commands.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { after, before, test } = require('node:test');
const tls = require('node:tls');

const { Cli } = require('../support/node/cli');
const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { parse_connection_string } = require('../support/node/sas');
const { until } = require('../support/node/until');

let hub;
let cli;
let rest;
before(async () => {
  hub = await new Hub({ flags: ['--ops-tls'] }).start();
  cli = new Cli(hub);
  rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  assert.equal((await rest.create_device('d1')).status, 200);
});
after(async () => {
  rest.close();
  await hub.stop();
  hub.remove();
});

const where = (path, more = {}) => ({ host: hub.address, port: ports.ops, path, ca: fs.readFileSync(hub.ca_file), agent: false, ...more });

// -> { status, text }
function ask(path, { method = 'GET', body, headers = {}, module = https } = {}) {
  return new Promise((resolve, reject) => {
    const request = module.request(where(path, { method, headers }), (response) => {
      let text = '';
      response.on('data', (chunk) => { text += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const log_in = async (body) => ask('/console/api/session', { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });

test('pages are read by whoever trusts the CA', async () => {
  assert.equal((await ask('/readyz')).status, 200);
  assert.match((await ask('/metrics')).text, /^twinhub_build_info/m);
});

test('plain HTTP gets no answer, and the operator is told why', async () => {
  await assert.rejects(ask('/readyz', { module: http }));
  await until('the notice', async () => {
    const { notices } = JSON.parse((await ask('/connections?reason=not_tls')).text);
    return notices.some(({ stage }) => stage === 'tls');
  });
});

test('several requests of one connection are answered, the last one ends it', async () => {
  const socket = tls.connect({ host: hub.address, port: ports.ops, ca: fs.readFileSync(hub.ca_file) });
  await once(socket, 'secureConnect');
  let text = '';
  socket.on('data', (chunk) => { text += chunk; });
  socket.write(`GET /healthz HTTP/1.1\r\nHost: ${hub.address}\r\n\r\nGET /healthz HTTP/1.1\r\nHost: ${hub.address}\r\nConnection: close\r\n\r\n`);
  await once(socket, 'end');
  assert.equal(text.match(/HTTP\/1\.1 200/g).length, 2);
});

test('a stream of events shows telemetry', async () => {
  const response = await new Promise((resolve, reject) => {
    https.get(where('/events?device=d1&from=start'), resolve).on('error', reject);
  });
  let text = '';
  response.on('data', (chunk) => { text += chunk; });
  const key = (await rest.get('/devices/d1')).json.authentication.symmetricKey.primaryKey;
  const client = new MqttClient({ host: hub.address, id: 'd1', key, port: ports.mqtt });
  await client.connect();
  await client.publish('devices/d1/messages/events/', '{"over":"TLS"}', 1);
  client.disconnect();
  await until('the event', () => text.includes('TLS'));
  response.destroy();
});

test('a policy\'s key opens a session of the console', async () => {
  const { SharedAccessKey: key } = parse_connection_string(hub.connection_string());
  assert.equal((await log_in({ policy: 'iothubowner', key })).status, 201);
});

test('a page plays a device over the same TLS connection', async () => {
  const { token } = JSON.parse((await log_in({ dev: true })).text);
  const socket = tls.connect({ host: hub.address, port: ports.ops, ca: fs.readFileSync(hub.ca_file) });
  await once(socket, 'secureConnect');
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk) => { bytes = Buffer.concat([bytes, chunk]); });
  socket.write([
    'GET /console/api/device HTTP/1.1', `Host: ${hub.address}:${ports.ops}`, `Origin: https://${hub.address}:${ports.ops}`, 'Connection: Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${crypto.randomBytes(16).toString('base64')}`, `Sec-WebSocket-Protocol: mqtt, session.${token}`, '', '',
  ].join('\r\n'));
  await until('the answer', () => bytes.includes('\r\n\r\n'));
  assert.match(bytes.toString(), /^HTTP\/1\.1 101 /);
  // A CONNECT of nobody, in a frame whose mask is 0: the MQTT door refuses it in its own words.
  const field = (text) => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]);
  const body = Buffer.concat([field('MQTT'), Buffer.from([4, 2, 0, 60]), field('d1')]);
  const packet = Buffer.concat([Buffer.from([0x10, body.length]), body]);
  socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | packet.length, 0, 0, 0, 0]), packet]));
  await until('the CONNACK', () => /\r\n\r\n.*\x20\x02\x00[\x01-\x05]/s.test(bytes.toString('latin1')));
  socket.destroy();
});

test('commands find the port by the data folder, and trust its CA', async () => {
  cli.ok('health');
  cli.ok('device', 'why', 'd1');
  cli.ok('reload');
  const tail = cli.start_command('events', 'tail', '--device', 'd1', '--from', 'start', '--count', '1');
  assert.equal(await tail.ended, 0, tail.errors);
  assert.match(tail.lines.join('\n'), /d1/);
});
