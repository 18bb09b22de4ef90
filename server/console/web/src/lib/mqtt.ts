// MQTT 3.1.1 as far as a device of the console's needs it, as pure functions on bytes. Source: OASIS MQTT 3.1.1.

const utf8 = new TextEncoder();

function text(value: string): Uint8Array {
  const bytes = utf8.encode(value);
  return joined(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes);
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function packet(first: number, ...parts: Uint8Array[]): Uint8Array {
  const body = joined(...parts);
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return joined(Uint8Array.of(first, ...length), body);
}

const two = (value: number) => Uint8Array.of(value >> 8, value & 0xff);

export function connect(client: string, user: string, password: string, keepAliveSeconds: number): Uint8Array {
  const flags = 0b1100_0010; // user name, password, clean session
  return packet(0x10, text('MQTT'), Uint8Array.of(4, flags), two(keepAliveSeconds), text(client), text(user), text(password));
}

export function subscribe(packetId: number, filters: string[], qos: 0 | 1): Uint8Array {
  return packet(0x82, two(packetId), ...filters.flatMap((filter) => [text(filter), Uint8Array.of(qos)]));
}

/** QoS 1 with a packet identifier, else 0. */
export function publish(topic: string, payload: string, packetId?: number): Uint8Array {
  return packet(
    packetId === undefined ? 0x30 : 0x32,
    text(topic),
    packetId === undefined ? new Uint8Array() : two(packetId),
    utf8.encode(payload),
  );
}

export const puback = (packetId: number): Uint8Array => packet(0x40, two(packetId));
export const pingreq = (): Uint8Array => packet(0xc0);
export const disconnect = (): Uint8Array => packet(0xe0);

export type Packet =
  | { type: 'connack'; code: number }
  | { type: 'publish'; topic: string; payload: string; packetId?: number }
  | { type: 'puback'; packetId: number }
  | { type: 'suback'; packetId: number; codes: number[] }
  | { type: 'other' };

const packetBytesMax = 512 * 1024;

/** Packets out of bytes that come cut anywhere. Throws on what no hub sends. */
export class Reader {
  private rest: Uint8Array = new Uint8Array();

  feed(bytes: Uint8Array): Packet[] {
    this.rest = joined(this.rest, bytes);
    const found: Packet[] = [];
    for (;;) {
      const next = this.take();
      if (!next) return found;
      found.push(next);
    }
  }

  private take(): Packet | undefined {
    let length = 0;
    let at = 1;
    for (let shift = 0; ; shift += 7) {
      if (shift > 21) throw new Error('not MQTT');
      const byte = this.rest[at];
      if (byte === undefined) return undefined;
      at += 1;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (length > packetBytesMax) throw new Error('not MQTT');
    if (this.rest.length < at + length) return undefined;
    const first = this.rest[0]!;
    const body = this.rest.subarray(at, at + length);
    this.rest = this.rest.slice(at + length);
    return parsed(first, body);
  }
}

function parsed(first: number, body: Uint8Array): Packet {
  const number = (at: number) => body[at]! * 256 + body[at + 1]!;
  switch (first >> 4) {
    case 2:
      return { type: 'connack', code: body[1]! };
    case 3: {
      const end = 2 + number(0);
      const hasId = (first & 0b110) > 0;
      const decoder = new TextDecoder();
      return {
        type: 'publish',
        topic: decoder.decode(body.subarray(2, end)),
        payload: decoder.decode(body.subarray(hasId ? end + 2 : end)),
        ...(hasId ? { packetId: number(end) } : {}),
      };
    }
    case 4:
      return { type: 'puback', packetId: number(0) };
    case 9:
      return { type: 'suback', packetId: number(0), codes: [...body.subarray(2)] };
    default:
      return { type: 'other' };
  }
}
