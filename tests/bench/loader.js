// The load generator as `./dev bench` runs it: a short run, its report and its exit code.
'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');

const { parse_connection_string } = require('../support/node/sas');
const { ports } = require('../support/node/hub');

const binary = process.env.TESTS_LOAD || path.join(__dirname, '..', '..', 'build', 'release', 'bench', 'load', 'load');
const device_key = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';

// -> { code, report (null when there is none), complaints }
function load(scenario, flags) {
  const args = [scenario, '--operations', 60, '--seconds', 0.1, '--warm-up', 0, ...flags].map(String);
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let complaints = '';
  child.stdout.on('data', (chunk) => { said += chunk; });
  child.stderr.on('data', (chunk) => { complaints += chunk; });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, report: said ? JSON.parse(said) : null, complaints }));
  });
}

// The flags that name a hub to the generator; its TLS ports when `secure`.
function facing(hub, { secure = false } = {}) {
  const { SharedAccessKey } = parse_connection_string(hub.connection_string());
  return [
    '--mqtt', `${hub.address}:${secure ? ports.mqtts : ports.mqtt}`, '--http', `${hub.address}:${secure ? ports.https : ports.http}`,
    '--amqp', `${hub.address}:${secure ? ports.amqps : ports.amqp}`, ...(secure ? ['--ca', hub.ca_file] : []), '--pid', hub.process.pid, '--policy-key', SharedAccessKey,
    '--device-key', device_key, '--event-hub', hub.address, '--create',
  ];
}

module.exports = { facing, load };
