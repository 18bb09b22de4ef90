// What the owner of a hub sees and does: figures, endpoints, keys of policies, a backup.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { accessibility_faults, Browser, with_browser } = require('./browser');
const { ConsoleClient } = require('../support/node/console_client');
const { Hub } = require('../support/node/hub');
const { until } = require('../support/node/until');

const found = with_browser();

const key_of = (policy) => /SharedAccessKey=(.*)$/.exec(found.hub.connection_string('--policy', policy))[1];
const policy_row = (page, name) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });

test('keys of policies are hidden until they are asked for, can be copied, and are gone when they are hidden', async () => {
  const { browser } = found;
  const page = await browser.open('/hub');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const row = policy_row(page, 'service');
  await row.getByRole('button', { name: 'Show the keys: service' }).waitFor();
  const key = key_of('service');
  assert.ok(!(await page.content()).includes(key), 'not in the page before');
  await row.getByRole('button', { name: 'Show the keys: service' }).click();
  await row.getByText(key, { exact: true }).waitFor();
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme });
    assert.deepEqual(await accessibility_faults(page), [], theme);
  }
  await row.getByRole('button', { name: 'Copy Connection string, service' }).click();
  await row.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    `HostName=${found.hub.address};SharedAccessKeyName=service;SharedAccessKey=${key}`,
  );
  assert.ok(!page.url().includes(key));
  await row.getByRole('button', { name: 'Hide the keys' }).click();
  await row.getByRole('button', { name: 'Show the keys: service' }).waitFor();
  assert.ok(!(await page.content()).includes(key), 'not in the page afterwards');
  await until('the line of the log', () => /keys of policy 'service' were shown to policy 'iothubowner'/.test(found.hub.log));
  await page.context().close();
});

test('a policy\'s key is renewed once the policy is typed: the old key opens nothing, the other one goes on', async () => {
  const { browser, hub } = found;
  const owner = await new ConsoleClient(hub).log_in();
  const before = (await owner.get('policies/registryReadWrite')).json;
  const old = await new ConsoleClient(hub).log_in('registryReadWrite');
  const page = await browser.open('/hub');
  const row = policy_row(page, 'registryReadWrite');
  await row.getByRole('button', { name: 'Show the keys: registryReadWrite' }).click();
  await row.getByRole('button', { name: 'New primary key' }).click();
  const dialog = page.getByRole('dialog');
  const run = dialog.getByRole('button', { name: 'Run' });
  assert.ok(await run.isDisabled(), 'not before the policy is typed');
  await dialog.getByLabel('To confirm, type registryReadWrite').fill('registryReadWrite');
  await run.click();
  await dialog.waitFor({ state: 'detached' });
  const after = (await owner.get('policies/registryReadWrite')).json;
  assert.notEqual(after.primaryKey, before.primaryKey);
  assert.equal(after.secondaryKey, before.secondaryKey);
  await row.getByText(after.primaryKey, { exact: true }).waitFor();
  assert.equal((await old.get('session')).status, 401, 'a session ends with its key');
  const log_in = async (with_key) => (await new ConsoleClient(hub).api('POST', 'session', { body: { policy: 'registryReadWrite', key: with_key } })).status;
  assert.deepEqual([await log_in(before.primaryKey), await log_in(after.primaryKey), await log_in(after.secondaryKey)], [401, 201, 201]);
  assert.equal(key_of('registryReadWrite'), after.primaryKey, 'in the policies\' file, too');
  await page.context().close();
});

test('a policy shows no key of one that may more', async () => {
  const { browser, hub } = found;
  const page = await browser.open_as('registryRead', '/hub');
  await policy_row(page, 'registryRead').getByRole('button', { name: 'Show the keys: registryRead' }).waitFor();
  await policy_row(page, 'iothubowner').getByText('Your policy has not all of these rights.').waitFor();
  await page.context().close();
  const reader = await new ConsoleClient(hub).log_in('registryRead');
  assert.equal((await reader.get('policies/registryRead')).status, 200);
  for (const name of ['iothubowner', 'registryReadWrite', 'service']) assert.equal((await reader.get(`policies/${name}`)).status, 403, name);
  const service = await new ConsoleClient(hub).log_in('service');
  for (const place of ['policies', 'policies/service', 'backup']) assert.equal((await service.get(place)).status, 403, place);
  assert.equal((await reader.get('backup')).status, 403);
  assert.equal((await reader.api('POST', 'policies/registryRead', { body: { renew: 'primary' } })).status, 403, 'who may only read');
  const writer = await new ConsoleClient(hub).log_in('registryReadWrite');
  assert.equal((await writer.api('POST', 'policies/iothubowner', { body: { renew: 'primary' } })).status, 403);
  assert.equal((await reader.api('POST', 'backup?to=%2Ftmp%2Fx')).status, 403);
});

test('a backup is begun, shows how far it is, and lies where it was asked for', async () => {
  const { browser, clients } = found;
  await clients.create('kept-1');
  const folder = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-console-backup-')), 'to');
  try {
    const page = await browser.open('/hub');
    const panel = page.getByRole('region', { name: 'Backup' });
    await panel.getByText('none yet').waitFor();
    await panel.getByLabel("Folder on the hub's machine").fill('no/whole/path');
    await panel.getByRole('button', { name: 'Back up' }).click();
    await panel.getByText('failed', { exact: true }).waitFor();
    await panel.getByLabel("Folder on the hub's machine").fill(folder);
    await panel.getByRole('button', { name: 'Back up' }).click();
    await panel.getByText('done', { exact: true }).waitFor();
    await panel.getByText(/^(\d+) of \1 files/).waitFor();
    const made = await panel.getByText(folder).first().textContent();
    assert.ok(fs.statSync(made).isDirectory());
    await page.context().close();
  } finally {
    fs.rmSync(path.dirname(folder), { recursive: true, force: true });
  }
});

test('the overview counts messages and twin operations', async () => {
  const { browser, clients } = found;
  const device = await clients.create('busy-1');
  await clients.connect(device);
  const page = await browser.open('/');
  let over = false;
  // Several at once, so that a slow disk takes more than one a second as well.
  const work = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!over) {
        await clients.send(device, { n: 1 });
        await clients.report(device, { n: Math.random() });
      }
    }),
  );
  try {
    for (const name of ['Messages', 'Twin operations']) await page.getByRole('region', { name }).getByText(/^[1-9][\d,.]*\/s$/).waitFor();
    await page.getByText(/^[1-9][\d,.]* updates$/).waitFor();
  } finally {
    over = true;
    await work;
  }
  await page.context().close();
});

test('an endpoint that cannot be reached is shown as such, on the page of the hub and in the overview', async () => {
  const lonely = await new Hub({ flags: ['--events-broker', 'mqtt://127.0.0.1:1'] }).start();
  const browser = await Browser.start(lonely);
  try {
    const page = await browser.open('/hub');
    // The hub says so once it has tried; the page is read anew as a person would.
    const failing = page.getByRole('region', { name: 'Endpoints' }).getByText('cannot be reached');
    while ((await failing.count()) === 0) {
      await page.reload();
      await page.getByRole('region', { name: 'Endpoints' }).getByRole('row').nth(1).waitFor();
    }
    await browser.go(page, '/');
    await page.getByText(/it cannot be reached/).waitFor();
    browser.check();
  } finally {
    await browser.close();
    await lonely.stop();
    lonely.remove();
  }
});
