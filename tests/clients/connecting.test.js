// CONNECTING.md, as its reader goes through it: each block that it marks as run is run, in its order, in one folder.
//   TESTS_PACKAGES: folder of the device and service packages
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { Hub, binary } = require('../support/node/hub');
const { blocks_of } = require('../support/node/document');
const { EventLog } = require('../support/node/events');

const blocks = blocks_of('CONNECTING.md').filter(({ is_run }) => is_run);
const packages = process.env.TESTS_PACKAGES || path.join(__dirname, '..', 'sdk');
const patience_ms = 300_000;  // az takes seconds for each command, on an idle machine

// What a block prints, by a text in it; a block that stands in no row prints what it likes.
const prints = [
  ['openssl s_client', /Verification: OK/],
  ['device simulate', /sent 3 {2}\{"messageId":3,/],
  ['twin.properties.reported.update', /^desired \{/m],
  ['Registry.fromConnectionString', /^reported firmware 1\.0$/m],
  ['earliestEventPosition', /^sensor-1 /m],
  ['mosquitto_sub', /^hello sensor$/m],
  ['curl', /"interval":5[^]*"tags":\{"room":"attic"\}/],
  ['from azure.eventhub', /^sensor-1 /m],
  ['az iot hub create', /^HostName=[^\n]*;SharedAccessKeyName=service;/m],
  ['--host-name 127.0.0.1', /^HostName=127\.0\.0\.1;DeviceId=sensor-1;/m],
];

let hub;
let folder;
before(async () => {
  hub = await new Hub().start();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-connecting-'));
  fs.mkdirSync(path.join(folder, 'bin'));
  fs.symlinkSync(binary, path.join(folder, 'bin', 'twinhub'));
  fs.symlinkSync(hub.data_dir, path.join(folder, 'data'));
  fs.symlinkSync(path.join(packages, 'node_modules'), path.join(folder, 'node_modules'));
  fs.writeFileSync(path.join(folder, 'variables'), '');
});
after(() => {
  hub.remove();
  fs.rmSync(folder, { recursive: true, force: true });
});

// Variables that a block of the shell exports are there for the blocks behind it.
const programs = {
  sh: '. ./block && export -p > variables',
  js: 'cp block block.js && exec node block.js',
  python: 'exec /usr/bin/python3 -W ignore block',
};

function run({ language, text }) {
  fs.writeFileSync(path.join(folder, 'block'), text);
  const env = { PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`, HOME: folder, XDG_CONFIG_HOME: folder, NODE_NO_WARNINGS: '1' };
  return spawnSync('bash', ['--norc', '-euo', 'pipefail', '-c', `. ./variables; ${programs[language]}`],
    { encoding: 'utf8', cwd: folder, env, timeout: patience_ms });
}

for (const block of blocks) {
  test(`CONNECTING.md:${block.line} runs`, () => {
    assert.ok(block.language in programs, `nothing here runs ${block.language}`);
    const ran = run(block);
    assert.deepEqual([ran.status, ran.signal], [0, null], `${ran.stdout}${ran.stderr}`);
    for (const [part, shape] of prints) {
      if (block.text.includes(part)) assert.match(ran.stdout + ran.stderr, shape);
    }
  });
}

test('what the blocks are said to print stands in one of them', () => {
  for (const [part] of prints) assert.ok(blocks.some(({ text }) => text.includes(part)), part);
  for (const language of Object.keys(programs)) assert.ok(blocks.some((block) => block.language === language), language);
});

test('every message that the blocks send is in the event log, each once', async () => {
  const sent = blocks.flatMap(({ text }) => [...text.matchAll(/['"](hello from [a-z ]+)['"]/g)].map(([, body]) => body));
  assert.ok(sent.length >= 8, sent.join());
  const bodies = (await new EventLog(hub).read()).filter(({ source }) => source === 'telemetry').map(({ body }) => body);
  for (const body of sent) assert.equal(bodies.filter((one) => one === body).length, 1, body);
});
