// The load generator itself: every scenario runs against a small hub and a small broker without an error, and each kind of
// error that a server can make is noticed. No figure is asserted.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const { Broker } = require('../events/broker');
const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');
const { facing, load } = require('./loader');
const { LyingProxy, make_publish, read_publish } = require('./lying_proxy');

const no_errors = { lost: 0, late: 0, unexpected: 0, version: 0, refused: 0, malformed: 0, closed: 0 };

function assert_right({ code, report, complaints }) {
  assert.equal(code, 0, complaints);
  assert.deepEqual(report.errors, no_errors);
  assert.equal(report.errors_total, 0);
  assert.ok(report.operations > 0, 'something was done');
  assert.ok(report.cpu_us > 0, 'the server worked for it');
  assert.ok(report.p50_us > 0 && report.p50_us <= report.p99_us && report.p99_us <= report.max_us);
}

const hub = new Hub({ flags: ['--amqp-port', ports.amqp] });
before(() => hub.start());
after(() => hub.remove());

describe('every scenario drives a hub without an error', () => {
  const scenarios = {
    reported: [],
    get: [],
    telemetry: [],
    'amqp-telemetry': [],
    'amqp-messages': [],
    'amqp-events --events 300': ['--operations', 2000],  // the kernel counts CPU in milliseconds
    desired: [],
    method: [],
    connect: [],
    'connect --rehearse': [],
    idle: [],
    'reported --twin 31000': [],
    'reported --depth 10': [],
    'reported --rate 300': [],
    'desired --rate 300': [],
    'desired --rate 300 --connect-rate 100': [],
    'desired --rate 300 --slow-readers 1': [],
  };
  for (const [what, flags] of Object.entries(scenarios)) {
    test(what, async () => {
      const [scenario, ...more] = what.split(' ');
      const prefix = `${what.replaceAll(/[^a-z0-9]/g, '')}-`;
      assert_right(await load(scenario, [...facing(hub), '--devices', 8, '--in-flight', 12, '--device-prefix', prefix, ...more, ...flags]));
    });
  }

  test('amqp-telemetry at a broker', { skip: fs.existsSync('/usr/lib/rabbitmq') ? false : 'RabbitMQ is not installed: ./dev deps bench' }, async (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-load-'));
    // As the table runs it; it ends with its standard input.
    const start = 'import json, sys; from servers import RabbitMq\nwith RabbitMq(sys.argv[1]) as broker: print(json.dumps([str(flag) for flag in broker.flags()]), flush=True); sys.stdin.read()';
    const broker = spawn('python3', ['-c', start, folder], {
      stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, PYTHONPATH: path.join(__dirname, '..', '..', 'bench', 'table') },
    });
    const ended = new Promise((resolve) => { broker.once('exit', resolve); });
    t.after(async () => {
      broker.stdin.end();
      await ended;
      fs.rmSync(folder, { recursive: true, force: true });
    });
    let said = '';
    broker.stdout.on('data', (chunk) => { said += chunk; });
    await until('RabbitMQ serves', () => said.endsWith('\n') || broker.exitCode !== null, { timeout_ms: 60_000 });
    assert_right(await load('amqp-telemetry', [...JSON.parse(said), '--devices', 8, '--in-flight', 12]));
  });

  test('query, all its pages', async () => {
    const query = "SELECT deviceId FROM devices WHERE STARTSWITH(deviceId, 'asked-')";
    assert_right(await load('query', [...facing(hub), '--devices', 120, '--device-prefix', 'asked-', '--query', query, '--rows', 120]));
  });

  for (const scenario of ['reported', 'desired', 'idle']) {
    test(`${scenario} over TLS`, async () => {
      assert_right(await load(scenario, [...facing(hub, { secure: true }), '--devices', 4, '--device-prefix', `tls-${scenario}-`]));
    });
  }

  test('devices that were registered before, some of many', async () => {
    const flags = [...facing(hub), '--devices', 3, '--device-prefix', 'some-', '--first', 10, '--stride', 5];
    assert_right(await load('get', flags));
    assert_right(await load('get', flags.filter((flag) => flag !== '--create')));
    const other = await load('get', [...flags.filter((flag) => flag !== '--create'), '--first', 11]);
    assert.equal(other.code, 1, 'some-11 was never registered');
    assert.ok(other.report.errors.refused > 0, other.complaints);
  });
});

