// The parts of every storm: a hub of its own, many devices, a bystander whose twin reads are timed before and during, and figures
// (memory from /proc, counters from the metrics page) that are printed. Nothing is asserted on times.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const tls = require('node:tls');
const { Worker } = require('node:worker_threads');

const { EventLog } = require('../support/node/events');
const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Random } = require('../support/node/random');
const { Rest } = require('../support/node/rest');
const { until, within } = require('../support/node/until');

const from_environment = (name, otherwise) => Number(process.env[`TESTS_STORM_${name}`] || otherwise);

const seed = from_environment('SEED', crypto.randomInt(1, 2 ** 31));

// Runs `work` on every item, at most `width` at once; -> results in order.
async function in_parallel(items, width, work) {
  const results = new Array(items.length);
  let next = 0;
  const one_after_the_other = async () => {
    while (next < items.length) {
      const mine = next;
      next += 1;
      results[mine] = await work(items[mine], mine);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, one_after_the_other));
  return results;
}

// A device that reads its twin all the time, on a thread of its own so that the storm's own work does not delay it.
class Bystander {
  static async start(storm) {
    const bystander = new Bystander();
    const [device] = await storm.devices(1, 'bystander');
    bystander.failure = null;
    bystander.worker = new Worker(path.join(__dirname, 'bystander.js'), {
      workerData: { host: device.host, id: device.id, key: device.key, ca: fs.readFileSync(storm.hub.ca_file, 'utf8') },
    });
    bystander.worker.on('error', (error) => { bystander.failure = error; });
    await bystander.window();
    return bystander;
  }

  // Every read since the last call was answered, rightly: { reads, p50_ms, p99_ms, max_ms }. Waits for some reads.
  async window() {
    await until('the bystander reads its twin', async () => {
      if (this.failure) throw this.failure;
      const answer = new Promise((resolve) => this.worker.once('message', resolve));
      this.worker.postMessage('how many');
      return (await within('the bystander', answer)) >= 100;
    }, { timeout_ms: 60_000, every_ms: 50 });
    const answer = new Promise((resolve) => this.worker.once('message', resolve));
    this.worker.postMessage('window');
    return within('the bystander', answer);
  }

  end() {
    return this.worker.terminate();
  }
}

class Storm {
  static async start(options) {
    const storm = new Storm();
    storm.hub = new Hub(options);
    await storm.hub.start();
    storm.random = new Random(seed);
    storm.rest = new Rest(storm.hub.connection_string(), { plain_port: ports.http });
    storm.events = new EventLog(storm.hub);
    storm.secure_context = tls.createSecureContext({ ca: fs.readFileSync(storm.hub.ca_file) });
    return storm;
  }

  // Identities: { host, id, key }.
  devices(count, name = 'device') {
    return in_parallel(Array.from({ length: count }, (_, n) => `${name}-${n}`), 64, async (id) => {
      const created = await this.rest.create_device(id);
      if (created.status !== 200) throw new Error(`${id}: ${created.text}`);
      return { host: this.hub.address, id, key: created.json.authentication.symmetricKey.primaryKey };
    });
  }

  client(device, { secure = true } = {}) {
    return new MqttClient({ ...device, port: secure ? ports.mqtts : ports.mqtt, secure_context: this.secure_context });
  }

  // Connected, or an error.
  async connect(device, { secure, ...options } = {}) {
    const client = this.client(device, { secure });
    const { return_code, session_present } = await client.connect(options);
    if (return_code !== 0) throw new Error(`${device.id}: CONNECT refused with ${return_code}`);
    client.session_present = session_present;
    return client;
  }

  async patch_desired(id, desired) {
    const answer = await this.rest.patch(`/twins/${id}`, { properties: { desired } });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json.properties.desired.$version;
  }

  open_connections(count) {
    return until(`${count} connections are open`, async () => (await this.hub.metrics()).twinhub_mqtt_connections === count,
      { timeout_ms: 60_000, every_ms: 50 });
  }

  end() {
    this.rest.close();
    this.hub.remove();
  }
}

const mib = (kib) => `${(kib / 1024).toFixed(1)} MiB`;
const shown = ({ reads, p50_ms, p99_ms, max_ms }) => `${reads} reads, p50 ${p50_ms} ms, p99 ${p99_ms} ms, max ${max_ms} ms`;

module.exports = { Bystander, Storm, from_environment, in_parallel, mib, seed, shown };
