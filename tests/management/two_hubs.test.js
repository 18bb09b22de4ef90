// Two hubs with two data folders in one az profile: each cloud leads to its own hub, and neither's log-in takes the other's place.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { after, before, test } = require('node:test');

const { Hub } = require('../support/node/hub');
const { Az } = require('./az');

const hubs = [new Hub(), new Hub()];
let az;

const lines_of = (hub, cloud) => {
  const ran = spawnSync(process.env.TESTS_BINARY, ['az', '--cloud', cloud, '--dev', '--data-dir', hub.data_dir, '--host-name', hub.address], { encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
  // One bundle with both hubs' CAs stands in the environment already.
  return ran.stdout.split('\n').filter((line) => line.startsWith('az ')).join('\n');
};

before(async () => {
  await Promise.all(hubs.map((hub) => hub.start()));
  az = new Az(hubs.map((hub) => hub.ca_file));
});
after(async () => {
  az?.kill();
  await Promise.all(hubs.map((hub) => hub.stop()));
  for (const hub of hubs) hub.remove();
});

test('each cloud keeps to its own hub', async () => {
  const names = ['first-hub', 'second-hub'];
  for (const [i, hub] of hubs.entries()) {
    for (const line of lines_of(hub, `cloud-${i}`).split('\n')) await az.json(line);
    await az.json('az group create --name g --location westus2');
    await az.json(`az iot hub create --resource-group g --name ${names[i]}`);
  }
  for (const i of [0, 1, 0]) {
    await az.json(`az cloud set --name cloud-${i}`);
    const [listed, ...others] = await az.json('az iot hub list');
    assert.deepEqual([listed.name, listed.properties.hostName, others], [names[i], hubs[i].address, []]);
  }
  const accounts = await az.json('az account list --all');
  assert.equal(new Set(accounts.map(({ id }) => id)).size, 2);
});