// The table's own load, killed in the middle: every update that the generator saw acknowledged is there when the hub is back.
describe('kill -9 under this load', () => {
  const killed = new Hub();
  const ledger = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-load-')), 'ledger');
  before(() => killed.start());
  after(() => {
    killed.remove();
    fs.rmSync(path.dirname(ledger), { recursive: true });
  });
  const devices = 200;
  const prefix = 'ledger-';
  const units = async () => (await killed.metrics()).twinhub_storage_commit_units_total;

  async function stored_twins() {
    const rest = new Rest(killed.connection_string(), { plain_port: ports.http });
    const twins = new Map();
    for (let n = 0; n < devices; n += 1) {
      const { status, json } = await rest.get(`/twins/${prefix}${n}`);
      assert.equal(status, 200);
      twins.set(json.deviceId, json.properties.reported);
    }
    rest.close();
    return twins;
  }

  for (const round of [1, 2, 3]) {
    test(`kill ${round}: no acknowledged update is missing`, async () => {
      const begin = await units();
      const door = facing(killed).filter((flag) => flag !== '--create' || round === 1);
      const run = load('reported', [
        ...door, '--devices', devices, '--device-prefix', prefix, '--in-flight', 256, '--operations', 1e9, '--ledger', ledger,
      ]);
      // Beyond what filling the twins takes, so that the kill falls among the updates.
      await until('the load is under way', async () => (await units()) > begin + 10 * devices + 1000 * round);
      await killed.kill();
      const { code } = await run;
      assert.equal(code, 1, 'the generator noticed');
      await killed.start();
      const twins = await stored_twins();
      let updates = 0;
      for (const line of fs.readFileSync(ledger, 'utf8').trim().split('\n')) {
        const [id, version, sequence] = line.split(' ');
        const twin = twins.get(id);
        assert.ok(twin.$version >= Number(version), `${id}: version ${twin.$version}, acknowledged ${version}`);
        if (sequence === '0') continue;
        updates += 1;
        if (twin.$version === Number(version)) assert.match(JSON.stringify(twin), new RegExp(`"sequence":${sequence}\\b`), id);
      }
      assert.ok(updates > devices / 2, `${updates} devices had an update acknowledged`);
    });
  }
});

describe('a broker is driven in the same way', () => {
  const broker = new Broker({ config: ['set_tcp_nodelay true'] });
  before(() => broker.start());
  after(() => broker.remove());
  for (const what of ['echo', 'echo --qos 0', 'echo --rate 300', 'telemetry', 'connect', 'connect --shared-topics', 'idle']) {
    test(what, async () => {
      const [scenario, ...flags] = what.split(' ');
      assert_right(await load(scenario, ['--broker', '--mqtt', `${broker.address}:${broker.port}`, '--pid', broker.process.pid,
        '--devices', 8, '--in-flight', 8, '--operations', 2000, ...flags]));  // the kernel counts CPU in milliseconds
    });
  }
});

test('bytes over loopback are the limit', async () => {
  const address = `${hub.address}:1900`;
  const server = spawn(process.env.TESTS_ECHO_SERVER || path.join(__dirname, '../../build/release/bench/load/echo_server'), [address]);
  try {
    await until('the echo server listens', async () => (await load('raw', ['--mqtt', address, '--devices', 1])).code === 0);
    assert_right(await load('raw', ['--mqtt', address, '--pid', server.pid, '--devices', 4, '--in-flight', 4]));
  } finally {
    server.kill();
  }
});

// A hub that makes one mistake, after `honest` packets of the kind: by then the devices are connected and their twins known.
async function load_through(lie, scenario, { fits, honest = 12, flags = [] }) {
  let seen = 0;
  const proxy = await LyingProxy.start({
    host: hub.address,
    port: ports.mqtt,
    lie: (packet, socket) => {
      if (!fits(packet)) return [packet];
      seen += 1;
      return seen > honest ? lie(packet, socket, seen - honest) : [packet];
    },
  });
  try {
    const all = [...facing(hub), '--mqtt', proxy.address, '--devices', 4, '--in-flight', 4, '--patience', 0.3,
      '--device-prefix', `${crypto.randomUUID()}-`, ...flags];
    return await load(scenario, all);
  } finally {
    proxy.end();
  }
}

const is_publish = (pattern) => (packet) => pattern.test(read_publish(packet)?.topic);
const response = is_publish(/^\$iothub\/twin\/res\/204/);
const once = (lie) => (packet, socket, count) => (count === 1 ? lie(packet, socket) : [packet]);
const change = (edit) => once((packet) => [make_publish(edit(read_publish(packet)))]);
const in_topic = (pattern, text) => change(({ topic, payload }) => ({ topic: topic.replace(pattern, text), payload }));
const in_payload = (pattern, text) => change(({ topic, payload }) => ({ topic, payload: payload.replace(pattern, text) }));
const drop = once(() => []);
const twice = once((packet) => [packet, packet]);
const delay = once((packet, socket) => {
  setTimeout(() => socket.write(packet), 350);
  return [];
});

