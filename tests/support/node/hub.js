// A twinhub process as tests see it from outside: on an address of its own, with a data folder of its own.
//
// SDKs know no other ports than 443 and 8883, so every hub of a test takes its own loopback address (all of 127.0.0.0/8 is
// local on Linux) and the certificate carries it. Several hubs run side by side.
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');

const { patience_ms, until } = require('./until');

const binary = process.env.TESTS_BINARY || path.join(__dirname, '..', '..', '..', 'build', 'release', 'twinhub');
const ready_ms_max = 120_000;
const stop_ms_max = 30_000;  // stop_seconds is 10, and the disk may be slow

const ports = { https: 443, mqtts: 8883, amqps: 5671, amqp: 5672, http: 8080, mqtt: 1883, ops: 9600 };

function own_address() {
  return `127.${crypto.randomInt(1, 255)}.${crypto.randomInt(0, 256)}.${crypto.randomInt(1, 255)}`;
}

// Ctrl-C, or a runner's timeout: leave by the front door, so that the 'exit' handlers end the hub too.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

class Hub {
  // `env` is added to the environment: settings that have no flag, as TWINHUB_MQTT_IN_FLIGHT_MAX. Without `dev` the keys
  // are the hub's own. `own_ports` replace some of `ports`. `listen`: another address for the TLS doors than the hub's. With `terminal` the hub believes that it writes to one, and `process`
  // is what stands between: script(1).
  constructor({ flags = [], env = {}, dev = true, own_ports = {}, terminal = false, listen } = {}) {
    this.terminal = terminal;
    this.ports = { ...ports, ...own_ports };
    this.address = own_address();
    this.listen = listen ?? this.address;
    this.data_dir = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-test-'));
    this.flags = flags;
    this.env = env;
    this.mode = dev ? ['--dev'] : [];
    this.process = null;
    this.log = '';
    process.once('exit', (code) => {
      if (code !== 0) process.stderr.write(`\n--- log of the hub on ${this.address} ---\n${this.log}`);
      this.remove();
    });
  }

  get ca_file() {
    return path.join(this.data_dir, 'tls', 'ca.pem');
  }

  // Starts the process; does not wait. `exited` settles with its end, whatever the cause, when all that it has printed is in `log`.
  spawn() {
    const { address } = this;
    const words = [
      'serve', ...this.mode, '--data-dir', this.data_dir, '--host-name', address, '--listen', this.listen,
      '--mqtts-port', this.ports.mqtts, '--https-port', this.ports.https,
      ...(this.ports.amqps === null ? [] : ['--amqps-port', this.ports.amqps]),
      '--plain-listen', address, '--mqtt-port', this.ports.mqtt, '--http-port', this.ports.http,
      '--ops-listen', address, '--ops-port', this.ports.ops, ...this.flags,
    ].map(String);
    const [program, args] = this.terminal ? ['script', ['-qefc', `exec ${[binary, ...words].join(' ')}`, '/dev/null']] : [binary, words];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.env } });
    this.process = child;
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => resolve({ error }));
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    const keep = (chunk) => { this.log = (this.log + chunk).slice(-20_000); };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
  }

  async start() {
    this.spawn();
    let ended = null;
    this.exited.then((how) => { ended = how; });
    await until(`hub ready on ${this.address}`, async () => {
      if (ended) throw new Error(`the hub ended before it was ready: ${describe(ended)}\n${this.log}`);
      return (await this.ops_status('/readyz')) === 200;
    }, { timeout_ms: ready_ms_max, every_ms: 10 }).catch((error) => {
      throw new Error(`${error.message}\n${this.log}`);
    });
    return this;
  }

  // Status of a GET on the operations port; 0 when nobody listens.
  ops_status(request_path) {
    return new Promise((resolve) => {
      const [module, trust] = this.flags.includes('--ops-tls') ? [https, { rejectUnauthorized: false }] : [http, {}];
      const request = module.get({ host: this.address, port: this.ports.ops, path: request_path, agent: false, timeout: patience_ms, ...trust }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(0));
    });
  }

  // What the operations port's metrics page shows: { name: value }.
  metrics() {
    return new Promise((resolve, reject) => {
      http.get({ host: this.address, port: this.ports.ops, path: '/metrics', agent: false }, (response) => {
        let page = '';
        response.on('data', (chunk) => { page += chunk; });
        response.on('end', () => resolve(Object.fromEntries([...page.matchAll(/^(\w+) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]))));
      }).on('error', reject);
    });
  }

  // To its seed, or to nothing.
  async reset() {
    const answer = await fetch(`http://${this.address}:${this.ports.ops}/control/reset`, { method: 'POST' });
    if (answer.status !== 200) throw new Error(`the hub was not reset: ${answer.status} ${await answer.text()}`);
    await answer.text();
  }

  // Resident memory of the process.
  rss_kib() {
    return Number(fs.readFileSync(`/proc/${this.process.pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m)[1]);
  }

  // Orderly end: SIGTERM, exit code 0, within a bounded time.
  async stop() {
    this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process.kill('SIGKILL'), stop_ms_max);
    const how = await this.exited;
    clearTimeout(late);
    if (how.code !== 0) throw new Error(`the hub did not stop in order: ${describe(how)}\n${this.log}`);
  }

  async kill() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  // For the test's end, however it ended.
  remove() {
    if (this.process && this.process.exitCode === null) {
      // script(1) would leave the hub behind.
      if (this.terminal) process.kill(JSON.parse(fs.readFileSync(path.join(this.data_dir, 'hub.json'), 'utf8')).pid, 'SIGKILL');
      this.process.kill('SIGKILL');
    }
    // The process may be in the middle of making a file: then the folder is not empty yet.
    fs.rmSync(this.data_dir, { recursive: true, force: true, maxRetries: 20 });
  }

  // What `twinhub connection-string` prints: exactly one line.
  connection_string(...flags) {
    return this.one_line(/^HostName=[^\n]+\n$/, 'connection-string', ...flags);
  }

  // The same for Event Hubs clients.
  events_connection_string(...flags) {
    return this.one_line(/^Endpoint=sb:[^\n]+\n$/, 'connection-string', '--events', ...flags);
  }

  // What `twinhub token` prints: a token as people paste it into a client.
  token(...flags) {
    return this.one_line(/^SharedAccessSignature [^\n]+\n$/, 'token', ...flags);
  }

  one_line(shape, command, ...flags) {
    const ran = spawnSync(binary, [command, ...this.mode, '--data-dir', this.data_dir, '--host-name', this.address, ...flags].map(String),
      { encoding: 'utf8' });
    if (ran.error) throw ran.error;
    if (ran.status !== 0 || !shape.test(ran.stdout)) {
      throw new Error(`${command} ${flags.join(' ')}: exit ${ran.status}, printed ${JSON.stringify(ran.stdout)}\n${ran.stderr}`);
    }
    return ran.stdout.trimEnd();
  }
}

function describe({ error, code, signal }) {
  return error ? error.message : `exit code ${code}, signal ${signal}`;
}

module.exports = { Hub, binary, own_address, ports };
