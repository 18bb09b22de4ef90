// A small MQTT 3.1.1 client for tests: it shows packets as they are and repairs nothing, where a library would reconnect,
// resubscribe and retry. Layouts: OASIS MQTT 3.1.1, sections 2 and 3.
'use strict';

const { EventEmitter } = require('node:events');
const net = require('node:net');
const tls = require('node:tls');

const { sas_token } = require('./sas');
const { within } = require('./until');

const type = { CONNECT: 1, CONNACK: 2, PUBLISH: 3, PUBACK: 4, SUBSCRIBE: 8, SUBACK: 9, PINGREQ: 12, PINGRESP: 13, DISCONNECT: 14 };

function text_field(text) {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function uint16(value) {
  return Buffer.from([value >> 8, value & 0xff]);
}

function control_packet(first_byte, ...parts) {
  const body = Buffer.concat(parts);
  const length = [];
  let rest = body.length;
  do {
    length.push((rest % 128) | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first_byte, ...length]), body]);
}

// Cuts complete control packets off the front of `bytes`: { packets: [{ first_byte, body }], rest }.
function split_packets(bytes) {
  const packets = [];
  for (;;) {
    let length = 0;
    let at = 1;
    let more = true;
    while (more && at <= 4 && at < bytes.length) {
      length += (bytes[at] & 127) * 128 ** (at - 1);
      more = (bytes[at] & 128) !== 0;
      at += 1;
    }
    if (more || bytes.length < at + length) return { packets, rest: bytes };
    packets.push({ first_byte: bytes[0], body: bytes.subarray(at, at + length) });
    bytes = bytes.subarray(at + length);
  }
}

function read_publish({ first_byte, body }) {
  const topic_bytes = body.readUInt16BE(0);
  const qos = (first_byte >> 1) & 3;
  const payload_at = 2 + topic_bytes + (qos ? 2 : 0);
  return {
    topic: body.toString('utf8', 2, 2 + topic_bytes), qos, dup: (first_byte >> 3) & 1, retain: first_byte & 1,
    packet_id: qos ? body.readUInt16BE(2 + topic_bytes) : 0, payload: body.toString('utf8', payload_at),
  };
}

// Events: 'message' {topic, payload, qos, dup, retain, packet_id}, 'close'.
class MqttClient extends EventEmitter {
  // `device`: { host, id, key }; plain TCP when `port` is not 8883. `secure_context` (tls.createSecureContext) is for many clients
  // of one process, and for processes without NODE_EXTRA_CA_CERTS.
  constructor({ host, id, key, port = 8883, secure_context }) {
    super();
    this.host = host;
    this.id = id;
    this.key = key;
    this.port = port;
    this.secure_context = secure_context;
    this.next_packet_id = 1;
    this.waiting = new Map();
    this.closed = false;
  }

  // -> { session_present, return_code }. Rejects when the connection ends without a CONNACK.
  async connect({ clean_session = false, keep_alive_s = 60, password, patience_ms } = {}) {
    this.socket = this.port === 8883
      ? tls.connect({ host: this.host, port: this.port, secureContext: this.secure_context }) : net.connect(this.port, this.host);
    this.socket.setNoDelay(true);
    let rest = Buffer.alloc(0);
    this.socket.on('data', (chunk) => {
      const split = split_packets(Buffer.concat([rest, chunk]));
      rest = split.rest;
      for (const packet of split.packets) this.receive(packet);
    });
    this.socket.on('error', () => {});  // 'close' follows and tells
    this.socket.on('close', () => this.end());
    const answer = this.expect('CONNACK');
    const token = password || sas_token({ resource: `${this.host}/devices/${this.id}`, key: this.key });
    this.write(control_packet(type.CONNECT << 4, text_field('MQTT'), Buffer.from([4, 0xc0 | (clean_session ? 2 : 0)]),
      uint16(keep_alive_s), text_field(this.id), text_field(`${this.host}/${this.id}/?api-version=2021-04-12`), text_field(token)));
    return within('CONNACK', answer, patience_ms);
  }

  // -> granted QoS or 0x80 per filter. A filter is a text (QoS 0) or [text, QoS].
  subscribe(...filters) {
    const packet_id = this.take_packet_id();
    const answer = this.expect(`SUBACK ${packet_id}`);
    this.write(control_packet((type.SUBSCRIBE << 4) | 2, uint16(packet_id),
      ...filters.flatMap((filter) => {
        const [text, qos] = [filter, 0].flat();
        return [text_field(text), Buffer.from([qos])];
      })));
    return within('SUBACK', answer);
  }

