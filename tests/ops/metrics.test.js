// The metrics of a running hub: that they count what happens, that Prometheus takes them, that OPERATIONS.md lists each of them, and that
// dashboard and alert rules ask for none that is not there.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { connect, create_device, get_text, hub_with, metric, rest_of } = require('../events/world');
const { until } = require('../support/node/until');

const root = path.join(__dirname, '..', '..');
const read = (file) => fs.readFileSync(path.join(root, file), 'utf8');

let hub;
let rest;
let client;
before(async () => {
  // An endpoint and one request of each kind, so that everything there is has been counted.
  hub = hub_with(`[[routes]]\nname = "all"\nsource = "DeviceMessages"\nendpoints = ["out"]\n
[[endpoints]]\nname = "out"\ntype = "file"\npath = "${path.join(os.tmpdir(), `twinhub-ops-${process.pid}.jsonl`)}"\n`);
  await hub.start();
  rest = rest_of(hub);
  const device = await create_device(hub, rest, 'd1');
  client = await connect(device);
});
after(async () => {
  client.destroy();
  rest.close();
  await hub.stop();
  hub.remove();
  fs.rmSync(path.join(os.tmpdir(), `twinhub-ops-${process.pid}.jsonl`), { force: true });
});

const scrape = async () => (await get_text(hub, '/metrics')).text;
const families = (page) => new Map([...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));

// What `name` (with its labels) has grown by because of `act`. Who has an answer may read the page before the answer is counted.
async function grown(name, act) {
  const now = async () => Number(((await scrape()).match(new RegExp(`^${name.replace(/[{}"|+.]/g, '\\$&')} (\\S+)$`, 'm')) || [0, 0])[1]);
  const at_rest = async (moved) => {
    let before;
    return until(`${name} has moved and rests`, async () => {
      const value = await now();
      const rests = value === before && moved(value);
      before = value;
      return rests && { value };
    });
  };
  const { value: earlier } = await at_rest(() => true);
  await act();
  const { value: later } = await at_rest((value) => value !== earlier);
  return later - earlier;
}

function promtool(args, input) {
  const ran = spawnSync('promtool', args, { encoding: 'utf8', input });
  if (ran.error) throw ran.error;
  return { status: ran.status, said: ran.stdout + ran.stderr };
}

test('operations are counted and timed by door, bytes by direction, events by source, answers by status', async () => {
  const update = () => rest.patch('/twins/d1', { properties: { desired: { a: Math.random() } } });
  assert.equal(await grown('twinhub_operation_seconds_count{operation="twin_update",door="rest"}', update), 1);
  assert.equal(await grown('twinhub_operation_seconds_bucket{operation="twin_update",door="rest",le="+Inf"}', update), 1);
  assert.ok(await grown('twinhub_operation_seconds_sum{operation="twin_update",door="rest"}', update) > 0);
  assert.equal(await grown('twinhub_events_total{source="TwinChangeEvents"}', update), 1);
  assert.ok(await grown('twinhub_storage_commit_seconds_count', update) >= 1);
  assert.equal(await grown('twinhub_rest_responses_total{code="404"}', () => rest.get('/twins/nobody')), 1);

  const publish = () => client.publish('devices/d1/messages/events/', 'x'.repeat(1000), 1);
  assert.equal(await grown('twinhub_operation_seconds_count{operation="telemetry",door="mqtt"}', publish), 1);
  assert.equal(await grown('twinhub_events_total{source="DeviceMessages"}', publish), 1);
  const bytes = await grown('twinhub_received_bytes_total{door="mqtt"}', publish);
  assert.ok(bytes > 1000 && bytes < 1100, `${bytes} bytes for a message of 1000`);
  assert.equal(await grown('twinhub_sent_bytes_total{door="mqtt"}', publish), 4, 'a PUBACK');
  const body = 'x'.repeat(3000);
  const sent = await grown('twinhub_received_bytes_total{door="rest"}', () => rest.patch('/twins/d1', { tags: { body } }));
  assert.ok(sent > 3000 && sent < 4000, `${sent} bytes for a body of 3000: each is counted once`);
  assert.ok(await grown('twinhub_sent_bytes_total{door="rest"}', () => rest.get('/twins/d1')) > 3000);
  assert.ok(await grown('twinhub_event_log_bytes', publish) > 1000);
});

