// The twinhub program's sub-commands against a running hub.
'use strict';

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { Hub, binary, ports } = require('./hub');

class Cli {
  constructor(hub) {
    this.hub = hub;
    this.where = ['--dev', '--data-dir', hub.data_dir, '--host-name', hub.address, '--listen', hub.address];
    this.ops = ['--ops-listen', hub.address, '--ops-port', String(ports.ops)];
  }

  // A hub of its own for a test, gone at its end.
  static async start(t, options) {
    const hub = new Hub(options);
    t.after(() => hub.remove());
    await hub.start();
    return new Cli(hub);
  }

  // -> { status, stdout, stderr }; `input` goes to standard input.
  run(args, { input } = {}) {
    const ran = spawnSync(binary, [...args.map(String), ...this.where], { encoding: 'utf8', timeout: 60_000, input, maxBuffer: 64 << 20 });
    if (ran.error) throw ran.error;
    return { status: ran.status, stdout: ran.stdout, stderr: ran.stderr };
  }

  // Standard output of a command that must succeed.
  ok(...args) {
    const ran = this.run(args);
    if (ran.status !== 0) throw new Error(`twinhub ${args.join(' ')}: exit ${ran.status}\n${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }

  json(...args) { return JSON.parse(this.ok(...args, '--json')); }

  // A command that goes on; its lines come as they are printed.
  start_command(...args) {
    const child = spawn(binary, [...args.map(String), ...this.where, ...this.ops], { stdio: ['ignore', 'pipe', 'pipe'] });
    const command = { child, lines: [], errors: '', exited: null };
    let rest = '';
    child.stdout.on('data', (chunk) => {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop();
      command.lines.push(...parts);
    });
    child.stderr.on('data', (chunk) => { command.errors += chunk; });
    command.ended = new Promise((resolve) => { child.once('close', (status) => { command.exited = status; resolve(status); }); });
    return command;
  }
}

function scratch(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-cli-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  return folder;
}

module.exports = { Cli, scratch };
