// Debian's azure-cli, unmodified and offline, with a configuration of the test's own.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { Program } = require('../support/node/program');

const answer_ms_max = 240_000;  // a second or two on an idle machine

class Az {
  // `ca_files`: of the hubs it is to talk to.
  constructor(ca_files) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-az-'));
    process.once('exit', () => fs.rmSync(this.folder, { recursive: true, force: true }));
    const bundle = path.join(this.folder, 'ca.pem');
    fs.writeFileSync(bundle, ca_files.map((file) => fs.readFileSync(file, 'utf8')).join('\n'));
    this.env = {
      HOME: this.folder, AZURE_CONFIG_DIR: path.join(this.folder, 'azure'), AZURE_EXTENSION_DIR: path.join(this.folder, 'extensions'),
      REQUESTS_CA_BUNDLE: bundle, AZURE_CORE_COLLECT_TELEMETRY: '0', AZURE_CORE_NO_COLOR: '1', AZURE_CORE_OUTPUT: 'json',
      // Nothing but the hub is to be reached: a call to anybody else fails at once.
      HTTPS_PROXY: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.0/8', no_proxy: '127.0.0.0/8',
    };
    this.session = null;
    this.asked = 0;
  }

  // What a person pastes, in a shell, with the az program itself.
  paste(lines) {
    const ran = spawnSync('bash', ['-euc', lines], { encoding: 'utf8', env: { ...process.env, ...this.env }, timeout: answer_ms_max * 2 });
    assert.equal(ran.status, 0, `${lines}\n${ran.stdout}\n${ran.stderr}`);
    return ran.stdout;
  }

  // One command as it is typed: { code, out, err }. Debian's Python, which Debian's az belongs to.
  async run(command) {
    this.session ??= new Program('/usr/bin/python3', [path.join(__dirname, 'az_session.py')], { env: this.env });
    this.session.say(command);
    const line = await this.session.line(command, () => true, this.asked, { timeout_ms: answer_ms_max });
    this.asked += 1;
    return JSON.parse(line);
  }

  // A command that has to succeed: its JSON, null when it prints nothing.
  async json(command) {
    const { code, out, err } = await this.run(command);
    assert.equal(code, 0, `${command}\n${out}\n${err}`);
    return out.trim() ? JSON.parse(out) : null;
  }

  // A command that has to fail: what it says.
  async refusal(command) {
    const { code, out, err } = await this.run(command);
    assert.notEqual(code, 0, `${command}\n${out}`);
    return err;
  }

  kill() {
    this.session?.kill();
  }
}

module.exports = { Az };
