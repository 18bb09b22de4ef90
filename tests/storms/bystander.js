// The thread of storm.js's Bystander: reads its twin without end, and reports how long each read took.
'use strict';

const assert = require('node:assert/strict');
const tls = require('node:tls');
const { parentPort, workerData } = require('node:worker_threads');

const { MqttClient, topics } = require('../support/node/mqtt_client');
const { sleep } = require('../support/node/until');

const pause_ms = 5;
let times_ms = [];

function figures() {
  const sorted = times_ms.sort((a, b) => a - b);
  const at = (share) => Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1));
  const result = { reads: sorted.length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
  times_ms = [];
  return result;
}

parentPort.on('message', (what) => parentPort.postMessage(what === 'window' ? figures() : times_ms.length));

async function main() {
  const { ca, ...device } = workerData;
  const client = new MqttClient({ ...device, secure_context: tls.createSecureContext({ ca }) });
  assert.equal((await client.connect()).return_code, 0);
  assert.deepEqual(await client.subscribe(topics.response), [0]);
  for (;;) {
    const began = performance.now();
    assert.deepEqual(await client.get_twin(), { desired: { $version: 1 }, reported: { $version: 1 } });
    times_ms.push(performance.now() - began);
    await sleep(pause_ms);
  }
}

main().catch((error) => { throw error; });
