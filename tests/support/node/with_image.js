// Runs test files against the hub's image in a Docker engine:  node with_image.js FILE.test.js...
//
// The image is made of the program under test, without a build in Docker, and gone again at the end. In the files' environment:
//   TESTS_DOCKER_IMAGE   its name; one that is set already is taken as it is
// Where there is no engine that could run them it says so, and nothing is run.
'use strict';

const { execFileSync, spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { binary } = require('./hub');

const tree = path.join(__dirname, '..', '..', '..');
const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).trim();
const docker = (...args) => run('docker', ...args);

// Why nothing can be run here; null: all can.
function obstacle() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 18)) return 'Testcontainers needs Node 20.18 or newer';
  for (const tool of ['docker', 'docker-compose']) {
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) return `${tool} is not installed`;
  }
  const info = spawnSync('docker', ['info'], { encoding: 'utf8' });
  if (info.status !== 0) return `no Docker engine answers: ${info.stderr.trim()}`;
  if (!docker('network', 'ls', '--filter', 'driver=bridge', '--quiet')) return 'the Docker engine has no bridge network';
  return null;
}

// -> the name of an image that was made of the program under test.
function make_image() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-image-'));
  const before = docker('images', '--format', '{{.Repository}}:{{.Tag}}').split('\n');
  const loaded = docker('load', '--quiet', '--input', run(path.join(tree, 'docker', 'image.sh'), binary, folder)).replace(/^Loaded image: /, '');
  fs.rmSync(folder, { recursive: true });
  const image = `twinhub-tests:${process.pid}`;
  docker('tag', loaded, image);
  if (!before.includes(loaded)) docker('rmi', loaded);
  return image;
}

async function main(files) {
  const reason = obstacle();
  if (reason) {
    console.log(`THIS TEST CANNOT RUN HERE: ${reason}`);
    return 0;
  }
  const recipes = path.join(tree, 'tests', 'recipes', 'node');
  execFileSync(path.join(__dirname, 'npm_packages.sh'), [recipes], { stdio: 'inherit' });
  const image = process.env.TESTS_DOCKER_IMAGE || make_image();
  // Testcontainers' own container that removes others is an image of a registry; what is left of ours is removed below.
  const env = { ...process.env, TESTS_DOCKER_IMAGE: image, TESTCONTAINERS_RYUK_DISABLED: 'true' };
  const code = await new Promise((resolve) => {
    spawn(process.execPath, ['--test', '--test-concurrency=1', ...files], { stdio: 'inherit', env }).once('exit', (exit_code) => resolve(exit_code ?? 1));
  });
  if (image !== process.env.TESTS_DOCKER_IMAGE) {
    for (const container of docker('ps', '--all', '--quiet', '--filter', `ancestor=${image}`).split('\n').filter(Boolean)) docker('rm', '--force', '--volumes', container);
    docker('rmi', image);
  }
  return code;
}

main(process.argv.slice(2)).then((code) => { process.exitCode = code; }, (error) => {
  process.stderr.write(`${error.stack}\n${error.stderr ?? ''}`);
  process.exit(1);
});
