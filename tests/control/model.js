// What must be in a hub, as plain objects: a sequence of acknowledged operations leads to one State, whatever the hub is made of.
// And what is in it, read by the API, in the same shape.
'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');

const { within } = require('../support/node/until');

// How the hub shows devices' connections goes on beside the writes: no part of a state.
const presence = /"(connectionState|connectionStateUpdatedTime|lastActivityTime)":"[^"]*",?/g;

class State {
  constructor({ devices, configurations, jobs, log }) {
    this.devices = devices;  // by id: { identity, twin (without $metadata), waiting: [C2D body], has_session }
    this.configurations = configurations;  // by id: etag
    this.jobs = jobs;  // ids
    this.log = log;  // by device id, in order: 'createDeviceIdentity', 'deleteDeviceIdentity', '=' and a message's body
  }

  copy() { return new State(structuredClone({ ...this })); }

  get ids() { return Object.keys(this.devices); }

  add(identity, twin) {
    this.devices[identity.deviceId] = { identity, twin, waiting: [], has_session: false };
  }

  logged(id, what) { (this.log[id] ??= []).push(what); }

  remove(id) {
    delete this.devices[id];
    this.logged(id, 'deleteDeviceIdentity');
  }

  // A back end's patch; the etag is the answer's.
  patch(id, { tags, desired }, etag) {
    const { twin } = this.devices[id];
    twin.version += 1;
    twin.etag = etag;
    merge(twin.tags, tags);
    if (!desired) return;
    merge(twin.properties.desired, desired);
    twin.properties.desired.$version += 1;
  }

  // -> the version that the device is answered.
  report(id, patch) {
    const { twin } = this.devices[id];
    twin.version += 1;
    merge(twin.properties.reported, patch);
    return twin.properties.reported.$version += 1;
  }

  send(id, body) {
    this.devices[id].waiting.push(body);
    this.devices[id].twin.cloudToDeviceMessageCount += 1;
  }

  receive(id) {
    this.devices[id].twin.cloudToDeviceMessageCount -= 1;
    return this.devices[id].waiting.shift();
  }
}

function merge(section, patch = {}) {
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete section[name];
    else section[name] = value;
  }
}

// The order of the documents of a query is the hub's own.
const lines = (name, documents) => documents.map((document) => [document[name], JSON.stringify(document).replace(presence, '')])
  .sort(([a], [b]) => (a < b ? -1 : 1));

function without_moments({ tags = {}, properties, ...rest }) {
  const { desired: { $metadata: _, ...desired }, reported: { $metadata: __, ...reported } } = properties;
  return { ...JSON.parse(JSON.stringify(rest).replace(presence, '')), tags, properties: { desired, reported } };
}

// All that a back end can read: { twins, identities, configurations, jobs }, and `bytes`, what a restore brings back as it was.
async function read(rest) {
  const ok = async (answering) => {
    const { status, json, text } = await answering;
    assert.equal(status, 200, text);
    return json;
  };
  const twins = await ok(rest.request('POST', '/devices/query', { body: { query: 'SELECT * FROM devices' } }));
  const identities = await ok(rest.get('/devices?top=1000'));
  const configurations = await ok(rest.get('/configurations?top=100'));
  const jobs = await ok(rest.get('/jobs/v2/query'));
  return {
    twins: Object.fromEntries(twins.map((twin) => [twin.deviceId, without_moments(twin)])),
    identities: Object.fromEntries(lines('deviceId', identities).map(([id, line]) => [id, JSON.parse(line)])),
    configurations: Object.fromEntries(configurations.map(({ id, etag }) => [id, etag])),
    jobs: jobs.map(({ jobId }) => jobId).sort(),
    bytes: [
      lines('deviceId', twins), lines('deviceId', identities),
      lines('id', configurations.map(({ id, etag, createdTimeUtc, lastUpdatedTimeUtc, content }) => ({ id, etag, createdTimeUtc, lastUpdatedTimeUtc, content }))),
      lines('jobId', jobs.map(({ jobId, createdTime, startTime }) => ({ jobId, createdTime, startTime }))),
    ],
  };
}

// The event log from its start: at least `count` events of devices that were created or deleted, and messages, per device.
async function read_log(url, count) {
  const log = {};
  let text = '';
  let read_so_far = 0;
  const take = (event) => {
    const what = { DeviceLifecycleEvents: event.properties.opType, DeviceMessages: `=${event.body}` }[event.source];
    if (!what) return;
    (log[event.deviceId] ??= []).push(what);
    read_so_far += 1;
  };
  const request = http.get(`${url}/events?from=start`, { agent: false });
  const all = new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      if (response.statusCode !== 200) reject(new Error(`/events: ${response.statusCode}`));
      response.on('error', reject);
      response.on('end', () => reject(new Error('the stream of events ended')));
      response.on('data', (chunk) => {
        const parts = (text + chunk.toString('utf8')).split('\n\n');
        text = parts.pop();
        for (const part of parts) {
          const data = part.match(/^data: (.*)$/m);
          if (data) take(JSON.parse(data[1]));
        }
        if (read_so_far >= count) resolve();
      });
    });
  });
  await within(`${count} events`, all).catch((error) => { throw new Error(`${error.message}, after ${read_so_far}`); });
  request.destroy();
  return log;
}

async function check(rest, url, state, { log }) {
  const found = await read(rest);
  const expected = (member) => Object.fromEntries(state.ids.map((id) => [id, state.devices[id][member]]));
  assert.deepEqual(Object.keys(found.identities).sort(), state.ids.sort(), 'devices');
  assert.deepEqual(found.twins, expected('twin'), 'twins');
  for (const [id, identity] of Object.entries(found.identities)) {
    assert.deepEqual({ ...identity, cloudToDeviceMessageCount: 0 }, state.devices[id].identity, `identity of ${id}`);
  }
  assert.deepEqual(found.configurations, state.configurations, 'configurations');
  assert.deepEqual(found.jobs, [...state.jobs].sort(), 'jobs');
  if (log) assert.deepEqual(await read_log(url, Object.values(state.log).flat().length), state.log, 'event log');
  return found;
}

// What a hub with `count` events in its log begins with.
async function adopt(rest, url, count) {
  const found = await read(rest);
  const state = new State({ devices: {}, configurations: found.configurations, jobs: found.jobs, log: await read_log(url, count) });
  for (const [id, identity] of Object.entries(found.identities)) state.add(identity, found.twins[id]);
  return state;
}

module.exports = { State, adopt, check, read, without_moments };
