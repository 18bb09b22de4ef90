// A real Mosquitto on a loopback address of its own, and a real subscriber (mosquitto_sub) that keeps a session there, so that
// an event that the broker has taken reaches it whatever happens in between.
'use strict';

const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const { until } = require('../support/node/until');

process.setMaxListeners(100);  // every broker, subscriber and hub of a file cleans up at the end

const binary = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find((file) => fs.existsSync(file)) || 'mosquitto';

const hex = (number, digits) => Number(number).toString(16).toUpperCase().padStart(digits, '0');

class Broker {
  // `config`: lines of mosquitto.conf beside the listener; `listener`: lines that belong to it (TLS, for example).
  constructor({ config = [], listener = [] } = {}) {
    this.address = `127.${crypto.randomInt(1, 255)}.${crypto.randomInt(0, 256)}.${crypto.randomInt(1, 255)}`;
    this.port = 1883;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-broker-'));
    fs.writeFileSync(path.join(this.folder, 'mosquitto.conf'), [
      'user root', 'per_listener_settings false', 'persistence true', `persistence_location ${this.folder}/`,
      // Nothing that was acknowledged to the hub is dropped on the way to the subscriber.
      'max_queued_messages 0', 'max_inflight_messages 0', 'log_type all',
      ...(config.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
      ...config, `listener ${this.port} ${this.address}`, ...listener, '',
    ].join('\n'));
    this.log = '';
    this.process = null;
    process.once('exit', (code) => {
      if (code !== 0) process.stderr.write(`\n--- log of the broker on ${this.address} ---\n${this.log.slice(-3000)}`);
      this.remove();
    });
  }

  get url() { return `mqtt://${this.address}:${this.port}`; }

  async start() {
    const child = spawn(binary, ['-c', path.join(this.folder, 'mosquitto.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = child;
    this.log = '';
    // With the last line of its log: a line that came later would be counted as one of the next process.
    this.exited = new Promise((resolve) => { child.once('close', resolve); child.once('error', resolve); });
    this.counts = { connected: 0, taken: 0, passed_on: 0, confirmed: 0 };
    for (const input of [child.stdout, child.stderr]) readline.createInterface({ input }).on('line', (line) => this.on_log(line));
    await until(`broker on ${this.address}`, () => new Promise((resolve, reject) => {
      if (child.exitCode !== null) reject(new Error(`mosquitto ended: ${this.log}`));
      const socket = net.connect(this.port, this.address, () => { socket.destroy(); resolve(true); });
      socket.on('error', () => resolve(false));
    }));
    return this;
  }

  on_log(line) {
    this.log = `${this.log}${line}\n`.slice(-20_000);
    if (line.includes('Sending CONNACK to checker')) this.counts.connected += 1;
    else if (line.includes('Received PUBLISH from twinhub')) this.counts.taken += 1;
    else if (line.includes('Sending PUBLISH to checker')) this.counts.passed_on += 1;
    else if (line.includes('Received PUBACK from checker')) this.counts.confirmed += 1;
  }

  async kill(signal = 'SIGKILL') {
    this.process.kill(signal);
    await this.exited;
  }

  pause() { this.process.kill('SIGSTOP'); }
  resume() { this.process.kill('SIGCONT'); }

  // Writes sessions and queues to disk now: a kill -9 later forgets none of them.
  async save() {
    const file = path.join(this.folder, 'mosquitto.db');
    const before = fs.existsSync(file) ? fs.statSync(file).mtimeMs : 0;
    this.process.kill('SIGUSR1');
    await until('the broker has saved', () => fs.existsSync(file) && fs.statSync(file).mtimeMs > before);
  }

  // Bytes that clients have sent and the broker has not read: both ends are of this machine.
  unread_bytes() {
    const own = `${this.address.split('.').reverse().map((part) => hex(part, 2)).join('')}:${hex(this.port, 4)}`;
    const established = '01';
    return fs.readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1).map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === established)
      .reduce((sum, [, local, remote, , queues]) => {
        const [sent, received] = queues.split(':').map((text) => parseInt(text, 16));
        return sum + (local === own ? received : 0) + (remote === own ? sent : 0);
      }, 0);
  }

  remove() {
    if (this.process && this.process.exitCode === null) this.process.kill('SIGKILL');
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

// Everything published on the broker, in order: { topic, payload, qos, properties }.
class Subscriber {
  constructor(broker, { flags = [] } = {}) {
    this.messages = [];
    this.listeners = [];
    this.broker = broker;
    this.child = spawn('mosquitto_sub', ['-h', broker.address, '-p', broker.port, '-V', '5', '-q', '1', '-c', '-i', 'checker',
      '-x', '3600', '-t', '#', '-F', '%j', ...flags].map(String), { stdio: ['ignore', 'pipe', 'ignore'] });
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
      const message = JSON.parse(line);
      const { properties = {} } = message;
      const user = properties['user-properties'] || {};
      this.messages.push({ topic: message.topic, payload: message.payload, qos: message.qos, properties, user });
      for (const listener of this.listeners) listener(this.messages.at(-1));
    });
    process.once('exit', () => this.child.kill('SIGKILL'));
  }

  async ready() {
    await until('the subscriber has its session', () => /Sending SUBACK to checker/.test(this.broker.log));
    await this.broker.save();
    return this;
  }

  message(what, fits) {
    return until(what, () => this.messages.find(fits));
  }

  // A killed broker forgets what it has acknowledged and not yet passed on. With the hub stopped, wait until there is no such
  // thing: everything that the hub may count as delivered has been seen here.
  async caught_up() {
    let before = '';
    await until('the subscriber has all that the broker took', () => {
      if (this.broker.unread_bytes() > 0) {  // a busy machine may let the broker rest between two looks
        before = '';
        return false;
      }
      const { connected, taken, passed_on, confirmed } = this.broker.counts;
      const now = `${taken} ${passed_on} ${confirmed}`;
      const quiet = now === before;
      before = now;
      return quiet && connected > 0 && passed_on >= taken && confirmed >= passed_on;
    }, { every_ms: 100 });
  }

  end() { this.child.kill('SIGKILL'); }
}

module.exports = { Broker, Subscriber };
