// What the console costs a browser: bytes and work until something is seen, work while a long list is scrolled. Work is the
// page's own CPU time, so that a busy machine does not count.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { with_browser } = require('./browser');
const { frame_ms, long_task_ms, traced } = require('./main_thread');

const found = with_browser();

const first_load_kib_max = 60;
const first_paint_ms_max = 500;
const rows_max = 200;
const devices = 10_000;
const frames = 240;

test('something is seen after 60 KiB and half a second of work, before the API has answered anything', async (context) => {
  const { browser } = found;
  const page = await browser.open('/');
  let answer;
  const painted = new Promise((resolve) => {
    answer = resolve;
  });
  await page.route('**/console/api/**', async (route) => {
    await painted;
    await route.continue();
  });
  const { until_paint_ms } = await traced(browser, page, async () => {
    await page.reload({ waitUntil: 'commit' });
    await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
    answer();
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  });
  context.diagnostic(`${until_paint_ms.toFixed(0)} ms of work before the first paint`);
  assert.ok(until_paint_ms < first_paint_ms_max, `${until_paint_ms} ms of work before the first paint`);
  const fresh = await browser.window();
  await fresh.goto(`${browser.address}/console/`);
  await fresh.getByRole('button', { name: 'Open as iothubowner' }).waitFor();
  const loaded = await fresh.evaluate(() =>
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter(({ name }) => !name.includes('/console/api/'))
      .map(({ name, encodedBodySize }) => [name, encodedBodySize]),
  );
  assert.ok(loaded.length >= 3, 'page, script and style');
  const kib = loaded.reduce((sum, [, bytes]) => sum + bytes, 0) / 1024;
  assert.ok(kib <= first_load_kib_max, `${kib} KiB: ${JSON.stringify(loaded)}`);
  await page.context().close();
  await fresh.context().close();
});

test('a list of 10,000 devices scrolls with 60 frames a second, and has 200 rows at most', async (context) => {
  const { browser, clients } = found;
  await clients.create_many('row', devices);
  const page = await browser.open('/devices');
  const last = () => page.getByRole('table').getByRole('link').last().textContent();
  for (let i = 0; i < 3; i += 1) {
    const before = await last();
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction((text) => [...document.querySelectorAll('tbody a')].at(-1)?.textContent !== text, before);
  }
  assert.equal(await page.getByRole('table').getByRole('link').count(), rows_max);
  const work = await traced(browser, page, () =>
    page.evaluate(async (count) => {
      for (let i = 0; i < count; i += 1) {
        scrollBy(0, i < count / 2 ? 40 : -40);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    }, frames),
  );
  context.diagnostic(`${(work.total_ms / frames).toFixed(1)} ms of work for a frame, the longest task ${work.longest_ms.toFixed(1)} ms`);
  assert.ok(work.total_ms / frames < frame_ms, `${work.total_ms / frames} ms of work for a frame`);
  assert.ok(work.longest_ms < long_task_ms, `a task of ${work.longest_ms} ms`);
  await page.context().close();
});
