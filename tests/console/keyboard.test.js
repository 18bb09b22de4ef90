// The whole tour without a mouse.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { with_browser } = require('./browser');
const { until } = require('../support/node/until');

const found = with_browser();

const title = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
// The focus comes once the browser has painted.
const takes_focus = (locator, what) => until(what, () => has_focus(locator));
const has_focus = (locator) => locator.evaluate((element) => element === document.activeElement);

// Tab, until the element has the focus.
async function tab_to(page, locator) {
  for (let i = 0; i < 100; i += 1) {
    await page.keyboard.press('Tab');
    if ((await locator.count()) === 1 && (await has_focus(locator))) return;
  }
  assert.fail(`Tab does not reach ${locator}`);
}

test('sign in, find a device, edit its twin, save, and leave: by keys alone', async () => {
  const { browser, clients } = found;
  await clients.create('pump-1');
  await clients.create('pump-2');
  const page = await browser.window();
  await browser.go(page, '/');
  await page.getByRole('button', { name: 'Open as iothubowner' }).waitFor();
  await tab_to(page, page.getByRole('button', { name: 'Open as iothubowner' }));
  await page.keyboard.press('Enter');
  await title(page, 'Overview').waitFor();

  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await title(page, 'Devices').waitFor();
  await takes_focus(title(page, 'Devices'), 'the title takes the focus');
  await page.getByRole('rowheader', { name: 'pump-2' }).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await title(page, 'pump-1').waitFor();
  await page.getByRole('button', { name: 'Edit desired and tags' }).waitFor();

  await page.keyboard.press('e');
  const editor = page.getByRole('textbox', { name: 'Desired properties as JSON' });
  await editor.waitFor();
  await page.waitForFunction(() => document.activeElement?.shadowRoot !== null && document.activeElement !== document.body);
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText('{"speed": 9}');
  await page.getByRole('rowheader', { name: 'properties.desired.speed' }).waitFor();
  await page.keyboard.press('Tab'); // the keyboard is never caught
  await page.keyboard.press('Control+s');
  await page.getByText('Saved.').first().waitFor();
  assert.equal((await clients.get_twin('pump-1')).properties.desired.speed, 9);

  await page.keyboard.press('/');
  await page.keyboard.type('pump-2');
  await page.keyboard.press('Enter');
  await title(page, 'Devices').waitFor();
  await page.getByText('1 device shown').waitFor();
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await keys.waitFor();
  await page.keyboard.press('Escape');
  await keys.waitFor({ state: 'detached' });
  for (const [key, name] of [
    ['e', 'Events'],
    ['c', 'Connections'],
    ['j', 'Jobs'],
    ['a', 'Configurations'],
    ['m', 'Metrics'],
    ['h', 'Hub'],
    ['o', 'Overview'],
  ]) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await title(page, name).waitFor();
  }
  await page.context().close();
});

test('single keys can be switched off, and do nothing in a text', async () => {
  const page = await found.browser.open('/');
  await page.keyboard.press('/');
  await page.keyboard.type('gd?');
  assert.equal(await page.getByRole('searchbox').inputValue(), 'gd?');
  await tab_to(page, page.getByRole('button', { name: 'Keys' }));
  await page.keyboard.press('?');
  await page.getByLabel('Single keys are on').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await title(page, 'Overview').waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.context().close();
});

test('the skip link leads to the content', async () => {
  const page = await found.browser.open('/devices');
  await page.reload();
  await title(page, 'Devices').waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await takes_focus(page.getByRole('main'), 'the content has the focus');
  await page.context().close();
});
