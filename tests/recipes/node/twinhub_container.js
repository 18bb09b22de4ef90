// A hub for a suite of tests, in a container by Testcontainers: copy this file and trust.js; npm install testcontainers.
//
//   before(async () => { hub = await TwinhubContainer.start({ seed: 'seed.toml' }); });
//   after(() => hub.stop());
//
// SDKs know no other ports than 443, 5671 and 8883, so a random mapped port is of no use to them. Each hub's ports are published as they are, on
// a loopback address of its own: suites run side by side. That takes Linux; elsewhere there is 127.0.0.1 alone, so one hub at a time (unverified).
'use strict';

const { randomBytes, randomInt } = require('node:crypto');
const https = require('node:https');

const { GenericContainer, Wait } = require('testcontainers');

const { trust } = require('./trust');

const ports = [443, 5671, 8883, 9600];
const own_address = () => (process.platform === 'linux' ? `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}` : '127.0.0.1');

class PublishedAt extends GenericContainer {
  constructor(image, address) {
    super(image);
    this.address = address;
  }

  // Testcontainers itself publishes on all addresses.
  async beforeContainerCreated() {
    this.hostConfig.PortBindings = Object.fromEntries(ports.map((port) => [`${port}/tcp`, [{ HostIp: this.address, HostPort: String(port) }]]));
  }
}

class TwinhubContainer {
  // `seed`: a file of devices; `flags`: more of `twinhub serve`. Settles when the hub serves.
  static async start({ image = 'twinhub', seed, flags = [] } = {}) {
    const hub = new TwinhubContainer();
    hub.address = own_address();
    hub.token = randomBytes(16).toString('hex');  // /control/ is asked from outside of the container
    const container = new PublishedAt(image, hub.address)
      .withCommand(['serve', '--dev', '--durability', 'memory', '--host-name', hub.address, ...(seed ? ['--seed', '/tmp/seed.toml'] : []), ...flags])
      .withCopyFilesToContainer(seed ? [{ source: seed, target: '/tmp/seed.toml' }] : [])
      .withEnvironment({ TWINHUB_OPS_TOKEN: hub.token })
      .withWaitStrategy(Wait.forLogMessage(/ is ready: /));  // the image has no shell, which waiting for ports would take
    hub.container = await container.start();
    trust(await (await fetch(`http://${hub.address}:9600/ca.pem`)).text());
    return hub;
  }

  async stop() { await this.container.stop(); }

  // What `twinhub ...` prints about this hub.
  async command(...args) {
    const { exitCode, output } = await this.container.exec(['twinhub', ...args]);
    if (exitCode !== 0) throw new Error(output);
    return output.trimEnd();
  }

  // The back end's; of one device: ('--device', id).
  connection_string(...of) { return this.command('connection-string', ...of); }

  // Sets the hub back to its seed: in milliseconds, where a new hub takes a second. Its devices lose their connections.
  async reset() {
    const answer = await this.order('POST', 'reset');
    if (!answer.ok) throw new Error((await answer.json()).error);
    https.globalAgent.destroy();  // of its connections the hub has ended its side
  }

  // Settles when `what` holds, { condition } or { telemetry } as GET /control/wait takes them: with the twin, or the message.
  async wait(device, what, timeout = '30s') {
    const answer = await this.order('GET', `wait?${new URLSearchParams({ device, ...what, timeout })}`);
    const said = await answer.json();
    if (!said.met) throw new Error(`${device}, ${JSON.stringify(what)}: ${said.error ?? `not within ${timeout}`}`);
    return said.twin ?? said.event;
  }

  order(method, target) {
    return fetch(`http://${this.address}:9600/control/${target}`, { method, headers: { Authorization: `Bearer ${this.token}` } });
  }
}

module.exports = { TwinhubContainer };
