// Shared by the event tests: a hub with settings of its own, devices that send numbered telemetry, metrics.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const { Hub, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');
const { Rest } = require('../support/node/rest');
const { sleep, until } = require('../support/node/until');

// A hub with `toml` as its settings file.
function hub_with(toml, flags = []) {
  const hub = new Hub({ flags: [] });
  const file = path.join(hub.data_dir, 'settings.toml');
  fs.writeFileSync(file, toml);
  hub.flags = ['--config', file, ...flags];
  return hub;
}

function get_text(hub, request_path) {
  return new Promise((resolve, reject) => {
    http.get({ host: hub.address, port: ports.ops, path: request_path, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => { text += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, text }));
    }).on('error', reject);
  });
}

// The value of one metric; `name` with its labels.
async function metric(hub, name) {
  const { text } = await get_text(hub, '/metrics');
  const line = text.split('\n').find((l) => l.startsWith(`${name} `));
  assert.ok(line, `there is no metric ${name}`);
  return Number(line.slice(name.length + 1));
}

const rest_of = (hub) => new Rest(hub.connection_string(), { plain_port: ports.http });

async function create_device(hub, rest, id) {
  const { status, json, text } = await rest.create_device(id);
  assert.equal(status, 200, text);
  return { id, key: json.authentication.symmetricKey.primaryKey, host: hub.address };
}

async function connect(device) {
  const client = new MqttClient({ ...device, port: ports.mqtt });
  const { return_code } = await client.connect({ clean_session: true });
  assert.equal(return_code, 0);
  return client;
}

// One device that sends numbered events, several in flight, and connects again whenever the hub is back.
class Sender {
  constructor(device, checker, { padding = 0, in_flight = 16 } = {}) {
    Object.assign(this, { device, checker, in_flight });
    this.padding = 'x'.repeat(padding);
    this.running = true;
  }

  start() {
    this.ended = this.run();
    return this;
  }

  async run() {
    while (this.running) {
      const client = await connect(this.device).catch(() => null);
      if (!client) await sleep(10);
      else await this.send_until_closed(client);
    }
  }

  // Sends `count` events, or as many as there is time for, and waits for all acknowledgements.
  async send_until_closed(client, count = Infinity) {
    const waiting = new Set();
    for (let i = 0; i < count && this.running && !client.closed; i += 1) {
      const number = this.checker.next(this.device.id);
      const sent = client.publish(`devices/${this.device.id}/messages/events/$.ct=application%2Fjson&$.ce=utf-8`,
        JSON.stringify({ n: number, p: this.padding }), 1)
        .then(() => this.checker.acknowledged(this.device.id, number), () => {});
      waiting.add(sent);
      sent.then(() => waiting.delete(sent));
      if (waiting.size >= this.in_flight) await Promise.race(waiting);
    }
    await Promise.all(waiting);
    client.destroy();
  }

  async send(count) {
    await this.send_until_closed(await connect(this.device), count);
  }

  async stop() {
    this.running = false;
    await this.ended;
  }
}

async function all_arrived(checker, timeout_ms = 60_000) {
  await until(`${checker.missing()} missing events`, () => checker.missing() === 0, { timeout_ms });
}

module.exports = { Sender, all_arrived, connect, create_device, get_text, hub_with, metric, rest_of };
