// GET /readyz?verbose says what a hub's readiness rests on, and which endpoint cannot be reached: from the start on, without an event.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');

const { get_text, hub_with, metric } = require('../events/world');
const { own_address } = require('../support/node/hub');
const { until } = require('../support/node/until');

const endpoint = (name, settings) => `[[routes]]\nname = "to-${name}"\nsource = "DeviceMessages"\nendpoints = ["${name}"]\n
[[endpoints]]\nname = "${name}"\n${settings}\nretry_seconds_max = 1\n`;

test('an endpoint that cannot be reached is said at the start, and until it is there', async (t) => {
  const [broker, web] = [own_address(), own_address()];  // on which nobody listens, nor any neighbour will
  const hub = hub_with('');
  t.after(() => hub.remove());
  fs.writeFileSync(path.join(hub.data_dir, 'settings.toml'),
    endpoint('broker', `type = "mqtt"\nurl = "mqtt://${broker}:1883"\nuser = "u"\npassword = "s3cret"`) +
    endpoint('web', `type = "webhook"\nurl = "http://${web}:8080/in?code=s3cret"`) +
    endpoint('file', `type = "file"\npath = "${path.join(hub.data_dir, 'out.jsonl')}"`));
  await hub.start();
  for (const [name, place] of [['broker', `${broker}:1883`], ['web', `${web}:8080`]]) {
    await until(`${name} in the log`, () => new RegExp(`^\\S+ warn endpoint '${name}': .*${place.replaceAll('.', '\\.')}.*events wait in the log$`, 'm').test(hub.log));
  }
  await until('file in the log', () => /^\S+ info endpoint 'file': reached$/m.test(hub.log));
  const { status, text } = await get_text(hub, '/readyz?verbose');
  assert.equal(status, 200, 'devices and back ends are served');
  const since = 'cannot be reached since \\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z; the log says why';
  assert.match(text, new RegExp(`^ready\n\\[\\+\\] doors: open\n\\[\\+\\] store: takes writes\n\\[\\+\\] stored data: whole\n` +
    `\\[-\\] endpoint 'broker': ${since}\n\\[-\\] endpoint 'web': ${since}\n\\[\\+\\] endpoint 'file': reached\n$`));
  assert.deepEqual((await get_text(hub, '/readyz')).text, 'ready\n', 'probes read the short one');
  assert.equal(await metric(hub, 'twinhub_endpoint_up{endpoint="web"}'), 0);
  assert.equal(await metric(hub, 'twinhub_endpoint_up{endpoint="file"}'), 1);

  const server = http.createServer((request, response) => { request.resume(); response.end(); });
  await new Promise((resolve) => { server.listen(8080, web, resolve); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  await until('it is reached, without an event', async () => (await get_text(hub, '/readyz?verbose')).text.includes("[+] endpoint 'web': reached\n"));
  await until('its line in the log', () => /info endpoint 'web': works again after \d+ failed attempt/.test(hub.log));
  assert.equal(await metric(hub, 'twinhub_endpoint_up{endpoint="web"}'), 1);
  assert.doesNotMatch(hub.log + text, /s3cret/);
  await hub.stop();
});
