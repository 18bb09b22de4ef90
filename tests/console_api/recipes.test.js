// Every recipe that says it was tested is run as the page shows it: what is trusted, what is written, what is typed.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { ConsoleClient } = require('../support/node/console_client');
const { EventLog } = require('../support/node/events');
const { Hub, binary, ports } = require('../support/node/hub');
const { until } = require('../support/node/until');

const recipes = JSON.parse(fs.readFileSync(path.join(__dirname, '..', '..', 'server', 'console', 'recipes.json'), 'utf8'));
const packages = path.join(process.env.TESTS_PACKAGES || path.join(__dirname, '..', 'sdk'), 'node_modules');

let hub;
let owner;
before(async () => {
  hub = await new Hub().start();
  owner = await new ConsoleClient(hub).log_in();
});
after(async () => {
  await hub.stop();
  hub.remove();
});

test('there is a recipe for each kind of client, and most kinds are run here', () => {
  assert.deepEqual(recipes.map(({ id }) => id), ['node', 'python', 'dotnet', 'java', 'c', 'mosquitto', 'curl']);
  assert.ok(recipes.filter(({ tested }) => tested).length >= 3);
});

for (const recipe of recipes.filter(({ tested }) => tested)) {
  test(`the recipe for ${recipe.title} connects a device`, async () => {
    const id = `recipe-${recipe.id}`;
    await owner.hub_api('PUT', `/devices/${id}`, { body: { deviceId: id } });
    const { connectionStrings } = (await owner.get(`connect/${id}`)).json;
    const values = {
      '{host}': hub.address, '{deviceId}': id, '{mqttsPort}': ports.mqtts, '{httpsPort}': ports.https,
      '{connectionString}': connectionStrings.primary.replace('{host}', hub.address),
    };
    const fill = (text) => Object.entries(values).reduce((all, [name, value]) => all.replaceAll(name, value), text);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'recipe-'));
    try {
      fs.copyFileSync(hub.ca_file, path.join(folder, 'ca.pem'));
      fs.writeFileSync(path.join(folder, recipe.file), fill(recipe.code));
      const events = new EventLog(hub);
      await events.read();
      const ran = spawnSync('bash', ['-e', '-c', `${recipe.trust}\n${fill(recipe.run)}`], {
        cwd: folder, encoding: 'utf8', timeout: 60_000,
        env: { ...process.env, PATH: `${path.dirname(binary)}:${process.env.PATH}`, NODE_PATH: packages, TWINHUB_DEV: 'true', TWINHUB_DATA_DIR: hub.data_dir, TWINHUB_HOST_NAMES: hub.address },
      });
      assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`);
      await until('the hub has heard of it', async () => (await events.read()).some((event) => JSON.stringify(event).includes(id)), { every_ms: 100 });
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
}
