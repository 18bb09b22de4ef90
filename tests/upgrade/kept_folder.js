// Data folders of earlier hubs, one for each format of the store: format-N.tar.gz beside this file has data/ as a hub of that format has left it,
// and expected.json with what its REST API said of it. keep_folder.js makes them.
'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const { Hub, binary, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');

// Times in a kept folder lie far back: nothing of it may be dropped for its age.
const ages = { TWINHUB_EVENTS_RETENTION_HOURS: '87600', TWINHUB_JOBS_RETENTION_HOURS: '87600' };

// A production hub; its keys are in the folder. An earlier one knows no AMQP.
function make_hub() {
  const { stdout: help } = spawnSync(binary, ['serve', '--help'], { encoding: 'utf8' });
  return new Hub({ dev: false, env: ages, own_ports: help.includes('--amqps-port') ? {} : { amqps: null } });
}

const rest_of = (hub) => new Rest(hub.connection_string(), { plain_port: ports.http });

// Whose answers are kept, and compared.
const paths = ['/devices/sas', '/devices/thumbprint', '/devices/authority', '/devices/disabled', '/devices/edge', '/devices/leaf', '/devices/sas/modules',
  '/twins/sas', '/twins/sas/modules/camera', '/twins/disabled', '/twins/large', '/configurations?top=20', '/jobs/v2/tag', '/certificates'];

async function views_of(rest) {
  const views = {};
  for (const name of paths) {
    const { status, json, headers } = await rest.get(name);
    views[name] = { status, json, etag: headers.etag };
  }
  return views;
}

const kept_formats = () => fs.readdirSync(__dirname).map((name) => name.match(/^format-(\d+)\.tar\.gz$/)?.[1]).filter(Boolean).map(Number).sort();

// Puts the kept folder in the place of the data folder of `hub`; -> its expected.json.
function unpack(format, hub) {
  const scratch = fs.mkdtempSync(`${hub.data_dir}-`);
  const ran = spawnSync('tar', ['-C', scratch, '--no-same-owner', '-xzpf', path.join(__dirname, `format-${format}.tar.gz`)], { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(ran.stderr);
  fs.rmSync(hub.data_dir, { recursive: true });
  fs.renameSync(path.join(scratch, 'data'), hub.data_dir);
  const expected = JSON.parse(fs.readFileSync(path.join(scratch, 'expected.json'), 'utf8'));
  fs.rmSync(scratch, { recursive: true });
  return expected;
}

module.exports = { kept_formats, make_hub, rest_of, unpack, views_of };
