// A hub for a suite of tests, as a process of its own: copy this file and trust.js. `twinhub` is found by PATH.
//
//   before(async () => { hub = await Twinhub.start({ seed: 'seed.toml' }); });
//   after(() => hub.stop());
//
// Each hub has a loopback address of its own (all of 127.0.0.0/8 is local on Linux), since SDKs know no other ports than 443, 5671 and 8883:
// so suites run side by side. Ports below 1024 take root, or once: sudo sysctl net.ipv4.ip_unprivileged_port_start=443
'use strict';

const { execFileSync, spawn } = require('node:child_process');
const { randomInt } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');

const { trust } = require('./trust');

const own_address = () => `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;

// Settles when the file is there.
function appears(file) {
  return new Promise((resolve) => {
    const watcher = fs.watch(path.dirname(file), { persistent: false }, () => {
      if (!fs.existsSync(file)) return;
      watcher.close();
      resolve();
    });
  });
}

class Twinhub {
  // `seed`: a file of devices, or a folder of them; `flags`: more of `twinhub serve`. Settles when the hub serves.
  static async start({ seed, flags = [] } = {}) {
    const hub = new Twinhub();
    hub.address = own_address();
    hub.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-'));
    const ready_file = path.join(hub.folder, 'ready.json');
    const ready = appears(ready_file);  // watched for before there is a hub that could write it
    hub.process = spawn('twinhub', ['serve', '--dev', '--data-dir', hub.folder, '--durability', 'memory', '--listen', hub.address,
      '--host-name', hub.address, '--ops-listen', hub.address, '--ready-file', ready_file, ...(seed ? ['--seed', seed] : []), ...flags]);
    hub.log = '';
    for (const stream of [hub.process.stdout, hub.process.stderr]) stream.on('data', (chunk) => { hub.log += chunk; });
    hub.at_exit = () => hub.process.kill('SIGKILL');  // of a suite that ends before its `after`
    process.once('exit', hub.at_exit);
    hub.ended = once(hub.process, 'close');
    try {
      await Promise.race([ready, hub.ended.then(() => { throw new Error(`the hub ended before it was ready:\n${hub.log}`); })]);
    } catch (error) {
      await hub.stop().catch(() => {});
      throw error;
    }
    trust(fs.readFileSync(path.join(hub.folder, 'tls', 'ca.pem'), 'utf8'));
    return hub;
  }

  async stop() {
    process.removeListener('exit', this.at_exit);
    this.process.kill();
    await this.ended.finally(() => fs.rmSync(this.folder, { recursive: true, force: true }));
  }

  // What `twinhub ...` prints about this hub.
  async command(...args) {
    return execFileSync('twinhub', [...args, '--data-dir', this.folder], { encoding: 'utf8' }).trimEnd();
  }

  // The back end's; of one device: ('--device', id).
  connection_string(...of) { return this.command('connection-string', ...of); }

  // Sets the hub back to its seed: in milliseconds, where a new hub takes a second. Its devices lose their connections.
  async reset() {
    const answer = await fetch(`http://${this.address}:9600/control/reset`, { method: 'POST' });
    if (!answer.ok) throw new Error((await answer.json()).error);
    https.globalAgent.destroy();  // of its connections the hub has ended its side
  }

  // Settles when `what` holds, { condition } or { telemetry } as GET /control/wait takes them: with the twin, or the message.
  async wait(device, what, timeout = '30s') {
    const answer = await fetch(`http://${this.address}:9600/control/wait?${new URLSearchParams({ device, ...what, timeout })}`);
    const said = await answer.json();
    if (!said.met) throw new Error(`${device}, ${JSON.stringify(what)}: ${said.error ?? `not within ${timeout}`}`);
    return said.twin ?? said.event;
  }
}

module.exports = { Twinhub };
