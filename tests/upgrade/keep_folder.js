// Makes format-N.tar.gz of a hub: run it with the last version that writes format N, before N is raised.
//   TESTS_BINARY=.../twinhub node tests/upgrade/keep_folder.js N
'use strict';

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { Certificates } = require('../support/node/certificates');
const { ports } = require('../support/node/hub');
const { MqttClient, topics } = require('../support/node/mqtt_client');
const { until } = require('../support/node/until');
const { make_hub, rest_of, views_of } = require('./kept_folder');

async function done(answer) {
  const { status, text } = await answer;
  if (status >= 300) throw new Error(`${status} ${text}`);
}

// Something of every kind of record.
async function fill(hub, rest) {
  const device = await rest.create_device('sas');
  const { primaryKey: key } = device.json.authentication.symmetricKey;
  const thumbprint = crypto.createHash('sha256').update('a certificate').digest('hex').toUpperCase();
  await done(rest.create_device('thumbprint', { authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: thumbprint } } }));
  await done(rest.create_device('authority', { authentication: { type: 'certificateAuthority' } }));
  await done(rest.create_device('disabled', { status: 'disabled', statusReason: 'in repair' }));
  const edge = await rest.create_device('edge', { capabilities: { iotEdge: true } });
  await done(rest.create_device('leaf', { deviceScope: edge.json.deviceScope }));
  await done(rest.put('/devices/sas/modules/camera', { deviceId: 'sas', moduleId: 'camera' }));
  await done(rest.create_device('large'));
  await done(rest.patch('/twins/large', { properties: { desired: Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`p${n}`, 'x'.repeat(100)])) } }));
  // More changes than a record takes behind it.
  for (let n = 1; n <= 20; n += 1) {
    await done(rest.patch('/twins/large', { properties: { desired: { p0: n } } }));
    await done(rest.patch('/twins/sas', { tags: { n, place: { room: 'attic' } }, properties: { desired: { n, nested: { [`k${n}`]: [n, { deep: 1.5 }, 'ü'] } } } }));
  }
  await done(rest.patch('/twins/sas', { properties: { desired: { nested: { k3: null } } } }));
  await done(rest.patch('/twins/sas/modules/camera', { properties: { desired: { zoom: 2 } } }));

  const client = new MqttClient({ host: hub.address, id: 'sas', key, port: ports.mqtt });
  await client.connect();
  await client.subscribe(topics.response, topics.desired, ['devices/sas/messages/devicebound/#', 1]);
  await client.patch_reported({ temperature: 21.5, inner: { on: true } });
  await client.patch_reported({ temperature: 22 });
  for (const n of [1, 2, 3]) await client.publish('devices/sas/messages/events/kind=alarm', `telemetry ${n}`, 1);
  client.disconnect();
  await until('the session is away', async () => (await rest.get('/devices/sas')).json.connectionState === 'Disconnected');

  await done(rest.put('/jobs/v2/tag', { jobId: 'tag', type: 'scheduleUpdateTwin', queryCondition: 'tags.n = 20', updateTwin: { etag: '*', tags: { job: 1 } } }));
  await until('the job', async () => (await rest.get('/jobs/v2/tag')).json.status === 'completed');
  await done(rest.put('/configurations/fleet', {
    id: 'fleet', targetCondition: 'tags.n = 20', priority: 1, content: { deviceContent: { 'properties.desired.configured': { by: 'fleet' } } },
  }));
  await until('the configuration', async () => (await rest.get('/twins/sas')).json.properties.desired.configured?.by === 'fleet');
  await until('its metrics', async () => (await rest.get('/configurations/fleet')).json.systemMetrics.results.appliedCount === 1);
  const { pem } = new Certificates().make('Root', { is_ca: true });
  await done(rest.put('/certificates/root', { properties: { certificate: Buffer.from(pem).toString('base64'), isVerified: true } }));
}

async function main(format) {
  const hub = make_hub();
  await hub.start();
  const first = rest_of(hub);
  await fill(hub, first);
  first.close();
  // The second start writes tables of what the first one's log has; the log of the second has deltas on them.
  await hub.stop();
  await hub.start();
  const rest = rest_of(hub);
  await done(rest.patch('/twins/large', { properties: { desired: { p1: 'later' } } }));
  const expected = await views_of(rest);
  rest.close();
  await hub.stop();

  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-keep-'));
  fs.writeFileSync(path.join(scratch, 'expected.json'), `${JSON.stringify(expected, null, 1)}\n`);
  fs.cpSync(hub.data_dir, path.join(scratch, 'data'), { recursive: true });
  const packed = spawnSync('tar', ['-C', scratch, '--owner=0', '--group=0', '--sparse', '-czf', path.join(__dirname, `format-${format}.tar.gz`), 'data', 'expected.json'],
    { encoding: 'utf8', env: { ...process.env, GZIP: '-9' } });
  fs.rmSync(scratch, { recursive: true });
  if (packed.status !== 0) throw new Error(packed.stderr);
}

if (!/^\d+$/.test(process.argv[2] ?? '')) throw new Error('usage: keep_folder.js FORMAT');
main(process.argv[2]).then(() => process.exit(0));
