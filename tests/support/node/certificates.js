// Certificates made with the openssl command, as its users make them for IoT Hub.
'use strict';

const { X509Certificate } = require('node:crypto');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

function openssl(...args) {
  const ran = spawnSync('openssl', args, { encoding: 'utf8' });
  if (ran.error) throw ran.error;
  if (ran.status !== 0) throw new Error(`openssl ${args.join(' ')}: ${ran.stderr}`);
}

// A folder of certificates; it goes when the process ends.
class Certificates {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-certificates-'));
    process.once('exit', () => fs.rmSync(this.folder, { recursive: true, force: true }));
    this.count = 0;
  }

  // `issuer`: what make() gave for a CA; without one the certificate signs itself.
  make(common_name, { issuer, is_ca = false, days = 2 } = {}) {
    this.count += 1;
    const file = (ending) => path.join(this.folder, `${this.count}.${ending}`);
    const request = ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key'), '-subj', `/CN=${common_name}`];
    const extensions = is_ca ? 'basicConstraints=critical,CA:TRUE' : 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth';
    fs.writeFileSync(file('ext'), `${extensions}\n`);
    openssl(...request, '-out', file('csr'));
    const signer = issuer ? ['-CA', issuer.file, '-CAkey', issuer.key_file, '-CAcreateserial'] : ['-signkey', file('key')];
    openssl('x509', '-req', '-in', file('csr'), ...signer, '-days', String(days), '-sha256', '-extfile', file('ext'), '-out', file('pem'));
    const pem = fs.readFileSync(file('pem'), 'utf8');
    const parsed = new X509Certificate(pem);
    return {
      file: file('pem'), key_file: file('key'), pem, key: fs.readFileSync(file('key'), 'utf8'),
      sha1: parsed.fingerprint.replaceAll(':', ''), sha256: parsed.fingerprint256.replaceAll(':', ''),
    };
  }
}

module.exports = { Certificates };
