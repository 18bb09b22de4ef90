// What the hub put into its event log, read from its data folder: beside the running hub, or after its end.
'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');
const readline = require('node:readline');

const { until } = require('./until');

const program = process.env.TESTS_DUMP_EVENTS
  || path.join(__dirname, '..', '..', '..', 'build', 'release', 'tests', 'dump_events');
const sources = ['telemetry', 'twin_change', 'device_lifecycle', 'connection_state'];

class EventLog {
  constructor(hub) {
    this.directory = path.join(hub.data_dir, 'db');
    this.next = [0, 0, 0, 0];  // per partition
  }

  // The events that came since the last call, in the log's order per partition. A gap in the numbers is an error.
  async read() {
    for (let attempt = 1; ; attempt += 1) {
      const { code, lines, complaint } = await this.run();
      if (code === 0) return lines.map((line) => this.take(JSON.parse(line)));
      // The running hub may have tidied away a file between the reader's look at the list and its opening.
      if (attempt === 5) throw new Error(complaint);
    }
  }

  async run() {
    const child = spawn(program, [this.directory, ...this.next.map(String)], { stdio: ['ignore', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (chunk) => { complaint += chunk; });
    const ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const lines = [];
    for await (const line of readline.createInterface({ input: child.stdout })) lines.push(line);
    return { code: await ended, lines, complaint };
  }

  take({ partition, sequence, source, body, ...event }) {
    if (sequence !== this.next[partition]) {
      throw new Error(`partition ${partition}: event ${sequence} follows ${this.next[partition] - 1}`);
    }
    this.next[partition] = sequence + 1;
    return { ...event, source: sources[source], body: Buffer.from(body, 'base64').toString('utf8') };
  }

  // Waits for a telemetry event of `device` that `fits`, among those that no call has returned yet.
  telemetry(device, fits = () => true) {
    return until(`telemetry of ${device}`, async () => (await this.read())
      .find((event) => event.source === 'telemetry' && event.device === device && fits(event)), { every_ms: 100 });
  }
}

module.exports = { EventLog };
