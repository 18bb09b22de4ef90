// Microsoft's device-twin tutorial (run.js), twice on one hub, and again after a restart.
//   TESTS_PACKAGES: folder of the packages, default the newest
'use strict';

const { after, before, test } = require('node:test');

const { Hub } = require('../support/node/hub');
const { create_device, end_clients, run_tutorial } = require('./run');

const hub = new Hub();

before(() => hub.start());
after(async () => {
  end_clients();
  await hub.stop();
  hub.remove();
});

test('the service SDK creates the device', () => create_device(hub));

test('a first run: every patch arrives and is reported', () => run_tutorial(hub));

test('a second run on the same hub starts from the twin that the first left', () => run_tutorial(hub));

test('a third run after a restart of the hub goes on where the second ended', async () => {
  await hub.stop();
  await hub.start();
  await run_tutorial(hub);
});
