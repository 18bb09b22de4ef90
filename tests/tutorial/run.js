// Microsoft's device-twin tutorial with the unmodified npm packages: the back end resets the twin, then sends six patches,
// each with the etag of the response before, while the device reports in between.
//   TESTS_PACKAGES: folder of the packages, default the newest
// A hub is what support/node/hub.js gives: ca_file, connection_string(...flags).
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');

const { ClientProcess } = require('../support/node/client_process');
const { final_desired, final_reported, initial_report, reset, steps } = require('./patches');

const packages = process.env.TESTS_PACKAGES || path.join(__dirname, '..', 'sdk');
const device_id = 'MyTwinDevice';
const clients = [];

function start_client(hub, program, connection_string) {
  const client = new ClientProcess(path.join(__dirname, program), { ca_file: hub.ca_file, packages, args: [connection_string] });
  clients.push(client);
  return client;
}

// For the test's end, however it ended.
function end_clients() {
  for (const client of clients) client.kill();
}

const without = (section, ...names) => {
  const copy = { ...section };
  for (const name of names) delete copy[name];
  return copy;
};

const etag_number = (etag) => Buffer.from(etag, 'base64').readBigUInt64BE();

// The device's events for desired version `version`, up to the last one that is expected. A report leaves the device
// when its handler runs and is acknowledged later: its place among the other events is not fixed, so it is looked at by itself.
async function notices_of(device, version, expected) {
  const first = (event) => event.event === 'desired' && event.delta.$version === version;
  await device.event(`delta of version ${version}`, first);
  const from = device.events.findIndex(first);
  const heard = () => device.events.slice(from + 1).filter((event) => event.event);
  await device.event(`${expected.length} notices of version ${version}`, () => heard().length >= expected.length);
  return { delta: device.events[from].delta, notices: heard() };
}

const split = (notices) => ({
  reports: notices.filter(({ event }) => event === 'reported'),
  others: notices.filter(({ event }) => event !== 'reported'),
});

// On a twin that an earlier run left: the SDK fires each handler once with what is stored.
async function check_first_look(device, twin) {
  const { desired } = await device.event('the device has its twin', ({ event }) => event === 'twin');
  assert.deepEqual(desired, without(twin.properties.desired, '$metadata'));
  await device.event('the first report', ({ event }) => event === 'reported');
  if (!desired.patchId) {
    assert.deepEqual(device.events.slice(1), [{ event: 'desired', delta: { $version: 1 } }, initial_report]);
    return;
  }
  const { climate, system } = final_desired.components;
  assert.deepEqual(split(device.events.slice(1)), {
    reports: [{ event: 'reported', patch: { ...final_reported, fanOn: '', lastPatchReceivedId: final_desired.patchId } }],
    others: [
      { event: 'desired', delta: desired },
      { event: 'climate', delta: climate },
      { event: 'fanOn', value: 'false' },
      { event: 'add', name: 'system', value: system },
      { event: 'add', name: 'climate', value: climate },
    ],
  });
}

async function check_reset(device, back_end, twin) {
  const names = Object.keys(without(twin.properties.desired, '$metadata', '$version'));
  const answer = await back_end.ask({ command: 'update_twin', patch: reset });
  const { $version: version } = answer.properties.desired;
  assert.equal(version, twin.properties.desired.$version + 1);
  assert.deepEqual(Object.keys(answer.properties.desired).sort(), ['$metadata', '$version']);

  const expected = names.length ? ['fanOn', 'components cleared', 'reported'] : ['reported'];
  const { delta, notices } = await notices_of(device, version, expected);
  assert.deepEqual(delta, { ...Object.fromEntries(names.map((name) => [name, null])), $version: version });
  assert.deepEqual(notices.map(({ event }) => event).sort(), expected.sort());
  return answer;
}

async function check_step(device, back_end, previous, { patch, notices: expected }) {
  const answer = await back_end.ask({ command: 'update_twin', patch });
  const { $version: version } = answer.properties.desired;
  assert.equal(version, previous.properties.desired.$version + 1);
  assert.equal(etag_number(answer.etag), etag_number(previous.etag) + 1n);

  const { delta, notices } = await notices_of(device, version, expected);
  assert.deepEqual(delta, { ...patch.properties.desired, $version: version });
  assert.deepEqual(split(notices).reports, split(expected).reports);
  assert.deepEqual(sorted(split(notices).others), sorted(split(expected).others));
  return answer;
}

// Handlers of one delta fire in the order in which its keys stand; the tutorial does not depend on it.
function sorted(notices) {
  return notices.map((notice) => JSON.stringify(notice)).sort();
}

// Both programs from their start to their end, on a twin that is new or that an earlier run left.
async function run_tutorial(hub) {
  const back_end = start_client(hub, 'back_end.js', hub.connection_string());
  const before_run = await back_end.ask({ command: 'get_twin', device_id });
  const device = start_client(hub, 'device.js', hub.connection_string('--device', device_id));
  await check_first_look(device, before_run);
  const looked_at = device.events.length;

  // The back end's etag is from before the device reported, as in the tutorial.
  let answer = await check_reset(device, back_end, before_run);
  const reported_versions = [answer.properties.reported.$version];
  for (const step of steps) {
    answer = await check_step(device, back_end, answer, step);
    reported_versions.push(answer.properties.reported.$version);
  }
  assert.ok(reported_versions.at(-1) >= reported_versions[0] + 3, `the device reported in between: ${reported_versions}`);

  assert.deepEqual(without(answer.properties.desired, '$metadata', '$version'), final_desired);
  const read_back = await back_end.ask({ command: 'get_twin', device_id });
  assert.deepEqual(without(read_back.properties.reported, '$metadata', '$version'), final_reported);
  assert.equal(read_back.etag, answer.etag);
  assert.deepEqual(await device.ask({ command: 'desired' }), without(read_back.properties.desired, '$metadata'));
  // Seven deltas and no eighth; the notices of each were counted above.
  assert.equal(device.events.slice(looked_at).filter(({ event }) => event === 'desired').length, 7);
  assert.deepEqual(device.events.filter(({ event }) => event === 'report refused'), []);
  await device.end();
  await back_end.end();
}

async function create_device(hub) {
  const back_end = start_client(hub, 'back_end.js', hub.connection_string());
  const identity = await back_end.ask({ command: 'create', device_id });
  assert.equal(identity.deviceId, device_id);
  const twin = await back_end.ask({ command: 'get_twin', device_id });
  assert.equal(twin.etag, 'AAAAAAAAAAE=');
  await back_end.end();
}

module.exports = { create_device, end_clients, run_tutorial };
