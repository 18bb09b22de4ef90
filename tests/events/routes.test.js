// Routes, fallback and enrichments; GET /events and `twinhub events tail`.
'use strict';

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const readline = require('node:readline');
const { after, before, test } = require('node:test');

const { binary, ports } = require('../support/node/hub');
const { until } = require('../support/node/until');
const { connect, create_device, get_text, hub_with, metric, rest_of } = require('./world');

let hub;
let rest;
let device;
let client;
const file = (name) => path.join(hub.data_dir, 'out', `${name}.jsonl`);
const lines = (name) => (fs.existsSync(file(name)) ? fs.readFileSync(file(name), 'utf8').split('\n').slice(0, -1).map((l) => JSON.parse(l)) : []);
const telemetry = (bag, body) => client.publish(`devices/d/messages/events/${bag}`, body, 1);
const json = '$.ct=application%2Fjson&$.ce=utf-8';

before(async () => {
  hub = hub_with('');
  const endpoints = ['hot', 'tagged', 'rest'].map((name) => `[[endpoints]]\nname = "${name}"\ntype = "file"\npath = "${file(name)}"\n`);
  fs.writeFileSync(path.join(hub.data_dir, 'settings.toml'), `
[events]
hub_name = "myhub"
[[routes]]
name = "hot by body"
source = "DeviceMessages"
condition = "$body.temperature > 30"
endpoints = "hot"
[[routes]]
name = "hot by property"
source = "DeviceMessages"
condition = "AS_NUMBER(level) >= 3 OR $connectionDeviceId = 'nobody'"
endpoints = ["hot"]
[[routes]]
name = "off"
source = "DeviceMessages"
enabled = false
endpoints = "tagged"
condition = "off = 'yes'"
[[routes]]
name = "by twin"
source = "DeviceMessages"
condition = "$twin.tags.site = 'A'"
endpoints = ["tagged", "events"]
[fallback]
endpoints = ["rest"]
[[enrichments]]
key = "site"
value = "$twin.tags.site"
endpoints = ["hot", "tagged"]
[[enrichments]]
key = "hub"
value = "$iothubname"
endpoints = ["hot"]
[[enrichments]]
key = "missing"
value = "$twin.tags.missing"
endpoints = ["hot"]
${endpoints.join('')}`.replaceAll('hot by body', 'hot-by-body').replaceAll('hot by property', 'hot-by-property').replaceAll('by twin', 'by-twin'));
  await hub.start();
  rest = rest_of(hub);
  device = await create_device(hub, rest, 'd');
  client = await connect(device);
});
after(async () => {
  client.destroy();
  rest.close();
  await hub.stop();
  hub.remove();
});

test('a message goes to every endpoint it matches, once; the fallback takes messages that match no route', async () => {
  await telemetry(json, '{"temperature":31}');
  await telemetry(`level=4&${json}`, '{"temperature":32}');  // two routes, one endpoint
  await telemetry('level=1', 'cold');
  await telemetry('', '{"temperature":99}');  // no content type: the body cannot be asked
  await telemetry('off=yes', 'x');
  await until('both endpoints', () => lines('rest').length === 3 && lines('hot').length === 2);  // each at its own pace
  assert.deepEqual(lines('rest').map(({ body }) => body), ['cold', '{"temperature":99}', 'x']);
  assert.deepEqual(lines('hot').map(({ body }) => body.temperature), [31, 32]);
  assert.equal(lines('tagged').length, 0);
});

test('a condition and an enrichment read the current twin; an enrichment path without a value stays as written', async () => {
  assert.equal((await rest.patch('/twins/d', { tags: { site: 'A' } })).status, 200);
  await telemetry(`level=5&${json}`, '{"temperature":1}');
  await until('both endpoints', () => lines('hot').length === 3 && lines('tagged').length === 1);
  const hot = lines('hot').at(-1);
  assert.deepEqual(hot.properties, { level: '5', site: 'A', hub: 'myhub', missing: '$twin.tags.missing' });
  assert.deepEqual(lines('tagged')[0].properties, { level: '5', site: 'A' });
  assert.equal(lines('rest').length, 3);
});

test('twin changes go nowhere without a route; events that no route and no fallback takes are counted', async () => {
  assert.ok(await metric(hub, 'twinhub_routing_unrouted_total') >= 2);  // created, tags changed
  assert.ok(await metric(hub, 'twinhub_routing_undefined_conditions_total') > 0);
});

test('a wrong condition is refused at start with its place and position', () => {
  const settings = path.join(hub.data_dir, 'wrong.toml');
  fs.writeFileSync(settings, '\n[[routes]]\nname = "r"\nsource = "DeviceMessages"\ncondition = "level = = 3"\nendpoints = "events"\n');
  const ran = spawnSync(binary, ['serve', '--dev', '--config', settings, '--data-dir', path.join(hub.data_dir, 'other'), '--listen', hub.address,
    '--https-port', '0', '--mqtts-port', '0', '--amqps-port', '0', '--ops-port', '0'], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(ran.status, 1, ran.stderr);
  assert.match(ran.stderr, /wrong\.toml:2: .*condition of route 'r' is wrong at position 8/);
});

// GET /events as a browser would read it.
class Stream {
  constructor(query, headers = {}) {
    this.events = [];
    this.request = http.get({ host: hub.address, port: ports.ops, path: `/events${query}`, headers, agent: false }, (response) => {
      this.response = response;
      let rest_text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        const blocks = (rest_text + chunk).split('\n\n');
        rest_text = blocks.pop();
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
          if (fields.data) this.events.push({ id: fields.id, event: fields.event, data: JSON.parse(fields.data) });
        }
      });
      response.on('error', () => {});
    });
    this.request.on('error', () => {});
  }
  async open() { await until('the stream is open', () => this.response); return this; }
  close() { this.request.destroy(); }
}

