// A client program in a process of its own, because NODE_EXTRA_CA_CERTS is read only when a process starts, and because
// the tutorial's device and back end are two programs. It talks to the test over Node's IPC channel.
'use strict';

const { fork } = require('node:child_process');

const { until } = require('./until');

class ClientProcess {
  // `packages`: folder whose node_modules the program takes the Azure packages from.
  constructor(program, { ca_file, packages, args = [] }) {
    this.events = [];  // everything the program told, in order
    this.exited = null;
    this.child = fork(program, args, {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca_file, TESTS_PACKAGES: packages, NODE_NO_WARNINGS: '1' },
      execArgv: [],
    });
    this.child.on('message', (event) => this.events.push(event));
    this.child.on('error', (error) => { this.exited = error.message; });
    // 'exit' may come before the last of what the program told, which is there when the channel has ended.
    let ends = 0;
    const ended = () => {
      ends += 1;
      if (ends === 2) this.exited = `exit code ${this.child.exitCode}, signal ${this.child.signalCode}`;
    };
    this.child.once('exit', ended);
    this.child.once('disconnect', ended);
  }

  // The first event from index `from` on that `fits`.
  event(what, fits, from = 0) {
    return until(what, () => {
      const found = this.events.slice(from).find(fits);
      if (!found && this.exited) throw new Error(`the program ended (${this.exited}) before: ${what}`);
      return found;
    }, { every_ms: 5 });
  }

  // Sends a command and settles with the program's answer to it; an answer with an error rejects.
  async ask(command) {
    const id = ClientProcess.next_id++;
    this.child.send({ id, ...command });
    const answer = await this.event(`answer to ${command.command}`, (event) => event.answer === id);
    if (answer.error) throw Object.assign(new Error(answer.error.message), { name: answer.error.name });
    return answer.value;
  }

  async end() {
    if (this.exited) return;
    this.child.disconnect();
    await until('the program ends', () => this.exited);
  }

  kill() {
    if (!this.exited) this.child.kill('SIGKILL');
  }
}
ClientProcess.next_id = 1;

module.exports = { ClientProcess };
