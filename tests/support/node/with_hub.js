// Runs a test file against a fresh hub:  node with_hub.js FILE.test.js
//
// NODE_EXTRA_CA_CERTS is read when a Node process starts, so the tests run in a process of their own, started once the hub has
// made its certificate. They learn about the hub from the environment only; the same file can face another hub, or the cloud:
//   HUB_CONNECTION_STRING='HostName=...' node --test tests/sdk/registry.test.js
'use strict';

const { spawn } = require('node:child_process');

const { Hub } = require('./hub');

async function main(file) {
  const hub = await new Hub().start();
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: hub.ca_file, HUB_CONNECTION_STRING: hub.connection_string() };
  env.EVENTHUB_CONNECTION_STRING = hub.events_connection_string();
  for (const policy of ['service', 'device', 'registryRead', 'registryReadWrite']) {
    env[`HUB_CONNECTION_STRING_${policy}`] = hub.connection_string('--policy', policy);
  }
  const code = await new Promise((resolve) => {
    spawn(process.execPath, ['--test', file], { stdio: 'inherit', env }).once('exit', (exit_code) => resolve(exit_code ?? 1));
  });
  await hub.stop();
  hub.remove();
  return code;
}

main(process.argv[2]).then((code) => { process.exitCode = code; }, (error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
