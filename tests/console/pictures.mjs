// Takes pictures of the console's pages for a person to look at: both themes, wide and narrow.
//   node tests/console/pictures.mjs FOLDER [PAGE...]         a hub of its own, with a few devices
//   node tests/console/pictures.mjs --kept                   those of CONSOLE.md, into server/console/pictures
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const { Browser } = require('./browser.js');
const { Clients, other_key } = require('./devices.js');
const { ConsoleClient } = require('../support/node/console_client.js');
const { Hub } = require('../support/node/hub.js');

const only_kept = process.argv[2] === '--kept';
const [folder, ...wanted] = only_kept ? ['server/console/pictures'] : [process.argv[2] ?? 'build/pictures', ...process.argv.slice(3)];
const height_max = 850;
const kept = ['overview-light', 'twin-dark', 'devices-light-390', 'connection-dark-390'];
const name_of = (page, theme, width) => `${page}-${theme}${width === 1280 ? '' : `-${width}`}`;
const places = {
  overview: '/',
  devices: '/devices?tags=site',
  twin: '/devices/pump-1/twin',
  edit: '/devices/pump-1/twin',
  live: '/devices/pump-1/live?from=start',
  messages: '/devices/pump-7/messages',
  methods: '/devices/pump-1/methods',
  connection: '/devices/pump-7/connection',
  history: '/devices/pump-1/history',
  modules: '/devices/pump-1/modules',
  identity: '/devices/pump-1/identity',
  simulate: '/devices/valve-1/simulate',
  connect: '/connect/pump-1',
  events: '/events?from=start',
  connections: '/connections',
  jobs: '/jobs',
  configurations: '/configurations',
  metrics: '/metrics',
  hub: '/hub',
};

async function fill(clients) {
  const pump = await clients.create('pump-1');
  for (const id of ['pump-2', 'pump-3', 'valve-1']) await clients.create(id);
  const refused = await clients.create('pump-7');
  await clients.create('press-4', { status: 'disabled', statusReason: 'stolen' });
  for (const id of ['pump-1', 'pump-2', 'pump-7'])
    await clients.update_twin(id, { tags: { site: 'west' }, properties: { desired: { fan: { speed: 4, mode: 'auto' }, interval: 10 } } });
  await clients.connect(pump);
  await clients.report(pump, { fan: { speed: 3, mode: 'auto' }, firmware: '1.2.1' });
  const second = await clients.create('pump-5');
  await clients.connect(second);
  for (let i = 0; i < 20; i += 1) await clients.send(pump, { temperature: 20 + Math.sin(i / 3), rpm: 900 + i });
  for (let i = 0; i < 3; i += 1) await clients.connect(other_key(refused)).catch(() => {});
  const owner = await new ConsoleClient(hub).log_in();
  await owner.hub_api('POST', '/devices/pump-7/messages/devicebound', {
    body: '{"reboot":true}',
    headers: { 'iothub-messageid': 'order-1', 'iothub-ack': 'full', 'iothub-app-colour': 'red' },
  });
  await owner.hub_api('PUT', '/configurations/west-fans', {
    body: {
      id: 'west-fans',
      content: { deviceContent: { 'properties.desired.fan': { speed: 4 } } },
      targetCondition: "tags.site = 'west'",
      priority: 10,
      metrics: { queries: {} },
    },
  });
  await owner.hub_api('PUT', '/jobs/v2/slow-down', {
    body: { jobId: 'slow-down', type: 'scheduleUpdateTwin', queryCondition: "tags.site = 'west'", updateTwin: { etag: '*', tags: { slow: true } }, startTime: new Date().toISOString(), maxExecutionTimeInSeconds: 60 },
  });
  return second;
}

let over = false;

// The hub has something to do while the pictures are taken.
async function keep_busy(clients, device) {
  for (let i = 0; !over; i += 1) {
    await clients.send(device, { temperature: 20 + Math.sin(i / 3), rpm: 900 + i });
    if (i % 3 === 0) await clients.report(device, { uptime: i });
    await new Promise((resolve) => setTimeout(resolve, 100 + 60 * Math.sin(i / 9)));
  }
}

fs.mkdirSync(folder, { recursive: true });
const hub = await new Hub({ env: { TWINHUB_EVENTS_HUB_NAME: 'plant-7' } }).start();
const clients = new Clients(hub);
const browser = await Browser.start(hub);
try {
  const busy = keep_busy(clients, await fill(clients));
  await new Promise((resolve) => setTimeout(resolve, 30_000)); // some lines for the charts
  for (const theme of ['light', 'dark']) {
    for (const width of [1280, 390]) {
      const page = await browser.open('/', { theme, width, height: height_max });
      for (const [name, place] of Object.entries(places)) {
        if (only_kept ? !kept.includes(name_of(name, theme, width)) : wanted.length > 0 && !wanted.includes(name)) continue;
        await browser.go(page, place);
        await page.getByRole('heading', { level: 1 }).waitFor();
        if (name === 'edit') {
          await page.getByRole('button', { name: 'Edit desired and tags' }).click();
          await page.getByRole('textbox', { name: 'Desired properties as JSON' }).waitFor();
        }
        if (name === 'simulate') await page.getByRole('button', { name: 'Start' }).click();
        await page.waitForTimeout(1500); // for the eye: figures and charts come in
        const height = await page.evaluate(() => Math.ceil(document.querySelector('main').lastElementChild.getBoundingClientRect().bottom) + 16);
        await page.screenshot({
          path: path.join(folder, `${name_of(name, theme, width)}.png`),
          clip: { x: 0, y: 0, width, height: width < 700 ? height_max : Math.min(Math.max(height, 420), height_max) },
        });
      }
      await page.context().close();
    }
  }
  browser.check();
  over = true;
  await busy;
} finally {
  await browser.close();
  await clients.end();
  await hub.stop();
  hub.remove();
}