test('devices are counted by status, soon after they have changed', async () => {
  await until('one enabled device', async () => (await scrape()).includes('\ntwinhub_devices{status="enabled"} 1\n'));
  await rest.create_device('d2', { status: 'disabled' });
  await until('one disabled device', async () => (await scrape()).includes('\ntwinhub_devices{status="disabled"} 1\n'));
  assert.equal(await metric(hub, 'twinhub_devices{status="enabled"}'), 1);
});

test('what runs and where: build, disk, descriptors, endpoint', async () => {
  const page = await scrape();
  assert.match(page, /^twinhub_build_info\{version="\d+\.\d+\.\d+[^"]*",commit="[^"]+"\} 1$/m);
  assert.ok(await metric(hub, 'twinhub_disk_free_bytes') <= await metric(hub, 'twinhub_disk_size_bytes'));
  assert.ok(await metric(hub, 'twinhub_disk_free_bytes') > 0);
  assert.ok(await metric(hub, 'process_open_fds') < await metric(hub, 'process_max_fds'));
  assert.equal(await metric(hub, 'twinhub_endpoint_up{endpoint="out"}'), 1);
});

test('Prometheus takes the page without a complaint', async () => {
  const { status, said } = promtool(['check', 'metrics'], await scrape());
  assert.equal(status, 0, said);
  assert.equal(said, '');
});

test('OPERATIONS.md lists each metric that there is, with its type and its labels, and no other', async () => {
  const page = await scrape();
  const listed = [...read('OPERATIONS.md').matchAll(/^\| `((?:twinhub|process)_\w+)(?:\{([a-z, ]+)\})?` \| (\w+) \|/gm)]
    .map(([, name, labels, type]) => `${name}{${labels || ''}} ${type}`);
  const there = [...families(page)].map(([name, type]) => {
    const [, labels] = page.match(new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? \\S+$`, 'm'));
    return `${name}{${[...(labels || '').matchAll(/(\w+)="/g)].map(([, label]) => label).join(', ')}} ${type}`;
  });
  assert.deepEqual(listed.sort(), there.sort());
});

// The metrics that an expression asks for, without what Prometheus makes of a histogram.
const asked = (expression) => [...expression.matchAll(/\b(?:twinhub|process)_\w+/g)].map(([name]) => name);
const is_there = (there, name) => there.has(name) ||
  there.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram';

test('the alert rules are rules, fire when they should, and ask for metrics that are there', async () => {
  const checked = promtool(['check', 'rules', path.join(root, 'config/ops/alerts.yml')]);
  assert.equal(checked.status, 0, checked.said);
  const tested = promtool(['test', 'rules', path.join(__dirname, 'alerts.test.yml')]);
  assert.equal(tested.status, 0, tested.said);
  const rules = read('config/ops/alerts.yml');
  const fired = read('tests/ops/alerts.test.yml');
  for (const [, name] of rules.matchAll(/^ +- alert: (\w+)$/gm)) assert.ok(fired.includes(`"${name}"`), `${name} is fired in no test`);
  const there = families(await scrape());
  for (const name of asked(rules.replace(/summary: .*/g, ''))) assert.ok(is_there(there, name), `${name} of alerts.yml`);
});

test('the dashboard asks for metrics that are there, in expressions that Prometheus reads', async () => {
  const dashboard = JSON.parse(read('config/ops/grafana.json'));
  const expressions = dashboard.panels.flatMap((panel) => (panel.targets || []).map(({ expr }) => expr));
  const variables = dashboard.templating.list.flatMap(({ definition }) => definition || []);
  assert.ok(expressions.length > 20 && variables.length > 0);
  const there = families(await scrape());
  for (const text of [...expressions, ...variables]) {
    assert.ok(asked(text).length > 0, text);
    for (const name of asked(text)) assert.ok(is_there(there, name), `${name} of the dashboard`);
  }
  const rules = expressions.map((expr, i) => `  - record: panel:${i}\n    expr: ${JSON.stringify(expr.replaceAll('$__rate_interval', '5m'))}\n`);
  const file = path.join(os.tmpdir(), `twinhub-panels-${process.pid}.yml`);
  fs.writeFileSync(file, `groups:\n- name: panels\n  rules:\n${rules.join('')}`);
  const { status, said } = promtool(['check', 'rules', file]);
  fs.rmSync(file);
  assert.equal(status, 0, said);
});
