// Peers that have proved nothing, many at a time, each kind in its own way. All of it on loopback, bounded in count.
'use strict';

const crypto = require('node:crypto');
const { once } = require('node:events');
const { duplexPair } = require('node:stream');
const net = require('node:net');
const tls = require('node:tls');

const { ports } = require('../support/node/hub');

// Opens one connection and leaves it. `from` is its source address: all of 127.0.0.0/8 is this machine.
async function tcp(host, port, from) {
  const socket = net.connect({ host, port, localAddress: from });
  socket.on('error', () => {});
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  return socket;
}

async function with_tls_on(raw, version = 'TLSv1.3') {
  const socket = tls.connect({ socket: raw, rejectUnauthorized: false, minVersion: version, maxVersion: version });
  socket.on('error', () => {});
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]);
  return socket;
}

const secure = async (host, port, from) => with_tls_on(await tcp(host, port, from));

// Sends `bytes`; settles when the kernel has them, or the hub has ended the connection.
function sent(socket, bytes) {
  return new Promise((resolve) => {
    socket.once('close', resolve);
    socket.write(bytes, resolve);
  });
}

// Settles with the first bytes of an answer, or at the connection's end.
async function answer(socket) {
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
}

// type 22, TLS 1.0 as legacy version, a record of `announced` bytes of which `there` come
function client_hello(announced, there) {
  const record = Buffer.concat([Buffer.from([22, 3, 1, announced >> 8, announced & 255, 1, 0, 0, 0]), crypto.randomBytes(there)]);
  record.writeUIntBE(announced - 4, 6, 3);
  return record;
}

// A CONNECT that announces 97,000 bytes: no hub takes more than 96 KiB.
function part_of_connect(bytes) {
  const start = Buffer.from([0x10, 0xe8, 0xf5, 0x05, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0xc2, 0, 60, 0xff, 0xff]);
  return Buffer.concat([start, Buffer.alloc(bytes, 'x')]);
}

// One final frame of a client, masked with zeros, of `payload`.
function web_socket_frame(payload, opcode = 2) {
  if (payload.length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
  const head = Buffer.alloc(14);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

const request = (line, ...headers) => `${[line, 'Host: hub', ...headers].join('\r\n')}\r\n\r\n`;
const put = (header) => request('PUT /devices/d?api-version=2021-04-12 HTTP/1.1', header);
const upgrade = request('GET /$iothub/websocket?iothub-no-client-cert=true HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket',
  'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==', 'Sec-WebSocket-Protocol: mqtt');

// AMQP 1.0: a string, a frame of these encoded fields, and what a client says before it has shown a token.
const amqp_string = (text) => Buffer.from([0xa1, text.length, ...Buffer.from(text)]);
const terminus = (code, ...fields) => Buffer.from([0, 0x53, code, 0xc0, Buffer.concat(fields).length + 1, fields.length, ...Buffer.concat(fields)]);
function amqp_frame(code, ...fields) {
  const list = Buffer.concat(fields.map((field) => Buffer.from(field)));
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, 2, 0, 0, 0, 0, 0x53, code, 0xc0, list.length + 1, fields.length]), list]);
  frame.writeUInt32BE(frame.length);
  return frame;
}
const amqp_header = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1');
const amqp_open = Buffer.concat([amqp_header, amqp_frame(0x10, amqp_string('c'), amqp_string('hub')), amqp_frame(0x11, [0x40], [0x43], [0x52, 100], [0x52, 100])]);
const amqp_attach = (name, handle, role) => amqp_frame(0x12, amqp_string(name), [0x52, handle], [role], [0x40], [0x40],
  terminus(0x28, amqp_string('$cbs')), terminus(0x29, amqp_string('$cbs')), [0x40], [0x40], [0x43]);
const amqp_links = Buffer.concat([amqp_open, amqp_attach('requests', 0, 0x42), amqp_attach('replies', 1, 0x41)]);
// 60,000 bytes of a frame that announces 65,000.
const part_of_amqp_frame = Buffer.concat([amqp_open, Buffer.from([0, 0, 0xfd, 0xe8, 2, 0, 0, 0]), Buffer.alloc(60_000, 'x')]);

async function with_bytes(socket, ...pieces) {
  for (const piece of pieces) await sent(socket, piece);
  return socket;
}
// A stranger whose handshake is over, and half a record of the largest size: OpenSSL would keep a buffer for the whole of it. Of TLS 1.2,
// where the hub ends the handshake: with 1.3 the client is done before the hub is.
async function with_half_a_record(host, port, from) {
  const raw = await tcp(host, port, from);
  await with_tls_on(raw, 'TLSv1.2');
  return with_bytes(raw, Buffer.concat([Buffer.from([23, 3, 3, 0x40, 0]), crypto.randomBytes(8_000)]));
}
// A TLS client of which nothing but the ClientHello reaches the hub. Of one address 72 handshakes are under way (56 KiB are counted for each),
// the others wait for their turn (16 KiB): 23 KiB for each of 400.
async function with_half_a_handshake(host, port, from) {
  const raw = await tcp(host, port, from);
  const [near, far] = duplexPair();
  const client = tls.connect({ socket: near, rejectUnauthorized: false });
  client.on('error', () => {});
  const [hello] = await once(far, 'data');
  return with_bytes(raw, hello);
}
async function with_answer(socket, bytes) {
  socket.write(bytes);
  await answer(socket);
  return socket;
}

