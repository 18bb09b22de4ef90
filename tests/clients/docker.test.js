// docker/TESTING.md with a real engine, on the host's network and on an address of its own.
//   TESTS_DOCKER_IMAGE: the hub's image; without one nothing of this is run
//   TESTS_PACKAGES: folder of the service packages
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { own_address } = require('../support/node/hub');
const { blocks_of } = require('../support/node/document');

const blocks = blocks_of('docker/TESTING.md').filter(({ is_run }) => is_run);
const block = (part) => blocks.find(({ text }) => text.includes(part)).text;
const image = process.env.TESTS_DOCKER_IMAGE;
const skip = image ? false : 'TESTS_DOCKER_IMAGE names no image of the hub';
const patience_ms = 180_000;

// `clean` runs while the folder is there.
function scratch(t, clean) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-docker-'));
  t.after(() => {
    clean(folder);
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function shell(folder, lines, env = {}) {
  const ran = spawnSync('bash', ['--norc', '-euo', 'pipefail', '-c', lines], { encoding: 'utf8', cwd: folder, timeout: patience_ms, env: { ...process.env, ...env } });
  assert.equal(ran.status, 0, `${lines}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

test('the compose file: its tests end in order, and with them the project', { skip }, (t) => {
  const project = (folder) => ({ COMPOSE_PROJECT_NAME: path.basename(folder).toLowerCase(), COMPOSE_FILE: 'compose.yaml:override.yaml' });
  const folder = scratch(t, (here) => shell(here, 'docker-compose down --volumes --timeout 10', project(here)));
  const address = own_address();
  fs.writeFileSync(path.join(folder, 'compose.yaml'), block('service_started').replaceAll('image: twinhub', `image: ${image}`));
  fs.writeFileSync(path.join(folder, 'seed.toml'), block('[[devices]]'));
  // Where no bridge is: the host's network, on which other hubs may have the ports of other addresses.
  const services = ['twinhub', 'fleet', 'tests'].map((name) => `  ${name}:
    network_mode: host
    extra_hosts: ["twinhub:${address}"]
    environment: {TWINHUB_LISTEN: "${name === 'twinhub' ? address : ''}", TWINHUB_OPS_LISTEN: "${address}"}
`.replace('TWINHUB_LISTEN: "", ', ''));
  fs.writeFileSync(path.join(folder, 'override.yaml'), `services:\n${services.join('')}`);
  const said = shell(folder, block('--exit-code-from'), project(folder));
  assert.equal([...said.matchAll(/tests_1[^\n]*"deviceId":"sensor-1"/g)].length, 3, said);
});

// The scripts behind `run:` of a workflow, in order.
function steps_of(workflow) {
  const steps = [];
  let block_indent = null;
  for (const line of workflow.split('\n')) {
    const indent = line.search(/\S/);
    if (block_indent !== null && indent > block_indent) {
      steps[steps.length - 1] += `${line.trim()}\n`;
      continue;
    }
    block_indent = null;
    const found = /^\s*(?:- )?run: (.*)$/.exec(line);
    if (!found) continue;
    steps.push(found[1] === '|' ? '' : `${found[1]}\n`);
    if (found[1] === '|') block_indent = line.indexOf('run:');
  }
  return steps;
}

test('the steps of the workflow, as shell steps', { skip }, (t) => {
  const folder = scratch(t, (here) => spawnSync('docker', ['rm', '--force', '--volumes', path.basename(here)]));
  const address = own_address();
  const name = path.basename(folder);
  fs.writeFileSync(path.join(folder, 'GITHUB_ENV'), '');
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ scripts: { test: 'node test.js' } }));
  fs.symlinkSync(path.join(process.env.TESTS_PACKAGES || path.join(__dirname, '..', 'sdk'), 'node_modules'), path.join(folder, 'node_modules'));
  fs.writeFileSync(path.join(folder, 'test.js'), `
const { Registry } = require('azure-iothub');
if (!/DeviceId=sensor-1;/.test(process.env.IOTHUB_DEVICE_CONNECTION_STRING)) process.exit(1);
Registry.fromConnectionString(process.env.IOTHUB_CONNECTION_STRING).getTwin('sensor-1').then(({ responseBody }) => console.log(responseBody.deviceId));
`);
  const steps = steps_of(block('runs-on:'));
  assert.equal(steps.length, 5);
  const here = steps.map((step) => step
    .replace('--network host twinhub', `--network host -e TWINHUB_LISTEN=${address} -e TWINHUB_OPS_LISTEN=${address} -e TWINHUB_HOST_NAMES=${address} ${image}`)
    .replaceAll('--name twinhub', `--name ${name}`).replaceAll('exec twinhub ', `exec ${name} `).replaceAll('logs twinhub', `logs ${name}`)
    .replaceAll('cp twinhub:', `cp ${name}:`).replaceAll('--host-name localhost', `--host-name ${address}`));
  const said = here.map((step) => {
    const variables = fs.readFileSync(path.join(folder, 'GITHUB_ENV'), 'utf8').split('\n').filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    return shell(folder, `exec 2>&1\n${step}`, { ...Object.fromEntries(variables), GITHUB_ENV: path.join(folder, 'GITHUB_ENV') });
  });
  assert.match(said[3], /^sensor-1$/m);
  assert.match(said[4], /twinhub/);
});
