// Thousands of events of any bytes, through the hub's own sink and on one connection: a strict Mosquitto takes every topic, name,
// value and content type, never ends the connection, and hands on every event.
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const crypto = require('node:crypto');
const path = require('node:path');
const { promisify } = require('node:util');
const { test } = require('node:test');

const { until } = require('../support/node/until');
const { Broker, Subscriber } = require('./broker');

const publisher = process.env.TESTS_PUBLISH_ODD_EVENTS
  || path.join(__dirname, '..', '..', 'build', 'release', 'tests', 'events', 'publish_odd_events');
const count = Number(process.env.TESTS_ODD_EVENTS || 3000);
const seed = Number(process.env.TESTS_ODD_EVENTS_SEED || crypto.randomInt(2 ** 31));

for (const form of ['properties', 'envelope', 'envelope-3.1.1']) {
  test(`${form}: a strict broker takes every event of any bytes on one connection (TESTS_ODD_EVENTS_SEED=${seed})`, async (t) => {
    const broker = await new Broker().start();
    const subscriber = await new Subscriber(broker).ready();
    t.after(() => { subscriber.end(); broker.remove(); });
    const ended = [];
    broker.process.stdout.on('data', (chunk) => ended.push(...String(chunk).match(/.*(Malformed|protocol error|Bad client|disconnected).*/gi) || []));
    broker.process.stderr.on('data', (chunk) => ended.push(...String(chunk).match(/.*(Malformed|protocol error|Bad client|disconnected).*/gi) || []));

    const { stdout } = await promisify(execFile)(publisher, [broker.url, count, seed, form]);
    assert.deepEqual(JSON.parse(stdout), { delivered: count, refused: 0, failure: '' });
    await until('every event', () => subscriber.messages.length >= count, { timeout_ms: 120_000 });

    const number_of = ({ payload }) => Number((form === 'properties' ? payload : envelope_text(payload)).split(' ')[0]);
    assert.deepEqual(subscriber.messages.map(number_of), [...Array(count).keys()]);
    for (const { topic } of subscriber.messages) {
      assert.match(topic, /^odd\/[^+#$]*\/devices\/[^+#$]*\/(messages\/events|twin\/changes|lifecycle|connectionState)$/);
    }
    // The sink's own goodbye is the only end of its connection.
    assert.deepEqual(ended.filter((line) => !/twinhub-odd-events disconnected\.$/.test(line)), []);
  });
}

// A body that is not UTF-8 stands in base64.
function envelope_text(payload) {
  const { body, bodyBase64 } = JSON.parse(payload);
  return body === undefined ? Buffer.from(bodyBase64, 'base64').toString('latin1') : body;
}
