// What waits for a device, and what became of it: looked at, sent, removed.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { accessibility_faults, with_browser } = require('./browser');
const { until } = require('../support/node/until');

const found = with_browser({ env: { TWINHUB_C2D_FEEDBACK_BATCH_SECONDS: '0' } });

const waiting = (page) => page.getByRole('group', { name: 'Waiting messages' }).getByRole('row');
const feedback = (page, what) => page.getByRole('region', { name: 'Feedback that no back end has taken yet' }).getByRole('row').filter({ hasText: what });

async function send(page, body, ack = 'none') {
  await page.getByLabel('Body').fill(body);
  await page.getByLabel('Properties, one name=value a line').fill('colour=red');
  await page.getByRole('combobox', { name: /^Feedback/ }).selectOption({ label: ack });
  await page.getByRole('button', { name: 'Send' }).click();
  await waiting(page).filter({ hasText: body }).filter({ hasText: '"colour":"red"' }).filter({ hasText: 'waits' }).waitFor();
}

test('messages wait where they are seen, are taken when the device comes, and their feedback is shown', async () => {
  const { browser, clients } = found;
  const device = await clients.create('mail-1');
  const page = await browser.open('/devices/mail-1/messages');
  await page.getByText('No message waits.').waitFor();
  await send(page, '{"wake":1}', 'both');
  await send(page, '<script>alert(1)</script>');
  // The list is read anew when their count changes, and is away meanwhile.
  await until('a head and two messages', async () => (await waiting(page).count()) === 3);
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme });
    assert.deepEqual(await accessibility_faults(page), [], theme);
  }
  await clients.connect(device);
  await page.getByText('No message waits.').waitFor();
  await feedback(page, 'taken').waitFor();
  await page.context().close();
});

test('all that waits is removed once its device is typed, and the feedback says so', async () => {
  const { browser, clients } = found;
  await clients.create('mail-2');
  const page = await browser.open('/devices/mail-2/messages');
  await send(page, 'one', 'both');
  await page.getByRole('button', { name: 'Remove all that wait' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('To confirm, type mail-2').fill('mail-2');
  await dialog.getByRole('button', { name: 'Remove all that wait' }).click();
  await page.getByText('No message waits.').waitFor();
  await feedback(page, 'removed').waitFor();
  await page.context().close();
});

test('a long body is cut, one that is no text is base64', async () => {
  const { clients, hub } = found;
  await clients.create('mail-3');
  const { ConsoleClient } = require('../support/node/console_client');
  const owner = await new ConsoleClient(hub).log_in();
  const headers = { 'Content-Type': 'text/plain' };
  await owner.hub_api('POST', '/devices/mail-3/messages/devicebound', { body: 'é'.repeat(3000), headers });
  await owner.hub_api('POST', '/devices/mail-3/messages/devicebound', { body: '\u0000', headers });
  const { messages } = (await owner.get('messages/mail-3')).json;
  assert.deepEqual(messages.map(({ bodyBytes, bodyCut }) => [bodyBytes, bodyCut]), [[6000, true], [1, false]]);
  assert.equal(messages[0].body, 'é'.repeat(2048));
  const reader = await new ConsoleClient(hub).log_in('registryRead');
  assert.equal((await reader.get('messages/mail-3')).status, 403);
});
