// Signing in and out, in one tab and in several.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { with_browser } = require('./browser');

const found = with_browser();

const rail = (page) => page.getByRole('navigation', { name: 'Pages' });
const key_of = (text) => /SharedAccessKey=(.*)$/.exec(text)[1];

test('a link leads to its page, through the sign-in, and a reload stays signed in', async () => {
  const page = await found.browser.open('/connections?show=refused&device=pump');
  await page.getByRole('heading', { level: 1, name: 'Connections' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Refused only' }).getAttribute('aria-pressed'), 'true');
  await page.reload();
  await page.getByRole('heading', { level: 1, name: 'Connections' }).waitFor();
  assert.equal(await page.getByLabel('Device', { exact: true }).inputValue(), 'pump');
  await page.context().close();
});

test('a new tab takes the session of an open one, and signing out ends it in both', async () => {
  const first = await found.browser.open('/');
  const second = await first.context().newPage();
  await found.browser.go(second, '/devices');
  await rail(second).waitFor();
  await first.getByRole('button', { name: 'Sign out' }).click();
  await first.getByRole('button', { name: 'Sign in' }).waitFor();
  await second.getByRole('button', { name: 'Sign in' }).waitFor();
  await first.context().close();
});

test('a connection string signs in, and its key is kept nowhere', async () => {
  const page = await found.browser.window();
  await found.browser.go(page, '/');
  const text = found.hub.connection_string('--policy', 'service');
  await page.getByLabel('connection string', { exact: true }).check();
  await page.getByLabel('Connection string of a policy').fill(text);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await rail(page).waitFor();
  const kept = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML]),
  );
  assert.ok(!kept.includes(key_of(text)));
  await page.context().close();
});

test('the theme that was chosen is that of the next visit', async () => {
  const page = await found.browser.open('/', { theme: 'light' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByLabel('Theme').selectOption('dark');
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  await rail(page).waitFor();
  assert.equal(await ground(), dark);
  await page.context().close();
});