const web_socket = async (host, from) => with_answer(await secure(host, ports.https, from), upgrade);

// What one may cost, in KiB.
const own = 16;
// AMQP's engine takes 26 of its own as soon as a peer has sent something, a session with two links some more.
const with_amqp = 48;
const with_amqp_links = 64;

// name: { open(host, from) -> socket, kib: what each may cost, counts: KiB that the hub counts for each that it holds, once all is there }
const kinds = {
  'TCP without a byte on 8883': { kib: own, open: (host, from) => tcp(host, ports.mqtts, from) },
  'TCP without a byte on 443': { kib: own, open: (host, from) => tcp(host, ports.https, from) },
  'half a ClientHello on 8883': { kib: own, open: async (host, from) => with_bytes(await tcp(host, ports.mqtts, from), client_hello(8000, 7000)) },
  'half a ClientHello on 443': { kib: own, open: async (host, from) => with_bytes(await tcp(host, ports.https, from), client_hello(8000, 7000)) },
  '16 KB of a ClientHello': { kib: own, open: async (host, from) => with_bytes(await tcp(host, ports.mqtts, from), client_hello(16384, 16000)) },
  'TLS without CONNECT': { kib: own, open: (host, from) => secure(host, ports.mqtts, from) },
  'TLS without a request': { kib: own, open: (host, from) => secure(host, ports.https, from) },
  'a WebSocket without CONNECT': { kib: own, open: (host, from) => web_socket(host, from) },
  'a WebSocket and half a frame\'s head': { kib: own, open: async (host, from) => with_bytes(await web_socket(host, from), web_socket_frame(part_of_connect(200)).subarray(0, 5)) },
  'a WebSocket and a ping': { kib: own, open: async (host, from) => with_answer(await web_socket(host, from), web_socket_frame(Buffer.alloc(100), 9)) },
  'a WebSocket and half a ping': { kib: own, open: async (host, from) => with_bytes(await web_socket(host, from), web_socket_frame(Buffer.alloc(125), 9).subarray(0, 120)) },
  'a WebSocket for AMQP without a byte': { kib: own, open: async (host, from) => with_answer(await secure(host, ports.https, from), upgrade.replace('Protocol: mqtt', 'Protocol: AMQPWSB10')) },
  'a handshake left after the ClientHello': { kib: own, counts: 23, open: (host, from) => with_half_a_handshake(host, ports.mqtts, from) },
  'a handshake left after the ClientHello, on 443': { kib: own, counts: 23, open: (host, from) => with_half_a_handshake(host, ports.https, from) },
  '95 KB of a CONNECT': { kib: own, counts: 56 + 92, open: async (host, from) => with_bytes(await secure(host, ports.mqtts, from), part_of_connect(95_000)) },
  '95 KB of a CONNECT over WebSocket': {
    kib: own, counts: 56 + 92,
    open: async (host, from) => with_bytes(await web_socket(host, from), web_socket_frame(part_of_connect(95_000))),
  },
  '32 KB of headers': { kib: own, open: async (host, from) => with_bytes(await secure(host, ports.https, from), `GET /x HTTP/1.1\r\nX: ${'x'.repeat(32_000)}`) },
  'half a TLS record after the handshake': { kib: own, open: (host, from) => with_half_a_record(host, ports.mqtts, from) },
  'half a TLS record after the handshake, on 443': { kib: own, open: (host, from) => with_half_a_record(host, ports.https, from) },
  '4 KB of headers': { kib: own, counts: 56 + 3.9, open: async (host, from) => with_bytes(await secure(host, ports.https, from), `GET /x HTTP/1.1\r\nX: ${'x'.repeat(4_000)}`) },
  'idle after a 401': { kib: own, open: async (host, from) => with_answer(await secure(host, ports.https, from), request('GET /devices/d?api-version=2021-04-12 HTTP/1.1')) },
  'AMQP over TLS without a byte': { kib: own, open: (host, from) => secure(host, ports.amqps, from) },
  'AMQP over TLS, a header': { kib: with_amqp, counts: 56 + 28, open: async (host, from) => with_answer(await secure(host, ports.amqps, from), amqp_header) },
  'AMQP over TLS, links of $cbs': { kib: with_amqp_links, counts: 56 + 40, open: async (host, from) => with_answer(await secure(host, ports.amqps, from), amqp_links) },
  '60 KB of an AMQP frame': { kib: with_amqp_links, open: async (host, from) => with_bytes(await secure(host, ports.amqps, from), part_of_amqp_frame) },
  'a body of 1 MB without Authorization': {
    kib: own, open: async (host, from) => with_bytes(await tcp(host, ports.http, from), put('Content-Length: 1000000'), Buffer.alloc(900_000)),
  },
  'a chunk of 1 MB without Authorization': {
    kib: own, open: async (host, from) => with_bytes(await tcp(host, ports.http, from), put('Transfer-Encoding: chunked'), 'f4240\r\n', Buffer.alloc(900_000)),
  },
};

// Opens `count` of them, 40 at a time, from `addresses` in turn.
async function open_all(count, open, addresses = ['127.0.0.1']) {
  const sockets = [];
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(40, count - sockets.length) }, (_, n) => open(addresses[(sockets.length + n) % addresses.length]));
    sockets.push(...await Promise.all(batch));
  }
  for (const socket of sockets) socket.resume();
  return sockets;
}

module.exports = { client_hello, kinds, open_all, sent, tcp };
