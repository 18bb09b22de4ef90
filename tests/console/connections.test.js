// Why a device does not connect: seen at once, with its reason, by whoever has the console open.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { with_browser } = require('./browser');
const { ConsoleClient } = require('../support/node/console_client');
const { other_key } = require('./devices');

const found = with_browser();

test('a device with a wrong key appears as refused, with its reason, without a reload', async () => {
  const { browser, clients } = found;
  const device = await clients.create('pump-7');
  const list = await browser.open('/devices');
  const row = list.getByRole('row').filter({ has: list.getByRole('rowheader', { name: 'pump-7' }) });
  await row.getByText('disconnected').waitFor();
  const log = await browser.open('/connections');
  await log.getByRole('heading', { level: 1, name: 'Connections' }).waitFor();
  await assert.rejects(clients.connect(other_key(device)));
  await row.getByText(/refused.*signature_mismatch/).waitFor();
  await log.getByRole('listitem').filter({ hasText: 'pump-7' }).filter({ hasText: 'signature_mismatch' }).first().waitFor();
  await browser.go(list, '/');
  await list.getByText(/1 device refused in the last 10 min: signature_mismatch \(pump-7/).click();
  await list.getByRole('heading', { level: 1, name: 'pump-7' }).waitFor();
  await list.getByText('What it usually is', { exact: false }).first().waitFor();
  await list.context().close();
  await log.context().close();
});

test('the doctor follows a new device from its first packet to its first read', async () => {
  const { browser, clients, hub } = found;
  const page = await browser.open('/connect');
  await page.getByLabel('Device id').fill('pump-12');
  await page.getByRole('button', { name: 'Create' }).click();
  const doctor = page.getByRole('region', { name: 'Waiting for pump-12' });
  await doctor.getByText('Log-in: waiting').waitFor();
  await page.getByText('SharedAccessKey=****').first().waitFor();
  await page.getByRole('button', { name: 'Show the keys' }).click();
  const shown = await page
    .getByText(/^HostName=.*SharedAccessKey=[^*]+$/)
    .first()
    .textContent();
  const key = /SharedAccessKey=(.*)$/.exec(shown)[1];
  const device = `HostName=${hub.address};DeviceId=pump-12;SharedAccessKey=${key}`;
  await assert.rejects(clients.connect(other_key(device)));
  await doctor.getByText('Log-in: failed').waitFor();
  await clients.connect(device);
  await page.getByText('pump-12 is there').waitFor();
  await page.getByRole('link', { name: 'To the device' }).click();
  await page
    .getByText(/connected/)
    .first()
    .waitFor();
  await page.context().close();
});

test('rows change in place and stay where they are; what is new is offered', async () => {
  const { browser, clients } = found;
  const device = await clients.create('still-1');
  const page = await browser.open('/devices');
  const ids = () => page.getByRole('rowheader').allTextContents();
  const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'still-1' }) });
  await row.waitFor();
  const before = await ids();
  await clients.create('aaa-first');
  await clients.connect(device);
  await row.getByText(/^connected/).waitFor();
  await page.getByText('1 new device').waitFor();
  assert.deepEqual(await ids(), before);
  await page.getByRole('button', { name: 'refresh' }).click();
  await page.getByRole('rowheader', { name: 'aaa-first' }).waitFor();
  await page.context().close();
});

test('a list of devices asks for no events: for the few that matter the hub would read its whole log', async () => {
  const { browser } = found;
  const page = await browser.open('/');
  const asked = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/console/api/stream')) asked.push(...request.postDataJSON().topics);
  });
  const listed = page.waitForRequest((request) => request.url().endsWith('/console/api/stream') && request.postDataJSON().topics.includes('state'));
  await browser.go(page, '/devices');
  await listed;
  assert.ok(!asked.includes('events'), asked.join());
  await page.context().close();
});

test('the policy service sees twins and no keys', async () => {
  const { browser, clients } = found;
  await clients.create('secret-1');
  const page = await browser.open_as('service', '/devices/secret-1/twin');
  await page.getByRole('link', { name: 'Twin', exact: true }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Identity' }).count(), 0);
  const status = await page.evaluate(async () => {
    const { token } = JSON.parse(sessionStorage.getItem('twinhub.session'));
    const answers = await Promise.all(
      ['hub/devices/secret-1?api-version=2021-04-12', 'connect/secret-1'].map((path) =>
        fetch(`/console/api/${path}`, { headers: { authorization: `Bearer ${token}` } }),
      ),
    );
    return answers.map((answer) => answer.status);
  });
  assert.deepEqual(status, [403, 403]);
  await page.context().close();
});

test('a key of a device is replaced once the device is typed: whoever has the old one is out, the other key goes on', async () => {
  const { browser, clients } = found;
  const device = await clients.create('rotate-1');
  const owner = await new ConsoleClient(found.hub).log_in();
  const keys = async () => (await owner.hub_api('GET', '/devices/rotate-1')).json.authentication.symmetricKey;
  const before = await keys();
  await clients.connect(device);
  const page = await browser.open('/devices/rotate-1/identity');
  const replace = async (name) => {
    await page.getByRole('button', { name }).click();
    const dialog = page.getByRole('dialog');
    const run = dialog.getByRole('button', { name: 'Run' });
    assert.ok(await run.isDisabled(), 'not before the device is typed');
    await dialog.getByLabel('To confirm, type rotate-1').fill('rotate-1');
    await run.click();
    await dialog.waitFor({ state: 'detached' });
  };
  await replace('New primary key');
  const renewed = await keys();
  assert.notEqual(renewed.primaryKey, before.primaryKey);
  assert.equal(Buffer.from(renewed.primaryKey, 'base64').length, 32);
  assert.equal(renewed.secondaryKey, before.secondaryKey);
  assert.ok(!(await page.content()).includes(renewed.primaryKey), 'it is not shown unasked');
  await browser.go(page, '/devices/rotate-1/connection');
  await page.getByText('identity_changed').first().waitFor();
  await assert.rejects(clients.connect(device));
  await browser.go(page, '/devices/rotate-1/identity');
  await replace('Swap the keys');
  assert.deepEqual(await keys(), { primaryKey: before.secondaryKey, secondaryKey: renewed.primaryKey });
  await page.context().close();
});
