// docker/TESTING.md with a real engine; what is on the host's network, or published there, on an address of its own. with_image.js starts it.
//   TESTS_DOCKER_IMAGE: the hub's image
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
const { until } = require('../support/node/until');

const blocks = blocks_of('docker/TESTING.md').filter(({ is_run }) => is_run);
const block = (part) => blocks.find(({ text }) => text.includes(part)).text;
const image = process.env.TESTS_DOCKER_IMAGE;
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

test('the compose file: its tests end in order, and with them the project', (t) => {
  const project = (folder) => ({ COMPOSE_PROJECT_NAME: path.basename(folder).toLowerCase() });
  const folder = scratch(t, (here) => shell(here, 'docker-compose down --volumes --timeout 10', project(here)));
  fs.writeFileSync(path.join(folder, 'compose.yaml'), block('service_started').replaceAll('image: twinhub', `image: ${image}`));
  fs.writeFileSync(path.join(folder, 'seed.toml'), block('[[devices]]'));
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

// A folder as a job's: packages, a test of the application's, and a file for variables; gone with the container of the same name.
function job(t) {
  const folder = scratch(t, (here) => spawnSync('docker', ['rm', '--force', '--volumes', path.basename(here)]));
  fs.writeFileSync(path.join(folder, 'GITHUB_ENV'), '');
  fs.writeFileSync(path.join(folder, 'seed.toml'), block('[[devices]]'));
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ scripts: { test: 'node test.js' } }));
  fs.symlinkSync(path.join(process.env.TESTS_PACKAGES || path.join(__dirname, '..', 'sdk'), 'node_modules'), path.join(folder, 'node_modules'));
  fs.writeFileSync(path.join(folder, 'test.js'), `
const { Registry } = require('azure-iothub');
if (!/DeviceId=sensor-1;/.test(process.env.IOTHUB_DEVICE_CONNECTION_STRING)) process.exit(1);
Registry.fromConnectionString(process.env.IOTHUB_CONNECTION_STRING).getTwin('sensor-1').then(({ responseBody }) => console.log(responseBody.deviceId));
`);
  return folder;
}

// -> what each step prints. A step sees the variables that those before it have written down.
function run_steps(folder, steps) {
  return steps.map((step) => {
    const variables = fs.readFileSync(path.join(folder, 'GITHUB_ENV'), 'utf8').split('\n').filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    return shell(folder, `exec 2>&1\n${step}`, { ...Object.fromEntries(variables), GITHUB_ENV: path.join(folder, 'GITHUB_ENV') });
  });
}

test('the steps of the workflow, as shell steps', (t) => {
  const folder = job(t);
  const address = own_address();
  const name = path.basename(folder);
  const steps = steps_of(block('Start the hub'));
  assert.equal(steps.length, 5);
  const said = run_steps(folder, steps.map((step) => step
    .replace('--network host twinhub', `--network host -e TWINHUB_LISTEN=${address} -e TWINHUB_OPS_LISTEN=${address} -e TWINHUB_HOST_NAMES=${address} ${image}`)
    .replaceAll('--name twinhub', `--name ${name}`).replaceAll('exec twinhub ', `exec ${name} `).replaceAll('logs twinhub', `logs ${name}`)
    .replaceAll('cp twinhub:', `cp ${name}:`).replaceAll('--host-name localhost', `--host-name ${address}`)));
  assert.match(said[3], /^sensor-1$/m);
  assert.match(said[4], /twinhub/);
});

// As GitHub's runner starts it: `docker create` with these words, then its health is waited for.
test('the service container, and the steps that use it', async (t) => {
  const folder = job(t);
  const address = own_address();
  const name = path.basename(folder);
  const workflow = block('job.services');
  const words = (key, each) => [...new RegExp(`^ +${key}: [[{](.*)[\\]}]$`, 'm').exec(workflow)[1].matchAll(each)];
  const env = words('env', /(\w+): "?([^",}]+)"?/g).flatMap(([, key, value]) => ['--env', `${key}=${value}`]);
  const published = words('ports', /"(\d+:\d+)"/g).flatMap(([, ports]) => ['--publish', `${address}:${ports}`]);
  assert.deepEqual([env.length, published.length], [4, 8]);
  shell(folder, `docker create --name ${[name, ...env, '--env', `TWINHUB_HOST_NAMES=${address}`, ...published, image].join(' ')} && docker start ${name}`);
  await until('the service is healthy', () => shell(folder, `docker inspect --format '{{.State.Health.Status}}' ${name}`).trim() === 'healthy', { timeout_ms: patience_ms, every_ms: 200 });
  const said = run_steps(folder, steps_of(workflow).map((step) => step.replaceAll('localhost', address).replaceAll('${{ job.services.twinhub.id }}', name)));
  assert.match(said.at(-1), /^sensor-1$/m);
});

// The application's test against a hub that has started, by one of its names.
const application_test = (name, host) => [`
docker cp ${name}:/data/tls/ca.pem ca.pem
echo "NODE_EXTRA_CA_CERTS=$PWD/ca.pem" >> "$GITHUB_ENV"
echo "IOTHUB_CONNECTION_STRING=$(docker exec ${name} twinhub connection-string --host-name ${host})" >> "$GITHUB_ENV"
echo "IOTHUB_DEVICE_CONNECTION_STRING=$(docker exec ${name} twinhub connection-string --device sensor-1 --host-name ${host})" >> "$GITHUB_ENV"
`, 'npm test'];

test('ports that are published on a loopback address are those that SDKs know', (t) => {
  const folder = job(t);
  const address = own_address();
  const name = path.basename(folder);
  const start = block('127.0.7.1').replaceAll('127.0.7.1', address).replace('--name twinhub', `--name ${name}`).replaceAll('exec twinhub ', `exec ${name} `)
    .replace(' twinhub serve', ` ${image} serve`);
  assert.match(run_steps(folder, [start, ...application_test(name, address)]).at(-1), /^sensor-1$/m);
});

test('a container\'s own address has all ports, and the certificate names it', (t) => {
  const folder = job(t);
  const name = path.basename(folder);
  const start = block('127.0.7.1').replace(/( -p \S+)+/, '').replace(/ --host-name \S+/, '').replace('--name twinhub', `--name ${name}`).replaceAll('exec twinhub ', `exec ${name} `)
    .replace(' twinhub serve', ` ${image} serve`);
  run_steps(folder, [start]);
  const address = shell(folder, `docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' ${name}`).trim();
  assert.match(run_steps(folder, application_test(name, address)).at(-1), /^sensor-1$/m);
});
