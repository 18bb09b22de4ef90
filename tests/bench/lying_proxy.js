// Stands between a client and an MQTT server and changes what the server says, one packet at a time: a server whose every
// mistake is known.
'use strict';

const { once } = require('node:events');
const net = require('node:net');

// Whole control packets off the front of `bytes`, as they were: { packets, rest }.
function cut_packets(bytes) {
  const packets = [];
  for (;;) {
    let length = 0;
    let at = 1;
    let more = true;
    while (more && at < bytes.length) {
      length += (bytes[at] & 127) * 128 ** (at - 1);
      more = (bytes[at] & 128) !== 0;
      at += 1;
    }
    if (more || bytes.length < at + length) return { packets, rest: bytes };
    packets.push(bytes.subarray(0, at + length));
    bytes = bytes.subarray(at + length);
  }
}

// A PUBLISH at QoS 0 taken apart, null for other packets.
function read_publish(packet) {
  if (packet[0] !== 0x30) return null;
  let at = 1;
  while (packet[at] & 128) at += 1;
  at += 1;
  const topic_bytes = packet.readUInt16BE(at);
  return { topic: packet.toString('utf8', at + 2, at + 2 + topic_bytes), payload: packet.toString('utf8', at + 2 + topic_bytes) };
}

function make_publish({ topic, payload }) {
  const body = Buffer.concat([Buffer.alloc(2), Buffer.from(topic), Buffer.from(payload)]);
  body.writeUInt16BE(Buffer.byteLength(topic), 0);
  const length = [];
  let rest = body.length;
  do {
    length.push((rest % 128) | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([0x30, ...length]), body]);
}

class LyingProxy {
  // `lie(packet, socket)` -> the packets (an array) that go to the client in this one's place.
  static async start({ host, port, lie }) {
    const proxy = new LyingProxy();
    proxy.sockets = new Set();
    proxy.server = net.createServer((client) => {
      const server = net.connect(port, host);
      let rest = Buffer.alloc(0);
      const both = [client, server];
      both.forEach((socket, side) => {
        proxy.sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => {
          proxy.sockets.delete(socket);
          both[1 - side].end();
        });
      });
      client.on('data', (chunk) => server.write(chunk));
      server.on('data', (chunk) => {
        const cut = cut_packets(Buffer.concat([rest, chunk]));
        rest = cut.rest;
        const said = cut.packets.flatMap((packet) => lie(packet, client));
        if (said.length > 0 && client.writable) client.write(Buffer.concat(said));
      });
    });
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.address = `127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  end() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

module.exports = { LyingProxy, make_publish, read_publish };