test('GET /events shows the log from the start, filtered, and goes on as events come', async () => {
  const stream = await new Stream('?from=start&device=d&source=devicemessages').open();
  assert.equal(stream.response.headers['content-type'], 'text/event-stream; charset=utf-8');
  await until('six messages', () => stream.events.length === 6);
  await create_device(hub, rest, 'other');
  await telemetry('', 'live');
  await until('the seventh', () => stream.events.length === 7);
  assert.equal(stream.events[6].data.body, 'live');
  assert.equal(stream.events[6].event, 'DeviceMessages');
  assert.ok(stream.events.every(({ data }) => data.deviceId === 'd' && data.source === 'DeviceMessages'));
  stream.close();

  // Where one client stopped, another goes on.
  const again = await new Stream('?device=d&source=DeviceMessages', { 'Last-Event-ID': stream.events[3].id }).open();
  await until('the rest', () => again.events.length === 3);
  assert.deepEqual(again.events.map(({ data }) => data.body), stream.events.slice(4).map(({ data }) => data.body));
  again.close();
});

test('from=now shows only new events, from=TIME those since that time', async () => {
  const now = await new Stream('').open();
  const time = new Date().toISOString();
  await telemetry('', 'after');
  await until('one event', () => now.events.length >= 1);
  assert.deepEqual(now.events.map(({ data }) => data.body), ['after']);
  const since = await new Stream(`?from=${encodeURIComponent(time)}`).open();
  await until('one event since', () => since.events.length >= 1);
  assert.deepEqual(since.events.map(({ data }) => data.body), ['after']);
  now.close();
  since.close();
});

test('an unknown filter is refused in words, and so is one stream too many', async () => {
  for (const [query, words] of [['?source=Nothing', /there is no source 'Nothing'/], ['?sorce=x', /there is no filter 'sorce'/], ['?from=yesterday', /from is now, start/]]) {
    const { status, text } = await get_text(hub, `/events${query}`);
    assert.equal(status, 400);
    assert.match(text, words);
  }
  const streams = [];
  for (let n = 0; n < 32; n += 1) {
    // The places of earlier streams are free once the hub has seen their end.
    streams.push(await until('a place for a stream', async () => {
      const stream = await new Stream('').open();
      if (stream.response.statusCode === 200) return stream;
      stream.close();
      return null;
    }));
  }
  const { status, text } = await get_text(hub, '/events');
  assert.equal(status, 503);
  assert.match(text, /too many/);
  for (const stream of streams) stream.close();
  await until('a stream is free again', async () => {
    const stream = await new Stream('').open();
    const ok = stream.response.statusCode === 200;
    stream.close();
    return ok;
  });
});

test('a client that does not read costs the hub next to nothing, and the other pages answer', async () => {
  const slow = await new Stream('?from=start').open();
  slow.response.pause();
  const before_bytes = await metric(hub, 'process_resident_memory_bytes');
  const body = 'x'.repeat(60_000);
  for (let n = 0; n < 300; n += 1) await telemetry('', body);  // 18 MB
  const grown = (await metric(hub, 'process_resident_memory_bytes')) - before_bytes;
  assert.ok(grown < 60e6, `grew by ${grown}`);
  slow.response.resume();
  await until('it catches up', () => slow.events.some(({ data }) => data.body === body) && slow.events.filter(({ data }) => data.body === body).length === 300);
  slow.close();
});

test('twinhub events tail prints a line for each event', async (t) => {
  const where = ['--ops-listen', hub.address];
  const past = spawnSync(binary, ['events', 'tail', '--from', 'start', '--device', 'd', '--source', 'DeviceMessages', '--count', '2', ...where],
    { encoding: 'utf8', timeout: 60_000 });
  assert.equal(past.status, 0, past.stderr);
  assert.deepEqual(past.stdout.trim().split('\n').map((line) => JSON.parse(line).body.temperature), [31, 32]);

  const live = spawn(binary, ['events', 'tail', ...where], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => live.kill('SIGKILL'));
  const seen = [];
  readline.createInterface({ input: live.stdout }).on('line', (line) => seen.push(JSON.parse(line)));
  // The command prints nothing when it is ready: send until one event arrives.
  await until('a line', async () => { await telemetry('', 'for-tail'); return seen.length > 0; });
  assert.equal(seen[0].body, 'for-tail');
  live.kill();

  const wrong = spawnSync(binary, ['events', 'tail', '--source', 'Nothing', ...where], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /there is no source 'Nothing'/);
});
