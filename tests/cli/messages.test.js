// Cloud-to-device messages from the command line, and the feedback on them.
'use strict';

const assert = require('node:assert');
const { test } = require('node:test');

const { Cli } = require('../support/node/cli');
const { ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');

// A hub with a device, and the device's own requests.
async function device_of(t) {
  const cli = await Cli.start(t, { env: { TWINHUB_C2D_FEEDBACK_BATCH_SECONDS: '0' } });
  cli.ok('device', 'create', 'd1');
  const rest = new Rest(cli.hub.connection_string(), { plain_port: ports.http });
  t.after(() => rest.close());
  const box = '/devices/d1/messages/deviceBound';
  return {
    cli,
    receive: () => rest.request('GET', box),
    complete: (message) => rest.request('DELETE', `${box}/${message.headers.etag.replaceAll('"', '')}`),
    reject: (message) => rest.request('DELETE', `${box}/${message.headers.etag.replaceAll('"', '')}?reject`),
  };
}

test('c2d send: every property that a message has arrives at the device', async (t) => {
  const { cli, receive, complete } = await device_of(t);
  const expiry = new Date(Date.now() + 3600_000).toISOString();
  cli.ok('c2d', 'send', 'd1', '{"on":true}', '--property', 'colour=dark red', '--property', 'empty=', '--property', 'sum=1+1=2',
    '--ack', 'full', '--expiry', expiry, '--message-id', 'm-1', '--correlation-id', 'c-1', '--user-id', 'u-1',
    '--content-type', 'application/json', '--content-encoding', 'utf-8');
  const message = await receive();
  assert.strictEqual(message.text, '{"on":true}');
  const shown = Object.fromEntries(Object.entries(message.headers).filter(([name]) => name.startsWith('iothub-')));
  delete shown['iothub-enqueuedtime'];
  assert.strictEqual(new Date(shown['iothub-expiry']).toISOString(), expiry);
  delete shown['iothub-expiry'];
  assert.deepStrictEqual(shown, {
    'iothub-messageid': 'm-1', 'iothub-correlationid': 'c-1', 'iothub-userid': 'u-1', 'iothub-to': '/devices/d1/messages/deviceBound',
    'iothub-contenttype': 'application/json', 'iothub-contentencoding': 'utf-8', 'iothub-ack': 'full',
    'iothub-deliverycount': '0', 'iothub-sequencenumber': '1',
    'iothub-app-colour': 'dark red', 'iothub-app-empty': '', 'iothub-app-sum': '1+1=2',
  });
  assert.strictEqual((await complete(message)).status, 204);

  cli.ok('c2d', 'send', 'd1', 'soon', '--expiry', 600);
  const left = Date.parse((await receive()).headers['iothub-expiry']) - Date.now();
  assert.ok(left > 300_000 && left <= 600_000, `${left} ms`);
});

test('c2d send: what cannot be sent is refused in words', async (t) => {
  const { cli } = await device_of(t);
  const refused = (status, words, ...args) => {
    const ran = cli.run(['c2d', 'send', 'd1', 'text', ...args]);
    assert.strictEqual(ran.status, status, ran.stderr);
    assert.match(ran.stderr, words);
  };
  refused(2, /is no NAME=VALUE/, '--property', 'colour');
  refused(2, /is no NAME=VALUE/, '--property', '=red');
  refused(2, /is no NAME=VALUE/, '--property', 'my colour=red');
  refused(2, /control characters/, '--property', 'colour=a\r\nb');
  refused(2, /control characters/, '--message-id', 'a\nb');
  refused(2, /--ack/, '--ack', 'perhaps');
  refused(1, /ISO 8601/, '--expiry', 'tomorrow');
  assert.strictEqual(cli.ok('c2d', 'purge', 'd1'), '0\n');
});

test('feedback tail: one line for each record, and each record once', async (t) => {
  const { cli, receive, complete, reject } = await device_of(t);
  const tail = cli.start_command('feedback', 'tail', '--count', 2);
  t.after(() => tail.child.kill());
  for (const [id, settle] of [['m-1', complete], ['m-2', reject]]) {
    cli.ok('c2d', 'send', 'd1', 'text', '--ack', 'full', '--message-id', id);
    assert.strictEqual((await settle(await receive())).status, 204);
  }
  assert.strictEqual(await tail.ended, 0, tail.errors);
  const records = tail.lines.map((line) => JSON.parse(line));
  assert.deepStrictEqual(records.map(({ originalMessageId, deviceId, statusCode }) => [originalMessageId, deviceId, statusCode]),
    [['m-1', 'd1', 'Success'], ['m-2', 'd1', 'Rejected']]);
  // What was printed is completed: the next reader gets what comes after.
  cli.ok('c2d', 'send', 'd1', 'text', '--ack', 'positive', '--message-id', 'm-3');
  await complete(await receive());
  assert.strictEqual(JSON.parse(cli.ok('feedback', 'tail', '--count', 1)).originalMessageId, 'm-3');
});
