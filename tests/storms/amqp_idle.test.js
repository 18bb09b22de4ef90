// AMQP devices that do nothing: what each takes, plain and over TLS, with its token and its link for telemetry.
//   TESTS_STORM_IDLE (500)
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { facing, load } = require('../bench/loader');
const { Hub, ports } = require('../support/node/hub');
const { from_environment } = require('./storm');

const idle = from_environment('IDLE', 500);

for (const [name, secure, kib_max] of [['plain', false, 56], ['over TLS', true, 72]]) {
  test(`${idle} idle AMQP devices, ${name}, take ${kib_max} KiB each at most`, async (t) => {
    const hub = await new Hub({ flags: ['--amqp-port', ports.amqp], env: { TWINHUB_AMQP_CONNECTIONS_MAX: String(idle + 10) } }).start();
    t.after(() => hub.remove());
    const { code, report, complaints } = await load('amqp-idle', [...facing(hub, { secure }), '--devices', idle, '--seconds', 1]);
    assert.equal(code, 0, complaints);
    const kib = report.rss_kib_per_connection;
    t.diagnostic(`${kib.toFixed(1)} KiB each`);
    assert.ok(kib > 1 && kib <= kib_max, `${kib} KiB each`);
    assert.equal((await hub.metrics()).twinhub_amqp_protocol_faults_total, 0);
    await hub.stop();
  });
}