  // QoS 0: returns at once. QoS 1: settles with the PUBACK.
  publish(topic, payload, qos = 0) {
    if (qos === 0) {
      this.write(control_packet(type.PUBLISH << 4, text_field(topic), Buffer.from(payload)));
      return Promise.resolve();
    }
    const packet_id = this.take_packet_id();
    const answer = this.expect(`PUBACK ${packet_id}`);
    this.write(control_packet((type.PUBLISH << 4) | 2, text_field(topic), uint16(packet_id), Buffer.from(payload)));
    return answer;
  }

  // PUBACK of a message of QoS 1.
  acknowledge({ packet_id }) {
    this.write(control_packet(type.PUBACK << 4, uint16(packet_id)));
  }

  ping() {
    const answer = this.expect('PINGRESP');
    this.write(Buffer.from([type.PINGREQ << 4, 0]));
    return within('PINGRESP', answer);
  }

  // The first message from now on that `fits`.
  message(fits) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        this.removeListener('message', on_message);
        this.removeListener('close', on_close);
        settle(value);
      };
      const on_message = (message) => { if (fits(message)) done(resolve, message); };
      const on_close = () => done(reject, new Error(`${this.id}: connection closed`));
      this.on('message', on_message);
      this.on('close', on_close);
      if (this.closed) on_close();
    });
  }

  // A twin request and its answer: { status, version (reported, of a 204), body }.
  async twin_request(what, payload) {
    const rid = `r${this.take_packet_id()}`;
    const mine = new RegExp(`^\\$iothub/twin/res/(\\d{3})/\\?\\$rid=${rid}(?:&\\$version=(\\d+))?$`);
    const answer = this.message(({ topic }) => mine.test(topic));
    await this.publish(`$iothub/twin/${what}/?$rid=${rid}`, payload);
    const { topic, payload: body } = await within(`answer to ${what}`, answer);
    const [, status, version] = topic.match(mine);
    return { status: Number(status), version: version && Number(version), body };
  }

  async get_twin() {
    const { status, body } = await this.twin_request('GET', ' ');
    if (status !== 200) throw new Error(`${this.id}: twin GET answered ${status} ${body}`);
    return JSON.parse(body);
  }

  patch_reported(patch) {
    return this.twin_request('PATCH/properties/reported', JSON.stringify(patch));
  }

  disconnect() {
    this.write(Buffer.from([type.DISCONNECT << 4, 0]));
    this.socket.end();
  }

  destroy() {
    this.socket.destroy();
  }

  receive(packet) {
    const kind = packet.first_byte >> 4;
    if (kind === type.PUBLISH) this.emit('message', read_publish(packet));
    else if (kind === type.CONNACK) this.answer('CONNACK', { session_present: packet.body[0], return_code: packet.body[1] });
    else if (kind === type.SUBACK) this.answer(`SUBACK ${packet.body.readUInt16BE(0)}`, [...packet.body.subarray(2)]);
    else if (kind === type.PUBACK) this.answer(`PUBACK ${packet.body.readUInt16BE(0)}`);
    else if (kind === type.PINGRESP) this.answer('PINGRESP');
  }

  expect(name) {
    const answer = new Promise((resolve, reject) => this.waiting.set(name, { resolve, reject }));
    answer.catch(() => {});  // a caller that no longer waits is no unhandled rejection
    if (this.closed) this.end();
    return answer;
  }

  answer(name, value) {
    this.waiting.get(name)?.resolve(value);
    this.waiting.delete(name);
  }

  end() {
    this.closed = true;
    for (const [name, { reject }] of this.waiting) reject(new Error(`${this.id}: connection closed before ${name}`));
    this.waiting.clear();
    this.emit('close');
  }

  write(bytes) {
    if (!this.closed) this.socket.write(bytes);
  }

  take_packet_id() {
    const id = this.next_packet_id;
    this.next_packet_id = (id % 65535) + 1;
    return id;
  }
}

const topics = {
  response: '$iothub/twin/res/#',
  desired: '$iothub/twin/PATCH/properties/desired/#',
  methods: '$iothub/methods/POST/#',
};

module.exports = { MqttClient, topics };
