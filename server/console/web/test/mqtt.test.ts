import assert from 'node:assert/strict';
import test from 'node:test';
import { echoOf, heard, sasToken, telemetry } from '../src/lib/device_topics';
import * as mqtt from '../src/lib/mqtt';

const bytes = (...parts: (number | string)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...Buffer.from(part)])));

test('packets have the layout of MQTT 3.1.1', () => {
  assert.deepEqual(
    mqtt.connect('d', 'u', 'p', 300),
    // CONNECT, remaining length, protocol, level 4, flags (user, password, clean), keep alive, client, user, password
    bytes(0x10, 19, 0, 4, 'MQTT', 4, 0xc2, 1, 44, 0, 1, 'd', 0, 1, 'u', 0, 1, 'p'),
  );
  assert.deepEqual(mqtt.subscribe(7, ['a', 'b/#'], 1), bytes(0x82, 12, 0, 7, 0, 1, 'a', 1, 0, 3, 'b/#', 1));
  assert.deepEqual(mqtt.publish('t', '{}'), bytes(0x30, 5, 0, 1, 't', '{}'));
  assert.deepEqual(mqtt.publish('t', '{}', 258), bytes(0x32, 7, 0, 1, 't', 1, 2, '{}'));
  assert.deepEqual(mqtt.puback(258), bytes(0x40, 2, 1, 2));
  assert.deepEqual(mqtt.pingreq(), bytes(0xc0, 0));
});

test('a remaining length of 128 and more takes more bytes, a text counts in bytes', () => {
  assert.deepEqual(mqtt.publish('t', 'x'.repeat(125)).subarray(0, 3), bytes(0x30, 0x80, 1));
  assert.deepEqual(mqtt.publish('ü', '').subarray(0, 4), bytes(0x30, 4, 0, 2));
});

test('packets are read from bytes that come cut anywhere', () => {
  const stream = bytes(0x20, 2, 0, 5, 0x90, 4, 0, 7, 1, 0x80, 0x32, 8, 0, 3, 'a/b', 0, 9, '1', 0x30, 4, 0, 1, 't', '!', 0xd0, 0);
  const wanted = [
    { type: 'connack', code: 5 },
    { type: 'suback', packetId: 7, codes: [1, 0x80] },
    { type: 'publish', topic: 'a/b', payload: '1', packetId: 9 },
    { type: 'publish', topic: 't', payload: '!' },
    { type: 'other' },
  ];
  for (const step of [1, 2, 3, stream.length]) {
    const reader = new mqtt.Reader();
    const found: mqtt.Packet[] = [];
    for (let at = 0; at < stream.length; at += step) found.push(...reader.feed(stream.subarray(at, at + step)));
    assert.deepEqual(found, wanted, `${step} bytes at a time`);
  }
});

test('what is no MQTT is not waited for', () => {
  assert.throws(() => new mqtt.Reader().feed(bytes(0x30, 0xff, 0xff, 0xff, 0xff, 1)));
  assert.throws(() => new mqtt.Reader().feed(bytes(0x30, 0xff, 0xff, 0xff, 0x7f)));
});

test('topics say what the hub wants', () => {
  assert.deepEqual(heard('$iothub/twin/res/204/?$rid=a&$version=5', ''), {
    kind: 'answer',
    status: 204,
    rid: 'a',
    version: '5',
    payload: '',
  });
  assert.deepEqual(heard('$iothub/twin/PATCH/properties/desired/?$version=3', '{}'), { kind: 'desired', version: '3', payload: '{}' });
  assert.deepEqual(heard('$iothub/methods/POST/re/boot/?$rid=1f', '1'), { kind: 'method', name: 're/boot', rid: '1f', payload: '1' });
  assert.deepEqual(heard('devices/d/messages/devicebound/%24.to=x', 'hi'), { kind: 'message', payload: 'hi' });
  assert.equal(telemetry('d', { 'a b': 'c&d' }), 'devices/d/messages/events/%24.ct=application%2Fjson&%24.ce=utf-8&a%20b=c%26d');
});

test('reported is what of desired is not reported yet, without the members of the hub', () => {
  assert.deepEqual(echoOf({ $version: 2, a: 1, b: { c: [1] } }, { $version: 1, a: 1, b: { c: [2] } }), { b: { c: [1] } });
  assert.equal(echoOf({ $version: 2, a: 1 }, { a: 1 }), null);
  assert.deepEqual(echoOf({ a: null, $version: 3 }, undefined), { a: null }, 'a removal goes along');
});

test('the token names the device and is signed with its key', async () => {
  const token = await sasToken('hub', 'd 1', 'a2V5', 60);
  assert.match(token, /^SharedAccessSignature sr=hub%2Fdevices%2Fd%201&sig=[A-Za-z0-9%]+%3D&se=\d+$/);
  const { createHmac } = await import('node:crypto');
  const [, sig, se] = /sig=([^&]*)&se=(\d+)/.exec(token)!;
  assert.equal(decodeURIComponent(sig!), createHmac('sha256', 'key').update(`hub%2Fdevices%2Fd%201\n${se}`).digest('base64'));
});
