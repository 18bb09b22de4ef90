// A bare Debian 12 in a folder, the package in it, and the hub that its unit starts.
'use strict';

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const { Program } = require('../support/node/program');

const packaging = path.join(__dirname, '..', '..', 'config', 'packaging');

// Why no tree can be made and entered on this machine; null: one can.
function obstacle() {
  if (process.getuid() !== 0) return 'only root can make a tree of another system and enter it';
  const missing = ['mmdebstrap', 'dpkg-shlibdeps', 'unshare', 'setpriv', 'python3'].find((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing) return `${missing} is not installed (./dev deps test)`;
  const entered = spawnSync('unshare', ['--mount', '--pid', '--fork', '--mount-proc', 'true'], { encoding: 'utf8' });
  return entered.status === 0 ? null : `no namespaces here: ${entered.stderr}`;
}

function run(command, args, options = {}) {
  const ran = spawnSync(command, args.map(String), { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (ran.error) throw ran.error;
  if (ran.status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${ran.status}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

// -> the path of what the script makes of `binary`.
const make_deb = (binary, folder) => run(path.join(packaging, 'deb.sh'), [binary, folder]).trim();
const make_tarball = (binary, folder) => run(path.join(packaging, 'tarball.sh'), [binary, folder]).trim();
const make_image = (binary, folder) => run(path.join(packaging, '..', '..', 'docker', 'image.sh'), [binary, folder]).trim();

const own_address = () => `127.${crypto.randomInt(1, 255)}.${crypto.randomInt(0, 256)}.${crypto.randomInt(1, 255)}`;

class BareSystem {
  constructor(folder) {
    this.folder = folder;
    this.address = own_address();
    fs.mkdirSync(folder, { mode: 0o755 });
    run(path.join(__dirname, 'bare_tree.sh'), [folder]);
  }

  in_tree(...parts) { return path.join(this.folder, ...parts); }

  read(...parts) { return fs.readFileSync(this.in_tree(...parts), 'utf8'); }

  // A command of root's in the tree; its standard output.
  run(...words) {
    return run('unshare', ['--mount', `--mount-proc=${this.in_tree('proc')}`, '--pid', '--fork', 'chroot', this.folder, ...words], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' },
    });
  }

  // With what it depends on, from Debian.
  install(file, ...flags) {
    fs.copyFileSync(file, this.in_tree('tmp', path.basename(file)));
    return this.run('apt-get', '-qq', '--yes', '--no-install-recommends', ...flags, 'install', `/tmp/${path.basename(file)}`);
  }

  // As the user of the service.
  twinhub(...args) { return this.run('setpriv', '--reuid=twinhub', '--regid=twinhub', '--clear-groups', 'twinhub', ...args); }

  // What an operator writes to have the hub on an address of its own.
  listen_on_own_address() {
    fs.appendFileSync(this.in_tree('etc/twinhub/twinhub.toml'),
      `\nlisten = "${this.address}"\nops_listen = "${this.address}"\nhost_names = ["${this.address}"]\n`);
  }

  // Starts the unit's command; settles when it has said READY=1. -> as support/node/hub.js sees a hub
  async start() {
    const { folder } = this;
    const unit = new Program('python3', [path.join(__dirname, 'run_unit.py'), folder, 'twinhub.service']);
    const notified = (what, fits, from) => unit.event(what, ({ notified: told }) => told && fits(told), from);
    await notified('READY=1', (told) => told.READY === '1');
    return {
      unit,
      notified,
      ca_file: this.in_tree('var/lib/twinhub/tls/ca.pem'),
      connection_string: (...flags) => this.twinhub('connection-string', '--data-dir', '/var/lib/twinhub', ...flags).trimEnd(),
      stop: async () => {
        unit.say('stop');
        const { exited } = JSON.parse(await unit.line('its end', (line) => 'exited' in JSON.parse(line)));
        if (exited !== 0) throw new Error(unit.report());
      },
    };
  }
}

module.exports = { BareSystem, make_deb, make_image, make_tarball, obstacle, own_address, run };
