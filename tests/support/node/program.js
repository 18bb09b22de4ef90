// A client program that a test starts and listens to line by line: mosquitto_sub, a Python script, a C++ program.
'use strict';

const { spawn } = require('node:child_process');
const readline = require('node:readline');

const { until } = require('./until');

const started = new Set();
process.once('exit', () => { for (const program of started) program.kill(); });

class Program {
  // `env` is added to the environment.
  constructor(command, args, { env = {}, cwd } = {}) {
    this.name = command;
    this.lines = [];  // of standard output
    this.errors = '';
    this.ended = null;
    started.add(this);
    this.child = spawn(command, args.map(String), { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env }, cwd });
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => this.lines.push(line));
    this.child.stderr.on('data', (chunk) => { this.errors = (this.errors + chunk).slice(-20_000); });
    this.child.stdin.on('error', () => {});  // it may end first; that is told by 'close'
    this.child.once('error', (error) => { this.ended = { error: error.message }; });
    this.child.once('close', (code, signal) => {
      this.ended = { ...this.ended, code, signal };
      started.delete(this);
    });
  }

  say(line) {
    this.child.stdin.write(`${line}\n`);
  }

  // The first line, from index `from` on, that `fits`.
  line(what, fits, from = 0, options = {}) {
    return until(`${this.name}: ${what}`, () => {
      const found = this.lines.slice(from).find(fits);
      if (found === undefined && this.ended) throw new Error(`${this.name} ended before: ${what}\n${this.report()}`);
      return found;
    }, { every_ms: 5, ...options });
  }

  // For programs that print one JSON object per line.
  async event(what, fits, from = 0, options = {}) {
    return JSON.parse(await this.line(what, (line) => fits(JSON.parse(line)), from, options));
  }

  // Waits for the end; anything but exit code 0 is an error.
  async success() {
    await until(`${this.name} ends`, () => this.ended, { every_ms: 5 });
    if (this.ended.code !== 0) throw new Error(this.report());
    return this.lines;
  }

  kill(signal = 'SIGKILL') {
    if (!this.ended) this.child.kill(signal);
  }

  report() {
    return `${this.name}: ${JSON.stringify(this.ended)}\n${this.lines.join('\n')}\n${this.errors}`;
  }
}

module.exports = { Program };
