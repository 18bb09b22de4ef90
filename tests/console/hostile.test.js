// A device that says as much as it can: the page stays small, and answers keys. What counts is how much was said, and the
// page's own CPU time: a key waits for the task that is under way.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { with_browser } = require('./browser');
const { traced } = require('./main_thread');

// As many as a minute brings at 1 MiB a second: 60.
const mib = Number(process.env.TESTS_CONSOLE_MIB || 12);
const page_mib_max = 150;
const key_ms_max = 100;
const [burst, body_bytes] = [128, 4000];

const found = with_browser();

for (const [what, place, shown] of [
  ['all events', '/events', /showing 1 of/],
  ["the device's own", '/devices/loud/live', /showing 1 of/],
]) {
  test(`a flood of telemetry leaves the page small and at hand: ${what}`, async (context) => {
    const { browser, clients } = found;
    found.loud ??= await clients.create('loud').then(async (device) => {
      await clients.connect(device);
      return device;
    });
    const page = await browser.open(place);
    await page.getByText('live', { exact: true }).waitFor();
    const begun = Date.now();
    const { longest_ms } = await traced(browser, page, async () => {
      let over = false;
      const flood = (async () => {
        for (let sent = 0; sent < mib * 2 ** 20; sent += burst * body_bytes)
          await clients.flood(found.loud, { text: 'x'.repeat(body_bytes), n: sent }, burst);
        over = true;
      })();
      await page.getByText(shown).waitFor();
      for (let i = 0; i < 3 || !over; i += 1) {
        await page.keyboard.press('p');
        await page.getByRole('button', { name: 'Go on' }).waitFor();
        await page.keyboard.press('p');
        await page.getByRole('button', { name: 'Pause' }).waitFor();
      }
      await flood;
    });
    context.diagnostic(`${(mib / ((Date.now() - begun) / 1000)).toFixed(1)} MiB a second; the longest task took ${longest_ms.toFixed(0)} ms`);
    assert.ok(longest_ms < key_ms_max, `a key could wait for a task of ${longest_ms} ms`);
    assert.ok((await page.getByRole('list', { name: 'Events' }).getByRole('listitem').count()) <= 100);
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    assert.ok(usedSize < page_mib_max << 20, `the page holds ${usedSize >> 20} MiB`);
    await page.context().close();
  });
}
