// A browser with the console of a hub, as its user sees it: texts and roles are looked for, never classes. Whatever the page
// asks of another place than the hub, and whatever its content security policy forbids, is kept and fails the test.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { after, before } = require('node:test');

const { chromium } = require('playwright-core');

const { Hub } = require('../support/node/hub');
const { patience_ms } = require('../support/node/until');
const { Clients } = require('./devices');

const executablePath = process.env.TESTS_CHROMIUM || ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((file) => fs.existsSync(file));
const axe_source = fs.readFileSync(require.resolve('axe-core'), 'utf8');

class Browser {
  constructor(hub, browser) {
    this.hub = hub;
    this.browser = browser;
    this.foreign = [];
    this.faults = [];
  }

  static async start(hub) {
    if (!executablePath) throw new Error('Chromium is missing, so this test cannot run: apt install chromium');
    return new Browser(hub, await chromium.launch({ executablePath, timeout: patience_ms, args: ['--no-sandbox', '--disable-dev-shm-usage'] }));
  }

  get address() {
    return `http://${this.hub.address}:${this.hub.ports.ops}`;
  }

  // A person's own window: nothing is shared with others.
  async window({ theme = 'light', width = 1280, height = 850 } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme: theme, acceptDownloads: true });
    await context.route('**/*', (route) => {
      const url = route.request().url();
      if (url.startsWith(`${this.address}/`) || url.startsWith('data:') || url.startsWith('blob:')) return route.continue();
      this.foreign.push(url);
      return route.abort();
    });
    const page = await context.newPage();
    page.setDefaultTimeout(patience_ms);
    page.on('pageerror', (error) => this.faults.push(error.stack));
    page.on('console', (message) => {
      if (/Content.Security.Policy|TrustedHTML|TrustedScript/i.test(message.text())) this.faults.push(message.text());
    });
    return page;
  }

  // Opens the console at `place` ("/devices"), with the one button of --dev.
  async open(place = '/', options = {}) {
    const page = await this.window(options);
    await page.goto(`${this.address}/console${place}`);
    await page.getByRole('button', { name: 'Open as iothubowner' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    return page;
  }

  // The same with a policy's key.
  async open_as(policy, place = '/') {
    const page = await this.window();
    await page.goto(`${this.address}/console${place}`);
    const key = /SharedAccessKey=(.*)$/.exec(this.hub.connection_string('--policy', policy))[1];
    await page.getByLabel('Shared access policy', { exact: true }).fill(policy);
    await page.getByLabel('Primary or secondary key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('navigation', { name: 'Pages' }).waitFor();
    return page;
  }

  go(page, place) {
    return page.goto(`${this.address}/console${place}`);
  }

  // Nothing was asked of a stranger, and the policy was never broken.
  check() {
    assert.deepEqual(this.foreign, [], 'requests to other places than the hub');
    assert.deepEqual(this.faults, [], 'faults of the page');
  }

  close() {
    return this.browser.close();
  }
}

// What accessibility rules find on the page, in one line each.
async function accessibility_faults(page) {
  await page.evaluate(axe_source);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

// A hub, a browser and SDK clients for the tests of one file: in `found` once the tests run.
function with_browser(options = {}) {
  const found = {};
  before(async () => {
    found.hub = await new Hub(options).start();
    found.browser = await Browser.start(found.hub);
    found.clients = new Clients(found.hub);
  });
  after(async () => {
    await found.clients?.end();
    await found.browser?.close();
    if (found.hub) {
      await found.hub.stop();
      found.hub.remove();
    }
    found.browser?.check();  // last: a hub that is left behind would keep the process from its end
  });
  return found;
}

module.exports = { accessibility_faults, Browser, with_browser };
