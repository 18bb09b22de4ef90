// kill -9, and then the log is damaged or gone: every acknowledged write is there or the start is refused in words, and --recover goes on.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');

const devices = 30;
const id_of = (n) => `d${n}`;

function log_of(hub) {
  const folder = path.join(hub.data_dir, 'db');
  const logs = fs.readdirSync(folder).filter((name) => /^\d+\.log$/.test(name)).sort();
  return path.join(folder, logs.at(-1));
}

async function killed_hub(t) {
  const hub = await new Hub().start();
  t.after(() => hub.remove());
  const rest = new Rest(hub.connection_string(), { plain_port: ports.http });
  t.after(() => rest.close());
  for (let n = 0; n < devices; n += 1) assert.equal((await rest.create_device(id_of(n))).status, 200);
  await hub.kill();
  return { hub, rest };
}

async function refused_start(hub) {
  hub.log = '';
  hub.spawn();
  const how = await hub.exited;
  assert.notEqual(how.code, 0);
  assert.match(hub.log, /--recover/);
  return hub.log;
}

async function devices_there(rest) {
  let there = 0;
  for (let n = 0; n < devices; n += 1) there += (await rest.get(`/devices/${id_of(n)}`)).status === 200 ? 1 : 0;
  return there;
}

test('a byte of the log is flipped after kill -9: the start is refused in words or every device is there', async (t) => {
  const { hub, rest } = await killed_hub(t);
  const log = log_of(hub);
  const whole = fs.readFileSync(log);
  let end = whole.length;
  while (whole[end - 1] === 0) end -= 1;
  for (const share of [0.02, 0.3, 0.6, 0.9]) {
    const flipped = Buffer.from(whole);
    flipped[Math.floor(end * share)] ^= 0x55;
    fs.writeFileSync(log, flipped);
    assert.match(await refused_start(hub), /is damaged at byte/);
    assert.deepEqual(fs.readFileSync(log), flipped, 'a start that was refused has changed nothing');
  }
  hub.flags = ['--recover'];
  await hub.start();
  const there = await devices_there(rest);
  assert.ok(there > 0 && there < devices, `${there} devices`);
  assert.ok(fs.existsSync(path.join(hub.data_dir, 'db', 'lost-1.log')), 'the damaged log is kept');
  await hub.stop();
  hub.flags = [];
  await hub.start();
  assert.equal(await devices_there(rest), there);
  await hub.stop();
});

test('the log is cut, emptied or zeroed from a point on after kill -9: the start is refused in words, with how much is gone', async (t) => {
  const { hub, rest } = await killed_hub(t);
  const log = log_of(hub);
  const whole = fs.readFileSync(log);
  let end = whole.length;
  while (whole[end - 1] === 0) end -= 1;
  const zeroed_from = (at) => Buffer.concat([whole.subarray(0, at), Buffer.alloc(whole.length - at)]);
  const third = Math.floor(end / 3);
  for (const damaged of [whole.subarray(0, 0), whole.subarray(0, third), whole.subarray(0, end - 1), zeroed_from(0), zeroed_from(third), zeroed_from(end - 1)]) {
    fs.writeFileSync(log, damaged);
    assert.match(await refused_start(hub), /is damaged at byte \d+: \d+ acknowledged writes that stood there are gone/);
    assert.deepEqual(fs.readFileSync(log), damaged, 'a start that was refused has changed nothing');
  }
  fs.writeFileSync(log, zeroed_from(third));
  hub.flags = ['--recover'];
  await hub.start();
  const there = await devices_there(rest);
  assert.ok(there > 0 && there < devices, `${there} devices`);
  assert.deepEqual(fs.readFileSync(path.join(hub.data_dir, 'db', 'lost-1.log')), zeroed_from(third), 'the damaged log is kept');
  await hub.kill();
  hub.flags = [];
  await hub.start();
  assert.equal(await devices_there(rest), there);
  await hub.stop();
});

test('the log is taken away after kill -9: the start is refused in words, and goes on once the log is back', async (t) => {
  const { hub, rest } = await killed_hub(t);
  const log = log_of(hub);
  fs.renameSync(log, `${log}.away`);
  const words = await refused_start(hub);
  assert.match(words, /is missing/);
  assert.ok(words.includes(path.basename(log)), words);
  fs.renameSync(`${log}.away`, log);
  await hub.start();
  assert.equal(await devices_there(rest), devices);
  await hub.stop();
});
