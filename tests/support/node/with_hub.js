// Runs test files against one hub, fresh for the first of them and reset before each other:  node with_hub.js FILE.test.js...
//
// NODE_EXTRA_CA_CERTS is read when a Node process starts, so the tests run in a process of their own, started once the hub has
// made its certificate. They learn about the hub from the environment only; the same file can face another hub, or the cloud:
//   HUB_CONNECTION_STRING='HostName=...' node --test tests/sdk/registry.test.js
'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');

const { Hub } = require('./hub');

async function main(files) {
  const hub = await new Hub().start();
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: hub.ca_file, HUB_CONNECTION_STRING: hub.connection_string() };
  env.EVENTHUB_CONNECTION_STRING = hub.events_connection_string();
  for (const policy of ['service', 'device', 'registryRead', 'registryReadWrite']) {
    env[`HUB_CONNECTION_STRING_${policy}`] = hub.connection_string('--policy', policy);
  }
  let code = 0;
  for (const [index, file] of files.entries()) {
    if (index > 0) await hub.reset();
    const began = Date.now();
    const exit_code = await new Promise((resolve) => {
      spawn(process.execPath, ['--test', file], { stdio: 'inherit', env }).once('exit', (how) => resolve(how ?? 1));
    });
    if (files.length > 1) process.stdout.write(`# ${path.basename(file)}: exit code ${exit_code}, ${Date.now() - began} ms\n`);
    code ||= exit_code;
  }
  await hub.stop();
  hub.remove();
  return code;
}

main(process.argv.slice(2)).then((code) => { process.exitCode = code; }, (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
