// Changing twins in the console, with a real device at the other end.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { with_browser } = require('./browser');
const { until } = require('../support/node/until');

const found = with_browser();

const row = (page, name) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });

// Replaces the whole text of the editor with this label.
async function write(page, label, value) {
  const editor = page.getByRole('textbox', { name: label });
  await editor.click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(typeof value === 'string' ? value : JSON.stringify(value));
}

const desired_editor = 'Desired properties as JSON';
const tags_editor = 'Tags as JSON';
const edit = (page) => page.getByRole('button', { name: 'Edit desired and tags' }).click();
const save = (page) => page.getByRole('button', { name: 'Save', exact: true }).click();

test('an edit arrives at the device, and its state goes from pending to applied without a reload', async () => {
  const device = await found.clients.create('fan-1');
  await found.clients.connect(device);
  const page = await found.browser.open('/devices/fan-1/twin');
  await page.evaluate(() => {
    globalThis.not_reloaded = true;
  });
  await edit(page);
  await write(page, desired_editor, { speed: 4 });
  await page.getByRole('rowheader', { name: 'properties.desired.speed' }).waitFor(); // the patch is shown
  await save(page);
  await found.clients.told('the delta', ({ desired }) => desired?.speed === 4);
  await row(page, 'speed').getByText('pending').waitFor();
  await found.clients.report(device, { speed: 4 });
  await row(page, 'speed').getByText('applied').waitFor();
  assert.equal(await page.evaluate(() => globalThis.not_reloaded), true);
  await page.context().close();
});

test('what is taken out of the editor is removed from the twin, and Undo brings it back', async () => {
  await found.clients.create('fan-2');
  await found.clients.update_twin('fan-2', { tags: { site: 'west' }, properties: { desired: { a: 1, b: { c: 2, d: 3 } } } });
  const page = await found.browser.open('/devices/fan-2/twin');
  await edit(page);
  await write(page, desired_editor, { a: 1, b: { d: 3 } });
  await save(page);
  await page.getByText('Saved.').first().waitFor();
  assert.deepEqual((await found.clients.get_twin('fan-2')).properties.desired.b.c, undefined);
  await page.getByRole('button', { name: 'Undo' }).click();
  await row(page, 'c').waitFor();
  assert.equal((await found.clients.get_twin('fan-2')).properties.desired.b.c, 2);
  await page.context().close();
});

test('two editors do not overwrite each other: what both have changed is decided, the rest is put together', async () => {
  await found.clients.create('fan-3');
  await found.clients.update_twin('fan-3', { tags: { room: 'attic' }, properties: { desired: { speed: 1, mode: 'auto' } } });
  const mine = await found.browser.open('/devices/fan-3/twin');
  await edit(mine);
  await write(mine, desired_editor, { speed: 2, mode: 'auto' });
  await write(mine, tags_editor, { room: 'roof' });

  const theirs = await found.browser.open('/devices/fan-3/twin');
  await edit(theirs);
  await write(theirs, desired_editor, { speed: 3, mode: 'off' });
  await save(theirs);
  await theirs.getByText('Saved.').first().waitFor();

  await save(mine);
  await mine.getByRole('heading', { name: 'The twin was changed by somebody else meanwhile' }).waitFor();
  assert.equal((await found.clients.get_twin('fan-3')).properties.desired.speed, 3);
  const take = mine.getByRole('button', { name: 'Take' });
  assert.equal(await take.isDisabled(), true);
  await mine
    .getByRole('group', { name: /Decide for desired.speed/ })
    .getByLabel('Mine')
    .check();
  await take.click();
  await save(mine);
  await mine.getByText('Saved.').first().waitFor();
  const {
    properties: { desired },
    tags,
  } = await found.clients.get_twin('fan-3');
  assert.deepEqual([desired.speed, desired.mode, tags.room], [2, 'off', 'roof']);
  await mine.context().close();
  await theirs.context().close();
});

test('what the device reports meanwhile is no conflict', async () => {
  const device = await found.clients.create('fan-4');
  await found.clients.connect(device);
  const page = await found.browser.open('/devices/fan-4/twin');
  await edit(page);
  await write(page, desired_editor, { speed: 5 });
  await found.clients.report(device, { rpm: 900 });
  await save(page);
  await page.getByText('Saved.').first().waitFor();
  assert.equal((await found.clients.get_twin('fan-4')).properties.desired.speed, 5);
  await page.context().close();
});

