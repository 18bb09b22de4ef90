// What two readers of HTTP could understand differently, over TLS and on the operations port; and who may read there.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { after, before, test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { tcp } = require('./strangers');

let hub;
before(async () => { hub = await new Hub().start(); });
after(() => hub.remove());

// All that comes until the hub ends the connection.
async function whole_answer(port, bytes) {
  const socket = await tcp(hub.address, port);
  let text = '';
  socket.on('data', (chunk) => { text += chunk; });
  socket.end(bytes);
  await once(socket, 'close');
  return text;
}
const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
const second = () => `GET /healthz HTTP/1.1\r\nHost: ${hub.address}\r\n\r\n`;

for (const [name, port] of [['the service door', ports.http], ['the operations port', ports.ops]]) {
  for (const [coding, status] of [['identity', 400], ['xchunked', 400], ['gzip', 400], ['chunked, identity', 400], ['gzip, chunked', 501]]) {
    test(`${name}: Transfer-Encoding: ${coding} gets ${status}, and its body is no request`, async () => {
      const text = await whole_answer(port, `GET /healthz HTTP/1.1\r\nHost: ${hub.address}\r\nTransfer-Encoding: ${coding}\r\n\r\n${second()}`);
      assert.deepEqual(statuses(text), [status]);
    });
  }
}

for (const [name, port] of [['the service door', ports.http], ['the operations port', ports.ops]]) {
  test(`${name}: an empty line before a request is passed over, between two as well`, async () => {
    const alone = statuses(await whole_answer(port, second()));
    assert.deepEqual(statuses(await whole_answer(port, `\r\n${second()}\r\n${second()}`)), [...alone, ...alone]);
  });
  for (const [what, bytes] of [['NUL bytes', '\0\0\0\r\n\r\n'], ['a ClientHello', '\x16\x03\x01\x02\x00\x01'], ['no version', 'GET /\r\n\r\n'], ['line feeds', '\n\n\n']]) {
    test(`${name}: ${what} get 400, and nothing behind them is read`, async () => {
      assert.deepEqual(statuses(await whole_answer(port, bytes + second())), [400]);
    });
  }
}
// Every door reads heads by the same rule: each kind of request at each of them.
const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: mqtt'];
for (const [name, port, target, headers] of [
  ['the service door', ports.http, '/devices/a?api-version=2021-04-12', []],
  ['the management plane', ports.http, '/metadata/endpoints?api-version=2022-09-01', []],
  ['a WebSocket', ports.http, '/$iothub/websocket', upgrade],
  ['the operations port', ports.ops, '/healthz', []],
  ['the console', ports.ops, '/console/api/session', []],
]) {
  const request = (...lines) => `${[`GET ${target} HTTP/1.1`, ...lines, ...headers].join('\r\n')}\r\n\r\n`;
  test(`${name}: two Authorizations, a Host that is none and a folded line get 400`, async () => {
    assert.notEqual(statuses(await whole_answer(port, request(`Host: ${hub.address}`, 'Authorization: a')))[0], 400, 'one is fine');
    for (const lines of [
      [`Host: ${hub.address}`, 'Authorization: a', 'Authorization: a'],
      [`Host: ${hub.address}`, 'Authorization: a', 'Authorization: b'],
      [`Host: user@${hub.address}`],
      [`Host: ${hub.address}/x`],
      [`Host: ${hub.address} x`],
      [`Host: h\u00fcb.local`],
      [`Host: ${hub.address}:44x`],
      [`Host: ${hub.address}`, 'X: a\r\n b'],
      [`Host: ${hub.address}`, 'X: a\r\n\tb'],
    ]) assert.deepEqual(statuses(await whole_answer(port, request(...lines))), [400], lines.join(', '));
  });
}

test('the operations port: a header that is too large gets 431', async () => {
  assert.deepEqual(statuses(await whole_answer(ports.ops, `GET /healthz HTTP/1.1\r\nHost: ${hub.address}\r\nX: ${'x'.repeat(9000)}\r\n\r\n`)), [431]);
});

test('the operations port: HEAD has no body, and the next answer follows', async () => {
  const text = await whole_answer(ports.ops, `HEAD /healthz HTTP/1.1\r\nHost: ${hub.address}\r\n\r\n${second()}`);
  assert.deepEqual(statuses(text), [200, 200]);
  assert.equal(text.match(/alive\n/g).length, 1);
});

test('the operations port: a name that is not the hub\'s gets 421, a page of another site 403', async () => {
  const get = (path, host, ...headers) => `${[`GET ${path} HTTP/1.1`, `Host: ${host}`, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`;
  for (const path of ['/events', '/metrics', '/healthz']) {
    assert.deepEqual(statuses(await whole_answer(ports.ops, get(path, 'rebound.example:9600'))), [421], path);
    assert.deepEqual(statuses(await whole_answer(ports.ops, get(path, hub.address, 'Sec-Fetch-Site: cross-site'))), [403], path);
    assert.deepEqual(statuses(await whole_answer(ports.ops, get(path, hub.address, 'Origin: https://evil.example'))), [403], path);
  }
  for (const host of [hub.address, `${hub.address}:9600`, 'localhost', '[::1]:9600']) {
    assert.deepEqual(statuses(await whole_answer(ports.ops, get('/healthz', host))), [200], host);
  }
});