describe('a mistake of the server is noticed', { concurrency: 4 }, () => {
  const delta = is_publish(/properties\/desired/);
  const twin = is_publish(/^\$iothub\/twin\/res\/200/);
  const method = is_publish(/^\$iothub\/methods/);
  const puback = (packet) => packet[0] === 0x40;
  const mistakes = [
    ['an update is not answered', 'reported', response, drop, 'lost'],
    ['an update is answered too late', 'reported', response, delay, 'late'],
    ['an update is answered twice', 'reported', response, twice, 'unexpected'],
    ['an answer has the rid of nobody', 'reported', response, in_topic(/\$rid=\d+/, '$rid=99999999'), 'unexpected'],
    ['an answer has no version', 'reported', response, in_topic(/&\$version=\d+/, ''), 'version'],
    ['a version falls', 'reported', response, in_topic(/version=\d+/, 'version=2'), 'version'],
    ['an update fails', 'reported', response, in_topic('/204/', '/500/'), 'refused'],
    ['what was acknowledged is not there', 'reported', twin, in_payload(/"\$version":\d+}}$/, '"$version":1}}'), 'lost', { honest: 4 }],
    ['what was acknowledged is there with other content', 'reported', twin, in_payload(/"sequence":\d+/, '"sequence":1'), 'lost', { honest: 4 }],
    ['bytes that are no MQTT come', 'reported', response, once(() => [Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff])]), 'malformed'],
    ['a packet comes that only clients send', 'reported', response, once((packet) => [packet, Buffer.from([0xe0, 0])]), 'malformed'],
    ['the connection ends', 'reported', response, once((_, socket) => { socket.destroy(); return []; }), 'closed'],
    ['a twin is another than before', 'get', twin, in_payload('value-0', 'value--0'), 'malformed'],
    ['a twin is older than before', 'get', twin, in_payload(/"\$version":\d+}}$/, '"$version":1}}'), 'version'],
    ['a twin is not found', 'get', twin, in_topic('/200/', '/404/'), 'refused'],
    ['a delta never comes', 'desired', delta, drop, 'lost'],
    ['a delta comes twice', 'desired', delta, twice, 'unexpected'],
    ['a version is passed over', 'desired', delta, change(({ topic, payload }) => ({
      topic: topic.replace(/\d+$/, (version) => Number(version) + 1), payload: payload.replace(/("\$version":)(\d+)/, (_, key, version) => key + (Number(version) + 1)),
    })), 'version'],
    ['topic and delta name different versions', 'desired', delta, in_payload(/("\$version":)/, '$11'), 'version'],
    ['a method reaches its device with other content', 'method', method, in_payload('auto', 'AUTO'), 'malformed'],
    ['a method is called twice', 'method', method, twice, 'unexpected'],
    ['a message is not acknowledged', 'telemetry', puback, drop, 'lost'],
    ['a message is acknowledged twice', 'telemetry', puback, twice, 'unexpected'],
    ['another message is acknowledged', 'telemetry', puback, once((packet) => [Buffer.from([0x40, 2, packet[2] ^ 0x55, packet[3]])]), 'unexpected'],
    ['a CONNECT is refused', 'connect', (packet) => packet[0] === 0x20, once(() => [Buffer.from([0x20, 2, 0, 5])]), 'refused', { honest: 2 }],
    ['a subscription is refused', 'connect', (packet) => packet[0] === 0x90,
      once((packet) => [Buffer.concat([packet.subarray(0, 5), Buffer.from([0x80])])]), 'refused', { honest: 2 }],
  ];
  for (const [what, scenario, fits, lie, kind, options] of mistakes) {
    test(`${what}: ${kind}`, async () => {
      const { code, report, complaints } = await load_through(lie, scenario, { fits, ...options });
      assert.equal(code, 1, `exit code; ${complaints}`);
      assert.ok(report.errors[kind] > 0, `${JSON.stringify(report.errors)}\n${complaints}`);
    });
  }

  test('a query with fewer rows than devices is reported as lost', async () => {
    const { code, report } = await load('query', [...facing(hub), '--devices', 5, '--rows', 1_000_000]);
    assert.equal(code, 1);
    assert.ok(report.errors.lost > 0);
  });

  test('a back end with a wrong key is reported as refused', async () => {
    const { code, report } = await load('desired', [...facing(hub).filter((flag) => flag !== '--create'), '--policy-key', 'MDEyMw==', '--devices', 1]);
    assert.equal(code, 1);
    assert.ok(report.errors.refused > 0);
  });
});

test('a run in which nothing can be measured says so', async () => {
  assert.equal((await load('reported', ['--mqtt', `${hub.address}:1`, '--devices', 1])).code, 1);
  assert.equal((await load('reported', ['--mqtt', 'nowhere', '--devices', 1])).code, 2);
  assert.equal((await load('dance', ['--mqtt', `${hub.address}:1`])).code, 2);
});