test('a text that is no JSON, or breaks a rule of twins, cannot be saved, and the reason is told', async () => {
  await found.clients.create('fan-5');
  const page = await found.browser.open('/devices/fan-5/twin');
  await edit(page);
  for (const [text, reason] of [
    ['{"a":', 'This is no JSON'],
    ['{"a.b": 1}', 'a key may not hold'],
    ['{"a": null}', 'null has no place here'],
    [`{"a": "${'x'.repeat(5000)}"}`, 'a string may have 4096 bytes'],
  ]) {
    await write(page, desired_editor, text);
    await page.getByText(reason).first().waitFor();
    assert.equal(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled(), true, text.slice(0, 40));
  }
  await page.context().close();
});

test('a session that has ended is asked for again, and the edit is kept', async () => {
  await found.clients.create('fan-6');
  const page = await found.browser.open_as('iothubowner', '/devices/fan-6/twin');
  await edit(page);
  await write(page, desired_editor, { kept: true });
  // The hub forgets the session, as it does after half an hour without use.
  await page.evaluate(async () => {
    const { token } = JSON.parse(sessionStorage.getItem('twinhub.session'));
    await fetch('/console/api/session', { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
  });
  // Whichever request is the first to be refused brings the dialog: this one, or one that looks at the hub. Then it waits.
  const saving = save(page);
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.getByLabel('Primary or secondary key').fill(/SharedAccessKey=(.*)$/.exec(found.hub.connection_string())[1]);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await saving;
  await page.getByText('Saved.').first().waitFor();
  assert.equal((await found.clients.get_twin('fan-6')).properties.desired.kept, true);
  await page.context().close();
});

test('a method is called and answered, a message is sent and taken', async () => {
  const device = await found.clients.create('fan-7');
  await found.clients.connect(device);
  const page = await found.browser.open('/devices/fan-7/methods');
  await page.getByLabel('Method', { exact: true }).fill('greet');
  await page.getByLabel('Payload (JSON)').fill('{"name":"Ada"}');
  await page.getByRole('button', { name: 'Call' }).click();
  await page.getByText(/Status 200 after/).waitFor();
  await page.getByText('"hello": "Ada"').first().waitFor();
  await page.getByRole('link', { name: /^Messages/ }).click();
  await page.getByLabel('Body').fill('{"wake":1}');
  await page.getByRole('button', { name: 'Send' }).click();
  await found.clients.told('the message', ({ message }) => message === '{"wake":1}');
  await page.context().close();
});

test('the history shows each change, and the difference of two of them', async () => {
  await found.clients.create('fan-8');
  await found.clients.update_twin('fan-8', { properties: { desired: { speed: 1, mode: 'auto' } } });
  await found.clients.update_twin('fan-8', { properties: { desired: { speed: 2 } } });
  await found.clients.update_twin('fan-8', { properties: { desired: { speed: 3, mode: null } } });
  const page = await found.browser.open('/devices/fan-8/history');
  await page.getByText('desired.mode').first().waitFor();
  const points = (side) => page.getByRole('radio', { name: new RegExp(`^${side}`) });
  await until('all three changes', async () => (await points('first').count()) === 3);
  await points('first').last().check();
  await points('second').first().check();
  const difference = page.getByRole('region', { name: 'Difference of the two' });
  await difference.getByText('"mode": "auto"').first().waitFor();
  await difference.getByText('3', { exact: true }).first().waitFor();
  await page.context().close();
});

test('the editor finds text, and the content security policy has nothing against it', async () => {
  await found.clients.create('fan-9');
  await found.clients.update_twin('fan-9', { properties: { desired: { needle: 'hay' } } });
  const page = await found.browser.open('/devices/fan-9/twin');
  await edit(page);
  await page.getByRole('textbox', { name: desired_editor }).click();
  await page.keyboard.press('Control+f');
  await page.getByRole('textbox', { name: 'Find' }).fill('needle');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Edit desired and tags' }).waitFor();
  found.browser.check();
  await page.context().close();
});

test('a property that a configuration has set names it', async () => {
  await found.clients.create('fan-10');
  await found.clients.update_twin('fan-10', { tags: { site: 'hall' } });
  const page = await found.browser.open('/configurations?new=+');
  const dialog = page.getByRole('dialog', { name: 'New configuration' });
  await dialog.getByLabel('Configuration', { exact: true }).fill('hall-fans');
  await dialog.getByLabel('Target condition').fill("tags.site = 'hall'");
  await write(page, 'Content (JSON)', { deviceContent: { 'properties.desired.fan': { speed: 7 } } });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('rowheader', { name: 'hall-fans' }).waitFor();
  await found.browser.go(page, '/devices/fan-10/twin');
  await row(page, 'speed').getByRole('link', { name: 'by hall-fans' }).waitFor();
  await page.context().close();
});
