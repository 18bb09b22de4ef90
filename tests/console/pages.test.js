// Every page in both themes and on a phone: accessible, readable at 320 pixels, asking of nobody but the hub, within the
// content security policy; and foreign text is text.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { accessibility_faults, with_browser } = require('./browser');

const found = with_browser();

const hostile_id = "a'$!*(x)%2e:=@";
const markup = '<img src=x onerror="globalThis.hurt=1"><script>globalThis.hurt=1</script>';
const at = (id, tab) => `/devices/${encodeURIComponent(id)}/${tab}`;

async function fill_hub() {
  const { clients } = found;
  const device = await clients.create('pump-1');
  await clients.create('press-4', { status: 'disabled', statusReason: `stolen ${markup}` });
  await clients.create(hostile_id);
  await clients.update_twin('pump-1', { tags: { site: 'west' }, properties: { desired: { fan: { speed: 4, mode: 'auto' } } } });
  const deep = (levels) => (levels === 0 ? markup : { [`k${levels}`]: deep(levels - 1) });
  await clients.update_twin(hostile_id, {
    tags: { note: `${markup} \u202Eback\u2066` },
    properties: {
      desired: {
        [markup.replace(/[. ]/g, '')]: markup,
        long: 'x'.repeat(4096),
        deep: deep(9),
        rows: Array.from({ length: 200 }, (_, i) => i),
      },
    },
  });
  await clients.connect(device);
  await clients.report(device, { fan: { speed: 3, mode: 'auto' }, firmware: markup });
  await clients.send(device, { temperature: 21.5, text: `${markup} \u202E` }, { level: markup });
  await clients.send(device, `\u0007 plain ${markup}`);
}

const places = [
  ['overview', '/', 'Overview'],
  ['devices', '/devices?tags=site,note', 'Devices'],
  ['devices that are refused', '/devices?filter=refused', 'Devices'],
  ['a query', '/devices?where=SELECT+deviceId,+tags+FROM+devices', 'Devices'],
  ['a wrong condition', '/devices?where=tags.site+%3D%3D%3D+1', 'Devices'],
  ['twin', '/devices/pump-1/twin', 'pump-1'],
  ['hostile twin', at(hostile_id, 'twin'), hostile_id],
  ['twin as JSON', `${at(hostile_id, 'twin')}?view=json`, hostile_id],
  ['live', '/devices/pump-1/live?from=start', 'pump-1'],
  ['messages', '/devices/pump-1/messages', 'pump-1'],
  ['methods', '/devices/pump-1/methods', 'pump-1'],
  ['connection', '/devices/pump-1/connection', 'pump-1'],
  ['history', '/devices/pump-1/history', 'pump-1'],
  ['modules', '/devices/pump-1/modules', 'pump-1'],
  ['identity', '/devices/press-4/identity', 'press-4'],
  ['simulate', '/devices/pump-1/simulate', 'pump-1'],
  ['no device', '/devices/nobody/twin', 'nobody'],
  ['connect', '/connect', 'Connect a device'],
  ['connect a device', '/connect/pump-1', 'Connect a device'],
  ['events', '/events?from=start', 'Events'],
  ['connections', '/connections', 'Connections'],
  ['jobs', '/jobs', 'Jobs'],
  ['new job', '/jobs?new=+', 'Jobs'],
  ['configurations', '/configurations', 'Configurations'],
  ['new configuration', '/configurations?new=+', 'Configurations'],
  ['metrics', '/metrics', 'Metrics'],
  ['hub', '/hub', 'Hub'],
  ['nothing', '/no/such/page', 'Nothing here'],
];

async function shown(page, place, title) {
  await found.browser.go(page, place);
  await page.getByRole('heading', { level: 1, name: title, exact: true, includeHidden: true }).waitFor();
  await page.waitForFunction(() => ![...document.querySelectorAll('[role="status"]')].some((part) => part.textContent === 'Reading ...'));
}

for (const options of [{ theme: 'light' }, { theme: 'dark' }, { theme: 'light', width: 320, height: 640 }]) {
  const name = `${options.theme}, ${options.width ?? 1280} pixels`;
  test(`accessibility rules find nothing on any page (${name}), and no page scrolls sideways`, async () => {
    if (!found.filled) await fill_hub();
    found.filled = true;
    const page = await found.browser.open('/', options);
    for (const [what, place, title] of places) {
      await shown(page, place, title);
      assert.deepEqual(await accessibility_faults(page), [], what);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what} is wider than the window`);
      assert.equal(await page.evaluate(() => globalThis.hurt), undefined, `${what} has run foreign text`);
    }
    await page.context().close();
  });
}

test('marks that turn a text, and controls, are shown as their escapes', async () => {
  const page = await found.browser.open('/');
  await shown(page, at(hostile_id, 'twin'), hostile_id);
  await page.getByText('\\u{202e}', { exact: true }).first().waitFor();
  await page.getByText('<img src=x onerror=').first().waitFor();
  await shown(page, '/events?from=start', 'Events');
  await page.getByText('\\u{7}', { exact: true }).first().waitFor();
  await page.getByText('plain <img src=x').first().waitFor();
  await page.context().close();
});

test('the sign-in page has no faults either, and a wrong key is told', async () => {
  const page = await found.browser.window({ theme: 'dark' });
  await found.browser.go(page, '/');
  await page.getByLabel('Primary or secondary key').fill('AAAA');
  assert.deepEqual(await accessibility_faults(page), []);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(/no such policy/).waitFor();
  await page.context().close();
});

test('a device that is deleted under its page, and under the list, is shown as deleted', async () => {
  await found.clients.create('short-lived');
  const page = await found.browser.open('/devices/short-lived/twin');
  const list = await found.browser.open('/devices');
  await shown(page, '/devices/short-lived/twin', 'short-lived');
  await list.getByRole('row', { name: 'short-lived' }).waitFor();
  await found.clients.remove('short-lived');
  await page.getByText('deleted', { exact: true }).first().waitFor();
  await list.getByRole('row', { name: 'short-lived' }).getByText('deleted', { exact: true }).waitFor();
  assert.deepEqual(found.browser.faults, []);
  for (const each of [page, list]) await each.context().close();
});

test('no more than 200 of many devices are in the document, and the next page replaces the first', async () => {
  const { clients } = found;
  await clients.create_many('row', 450);
  const page = await found.browser.open('/devices');
  await page.getByRole('button', { name: 'Run' }).waitFor();
  for (let i = 0; i < 3; i += 1) {
    const before = await page.getByRole('table').getByRole('link').last().textContent();
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction((last) => [...document.querySelectorAll('tbody a')].at(-1)?.textContent !== last, before);
    assert.ok((await page.getByRole('table').getByRole('link').count()) <= 200);
  }
  await page.context().close();
});
