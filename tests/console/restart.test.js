// The hub goes and comes back while the console is open.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { with_browser } = require('./browser');

const found = with_browser();

test('a restart goes amber and comes back without a reload, and what came meanwhile is shown', async () => {
  const { browser, clients, hub } = found;
  const device = await clients.create('pump-1');
  await clients.connect(device);
  const page = await browser.open('/events');
  await page.evaluate(() => {
    globalThis.not_reloaded = true;
  });
  await page.getByText('live', { exact: true }).waitFor();
  await clients.send(device, { before: 1 });
  await page.getByText('"before":1').waitFor();
  await hub.stop();
  await page.getByText(/reconnecting/).waitFor();
  await hub.start();
  await clients.create('made-meanwhile');
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByRole('listitem').filter({ hasText: 'made-meanwhile' }).first().waitFor();
  assert.equal(await page.getByText('"before":1').count(), 1);
  assert.equal(await page.evaluate(() => globalThis.not_reloaded), true);
  await page.context().close();
});

test('a hub that is back asks a session with a key to sign in, over the page', async () => {
  const { browser, hub } = found;
  const page = await browser.open_as('iothubowner', '/devices');
  await page.getByRole('rowheader', { name: 'pump-1' }).waitFor();
  await hub.stop();
  await page.getByText(/reconnecting/).waitFor();
  await hub.start();
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.getByLabel('Primary or secondary key').fill(/SharedAccessKey=(.*)$/.exec(hub.connection_string())[1]);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByRole('rowheader', { name: 'pump-1' }).waitFor();
  await page.context().close();
});
