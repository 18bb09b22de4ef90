// A device that the page plays: to the hub and to whoever looks at it, it is one like any other, until the page is left.
'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { test } = require('node:test');

const { accessibility_faults, with_browser } = require('./browser');
const { ConsoleClient } = require('../support/node/console_client');
const { Hub } = require('../support/node/hub');

const found = with_browser();

const did = (page) => page.getByRole('region', { name: 'What it did' });
const line = (page, what, content) => did(page).getByRole('row').filter({ hasText: what }).filter({ hasText: content });

async function play(id) {
  await found.clients.create(id);
  const page = await found.browser.open(`/devices/${id}/simulate`);
  await page.getByRole('button', { name: 'Start' }).click();
  await line(page, 'connected', '').first().waitFor();
  return page;
}

test('the page plays a device: telemetry, desired properties, methods, messages; and stops when it is left', async () => {
  const { browser, clients } = found;
  const page = await play('toy-1');
  await line(page, 'sent 1', '"temperature"').waitFor();
  const other = await browser.open('/devices/toy-1/twin');
  await other.getByText(/^connected/).first().waitFor();

  await clients.update_twin('toy-1', { properties: { desired: { fan: { speed: 4 } } } });
  await line(page, 'reported', '{"fan":{"speed":4}}').waitFor();
  await other.getByRole('row').filter({ hasText: 'speed' }).getByText('applied').waitFor();

  await other.getByRole('link', { name: 'Methods' }).click();
  await other.getByLabel('Method', { exact: true }).fill('reboot');
  await other.getByLabel('Payload (JSON)').fill('{"in":5}');
  await other.getByRole('button', { name: 'Call' }).click();
  await other.getByText(/Status 200 after/).waitFor();
  await line(page, 'method reboot -> 200', '{"in":5}').waitFor();

  await other.getByRole('link', { name: /^Messages/ }).click();
  await other.getByLabel('Body').fill('{"wake":1}');
  await other.getByRole('button', { name: 'Send' }).click();
  await line(page, 'message', '{"wake":1}').waitFor();

  // Another tab of the device: it goes on. Another page: it is over.
  await page.getByRole('link', { name: 'Identity' }).click();
  await page.getByRole('link', { name: 'Simulate' }).click();
  await line(page, 'sent 1', '').first().waitFor();
  await page.getByRole('link', { name: 'Devices', exact: true }).click();
  await other.getByText(/^disconnected/).first().waitFor();
  await page.context().close();
  await other.context().close();
});

test('a fault that is ordered strikes it, and it comes back by itself', async () => {
  const page = await play('toy-2');
  await page.getByRole('button', { name: 'KillTcp' }).click();
  await line(page, 'connection lost', '').first().waitFor();
  await did(page).getByRole('row').filter({ hasText: 'connected toy-2' }).nth(1).waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('not running').waitFor();
  await page.context().close();
});

for (const theme of ['light', 'dark']) {
  test(`accessibility rules find nothing on a page that plays a device (${theme})`, async () => {
    const id = `toy-${theme}`;
    await found.clients.create(id);
    const page = await found.browser.open(`/devices/${id}/simulate`, { theme });
    await page.getByRole('button', { name: 'Start' }).click();
    await line(page, 'sent 1', '').first().waitFor();
    assert.deepEqual(await accessibility_faults(page), []);
    await page.context().close();
  });
}

// The request of a page that would play a device. -> { status, socket }: the socket where it was taken over.
const open = (hub, token, { more = '' } = {}) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(hub.ports.ops, hub.address);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const status = /^HTTP\/1.1 (\d+)/.exec(text);
      if (status && text.includes('\r\n\r\n')) resolve({ status: Number(status[1]), socket });
    });
    socket.on('error', reject);
    socket.on('close', () => resolve({ status: 0, socket }));
    socket.write(
      `GET /console/api/device HTTP/1.1\r\nHost: ${hub.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt, session.${token}\r\n\r\n${more}`,
    );
  });
const refused = async (hub, token) => {
  const { status, socket } = await open(hub, token);
  socket.destroy();
  return status;
};

test('without --dev no page plays a device, and with it none without a session that may', async () => {
  const { token } = await new ConsoleClient(found.hub).log_in();
  const { status, socket } = await open(found.hub, token);
  assert.equal(status, 101);
  socket.destroy();
  assert.equal(await refused(found.hub, 'x'), 401);
  assert.equal(await refused(found.hub, (await new ConsoleClient(found.hub).log_in('service')).token), 403);
  assert.equal((await open(found.hub, token, { more: 'early bytes' })).status, 0, 'who does not wait for the answer gets none');

  const earnest = await new Hub({ dev: false }).start();
  try {
    assert.equal(await refused(earnest, (await new ConsoleClient(earnest).log_in()).token), 403);
  } finally {
    await earnest.stop();
    earnest.remove();
  }
});

test('played devices take none of the places of the operations port', async () => {
  const places = 64; // ops.connections_max
  const { token } = await new ConsoleClient(found.hub).log_in();
  const all = [];
  for (let i = 0; i < places + 10; i += 1) all.push(await open(found.hub, token));
  assert.equal(await found.hub.ops_status('/healthz'), 200);
  assert.deepEqual([...new Set(all.map(({ status }) => status))], [101]);
  assert.ok(all.every(({ socket }) => !socket.destroyed && !socket.readableEnded), 'none was ended to make room');
  for (const { socket } of all) socket.destroy();
});
