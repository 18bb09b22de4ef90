// Signals and a lack of descriptors: the hub goes on, and does not spin.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { after, before, test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { until } = require('../support/node/until');
const { tcp } = require('./strangers');

let hub;
before(async () => { hub = await new Hub().start(); });
after(async () => { await hub.stop(); hub.remove(); });

// Each whose default action is to end the process; 34 is the first of the real-time ones that programs may use, 64 the last.
for (const signal of ['USR1', 'USR2', 'ALRM', 'PIPE', 'VTALRM', 'PROF', 'IO', 'PWR', 'STKFLT', 'XFSZ', '34', '35', '64']) {
  test(`the signal ${signal} is ignored`, async () => {
    assert.equal(spawnSync('kill', [`-${signal}`, String(hub.process.pid)]).status, 0);
    assert.equal(await hub.ops_status('/healthz'), 200);
    assert.equal(hub.process.exitCode, null);
    assert.equal(hub.process.signalCode, null);
  });
}

const proc = (file) => fs.readFileSync(`/proc/${hub.process.pid}/${file}`, 'utf8');
const descriptors = () => fs.readdirSync(`/proc/${hub.process.pid}/fd`).length;
// Processor time of the whole process in hundredths of a second: fields 14 and 15 of stat, after the name in brackets.
const ticks = () => proc('stat').replace(/^.*\) /s, '').split(' ').slice(11, 13).reduce((sum, field) => sum + Number(field), 0);
function limit_descriptors(count) {
  const ran = spawnSync('prlimit', ['--pid', hub.process.pid, `--nofile=${count}:`]);
  assert.equal(ran.status, 0, String(ran.stderr || ran.error));
}

test('a limit of file sizes is a disk that is full: writes are refused, and taken again without it', async () => {
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  try {
    const limit = (size) => assert.equal(spawnSync('prlimit', ['--pid', String(hub.process.pid), `--fsize=${size}:`]).status, 0);
    assert.equal((await rest.create_device('before')).status, 200);
    limit(1);
    const body = 'x'.repeat(60_000);
    await until('a write is refused', async () => {
      const sent = await rest.request('POST', '/devices/before/messages/deviceBound', { body });
      if (sent.status === 204) await rest.delete('/devices/before/commands');
      return sent.status === 503;
    });
    assert.equal(hub.process.exitCode, null);
    assert.equal(hub.process.signalCode, null);
    limit('unlimited');
    await until('writes are taken again', async () => (await rest.create_device(`after-${Date.now()}`)).status === 200);
  } finally {
    rest.close();
  }
});

for (const [name, port] of [['operations', ports.ops], ['devices', ports.mqtts], ['back ends', ports.http]]) {
  test(`without a descriptor for a connection that waits, the door of ${name} does not spin`, async (t) => {
    const usual = Number(proc('limits').match(/^Max open files\s+(\d+)/m)[1]);
    limit_descriptors(descriptors());
    const waiting = await tcp(hub.address, port);
    // 200 hundredths of wall clock: a thread that spins takes most of them, one that backs off none to speak of.
    const [began, used] = [process.hrtime.bigint(), ticks()];
    await until('two seconds of waiting', () => process.hrtime.bigint() - began > 2_000_000_000n);
    const spent = ticks() - used;
    limit_descriptors(usual);
    t.diagnostic(`${spent} hundredths of a second`);
    assert.ok(spent < 60, `${spent} hundredths of a second of processor time within two seconds`);
    waiting.destroy();
    await until('the door answers again', async () => (await hub.ops_status('/healthz')) === 200);
  });
}

test('the bounds of strangers and of the operations port are settings', async () => {
  const small = await new Hub({ env: { TWINHUB_OPS_STREAMS_MAX: '1', TWINHUB_OPS_REQUEST_TIMEOUT_SECONDS: '1', TWINHUB_ADMISSION_UNFINISHED_KIB_MAX: '16' } }).start();
  try {
    // -> a socket that keeps all it has received in `text`
    const sends = async (port, bytes) => {
      const socket = await tcp(small.address, port);
      socket.text = '';
      socket.on('data', (chunk) => { socket.text += chunk; });
      socket.write(bytes);
      return socket;
    };
    const events = `GET /events HTTP/1.1\r\nHost: ${small.address}\r\n\r\n`;
    const first = await sends(ports.ops, events);
    await until('the first stream is there', () => first.text.startsWith('HTTP/1.1 200'));
    const second = await sends(ports.ops, events);
    await until('the second is refused', () => second.text.startsWith('HTTP/1.1 503'));
    first.destroy();

    const slow = await sends(ports.ops, 'GET /healthz');
    await until('a request that is not sent ends within ops.request_timeout_seconds', () => slow.readableEnded || slow.destroyed);

    // Each leaves 6 KiB unfinished: a few of them are more than 16.
    const halves = [];
    for (let n = 0; n < 6; n += 1) halves.push(await sends(ports.http, `GET /x HTTP/1.1\r\nX: ${'x'.repeat(6_000)}`));
    await until('the oldest has ended', () => halves[0].readableEnded || halves[0].destroyed);
    assert.ok((await small.metrics()).twinhub_admission_strangers >= 1);
    for (const socket of halves) socket.destroy();
  } finally {
    await small.stop();
    small.remove();
  }
});
