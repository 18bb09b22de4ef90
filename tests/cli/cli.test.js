// The program as an operator meets it: sub-commands, starts that must fail in words, stops, readiness.
'use strict';

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { Hub, binary, ports } = require('../support/node/hub');
const { MqttClient } = require('../support/node/mqtt_client');

function twinhub(...args) {
  const env = { ...process.env };
  return spawnSync(binary, args.map(String), { encoding: 'utf8', timeout: 60_000, env });
}

function scratch(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'twinhub-cli-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function page(hub, name) {
  return new Promise((resolve, reject) => {
    http.get({ host: hub.address, port: ports.ops, path: name, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => { body += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    }).on('error', reject);
  });
}

async function started(t, options) {
  const hub = new Hub(options);
  t.after(() => hub.remove());
  await hub.start();
  return hub;
}

test('every sub-command has a --help, and unknown arguments are a usage error', () => {
  for (const command of [[], ['serve'], ['config'], ['connection-string'], ['token'], ['health'], ['device'], ['device', 'create'],
    ['method', 'invoke'], ['c2d'], ['c2d', 'send'], ['c2d', 'purge'],
    ['feedback'], ['feedback', 'tail']]) {
    const help = twinhub(...command, '--help');
    assert.strictEqual(help.status, 0, help.stderr);
    assert.match(help.stdout, /--help/);
  }
  assert.match(twinhub('--version').stdout, /^twinhub \d+\.\d+\.\d+(~git\d{8}\.\d{6}\.[0-9a-f]{7,}(\.dirty)?)?\n$/);
  assert.strictEqual(twinhub().status, 2);
  assert.strictEqual(twinhub('dance').status, 2);
  assert.strictEqual(twinhub('serve', '--mqtts-port', 'x').status, 2);
});

test('nobody but its owner reads what a hub keeps: folders 0700, files 0600, whatever the umask', async (t) => {
  const wide = process.umask(0);
  t.after(() => process.umask(wide));
  const hub = await started(t);
  const open_to_others = [];
  const look = (name) => {
    const stat = fs.lstatSync(name, { throwIfNoEntry: false });
    if (!stat) return;  // the hub has tidied it away
    if (stat.mode & 0o077) open_to_others.push(`${name} ${(stat.mode & 0o777).toString(8)}`);
    if (stat.isDirectory()) for (const entry of entries_of(name)) look(path.join(name, entry));
  };
  const entries_of = (folder) => {
    try {
      return fs.readdirSync(folder);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
      return [];
    }
  };
  look(hub.data_dir);
  assert.deepStrictEqual(open_to_others, []);
});

// -> what a start says that has to fail.
function refused(hub, mode, ...flags) {
  const ran = twinhub('serve', ...mode, '--data-dir', hub.data_dir, '--https-port', 0, '--mqtts-port', 0, '--amqps-port', 0, '--ops-port', 0, ...flags);
  assert.strictEqual(ran.status, 1, ran.stdout + ran.stderr);
  return ran.stderr;
}

test('a start on a data folder that others may enter is refused, with the command that closes it', async (t) => {
  const hub = await started(t);
  await hub.stop();
  for (const mode of [0o755, 0o750, 0o701, 0o702, 0o720]) {
    fs.chmodSync(hub.data_dir, mode);
    assert.match(refused(hub, ['--dev']), new RegExp(`holds every device's key, and other users may enter it\\. Close it with: chmod -R go-rwx ${hub.data_dir}\n$`));
  }
  fs.chmodSync(hub.data_dir, 0o700);
  await hub.start();
});

test('--dev on a production hub and production on a folder of --dev are refused unless forced', async (t) => {
  const production = await started(t, { dev: false });
  const key = production.connection_string();
  await production.stop();
  assert.match(refused(production, ['--dev']), /is a production hub's: with --dev everybody .* --force-mode/);
  fs.unlinkSync(path.join(production.data_dir, 'mode'));  // as an older version has left it
  assert.match(refused(production, ['--dev']), /is a production hub's/);
  // Forced, it is for once: the folder stays a production hub's, with the keys that it had.
  production.mode = ['--dev', '--force-mode'];
  await production.start();
  await production.stop();
  production.mode = [];
  await production.start();
  assert.strictEqual(production.connection_string(), key);
  await production.stop();
  assert.match(refused(production, ['--dev']), /is a production hub's/);

  const dev = await started(t);
  const well_known = dev.connection_string();
  await dev.stop();
  assert.match(refused(dev, []), /was made with --dev: .* --force-mode makes a production hub of it/);
  fs.unlinkSync(path.join(dev.data_dir, 'mode'));
  assert.match(refused(dev, []), /was made with --dev/);
  dev.mode = ['--force-mode'];
  await dev.start();
  await dev.stop();
  dev.mode = [];
  await dev.start();
  assert.notStrictEqual(dev.connection_string(), well_known, 'the keys are its own');
  await dev.stop();
  assert.match(refused(dev, ['--dev']), /is a production hub's/);
});

test('config prints every effective setting with its origin', (t) => {
  const file = path.join(scratch(t), 'hub.toml');
  fs.writeFileSync(file, 'ops_port = 1234\n[log]\nlevel = "debug"\n');
  const shown = twinhub('config', '--config', file, '--mqtts-port', 5).stdout;
  assert.match(shown, /^mqtts_port = 5 +# --mqtts-port$/m);
  assert.match(shown, new RegExp(`^ops_port = 1234 +# ${file}:1$`, 'm'));
  assert.match(shown, new RegExp(`^level = "debug" +# ${file}:3$`, 'm'));
  assert.match(shown, /^https_port = 443 +# default$/m);
  fs.writeFileSync(file, 'opsport = 1234\n');
  const refused = twinhub('config', '--config', file);
  assert.strictEqual(refused.status, 2);
  assert.match(refused.stderr, /hub\.toml:1: there is no setting 'opsport'; did you mean 'ops_port'\?/);
});

test('connection-string prints one line, with a running hub and without one', async (t) => {
  const hub = await started(t);
  const dev = ['--dev', '--data-dir', hub.data_dir];
  const where = [...dev, '--host-name', hub.address, '--listen', hub.address];
  const of_owner = new RegExp(`^HostName=${hub.address};SharedAccessKeyName=iothubowner;SharedAccessKey=[^;\\n]+\\n$`);
  assert.match(twinhub('connection-string', ...dev).stdout, of_owner);
  assert.match(twinhub('connection-string', ...dev, '--policy', 'service').stdout, /SharedAccessKeyName=service;/);
  assert.strictEqual(twinhub('connection-string', ...dev, '--policy', 'nobody').status, 1);
  // The entity path is the running hub's name, whatever host name the string is asked for.
  const for_events = (...args) => twinhub('connection-string', '--events', ...dev, ...args);
  const tail = `SharedAccessKeyName=iothubowner;SharedAccessKey=[^;\\n]+;EntityPath=${hub.address}\\n$`;
  assert.match(for_events().stdout, new RegExp(`^Endpoint=sb://${hub.address}/;${tail}`));
  assert.match(for_events('--host-name', 'hub.example', '--amqps-port', 15671).stdout, new RegExp(`^Endpoint=sb://hub\\.example:15671/;${tail}`));
  assert.match(for_events('--policy', 'service').stdout, /;SharedAccessKeyName=service;/);
  assert.match(for_events('--policy', 'device').stderr, /'device' has no ServiceConnect/);
  assert.match(for_events('--amqps-port', 0).stderr, /no port for AMQP/);
  assert.strictEqual(for_events('--device', 'd1').status, 2);
  const unknown = twinhub('connection-string', ...dev, '--device', 'd1');
  assert.strictEqual(unknown.status, 4);
  assert.match(unknown.stderr, /'d1' is not registered/);
  const created = twinhub('device', 'create', 'd1', ...where);
  assert.strictEqual(created.status, 0, created.stderr);
  assert.match(created.stdout, /^HostName=[^;]+;DeviceId=d1;SharedAccessKey=[^;\n]{44}\n$/);
  assert.strictEqual(twinhub('connection-string', ...where, '--device', 'd1').stdout, created.stdout);
  const again = twinhub('device', 'create', 'd1', ...where);
  assert.strictEqual(again.status, 5);
  assert.match(again.stderr, /already registered/);
  await hub.stop();
  assert.strictEqual(twinhub('connection-string', ...where, '--device', 'd1').stdout, created.stdout);
  assert.match(twinhub('token', ...where, '--device', 'd1').stdout, /^SharedAccessSignature sr=[^\n]+%2Fdevices%2Fd1&sig=[^\n]+\n$/);
});

test('method invoke calls a connected device and prints the answer, or the reason for a failure', async (t) => {
  const hub = await started(t);
  const where = ['--dev', '--data-dir', hub.data_dir, '--host-name', hub.address, '--listen', hub.address];
  const connection_string = twinhub('device', 'create', 'd1', ...where).stdout.trim();
  const run = (...args) => new Promise((resolve) => {
    const child = spawn(binary, ['method', 'invoke', ...args, ...where], { stdio: ['ignore', 'pipe', 'pipe'] });
    const ran = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].on('data', (chunk) => { ran[name] += chunk; });
    child.once('close', (status) => resolve({ ...ran, status }));
  });
  assert.deepStrictEqual(await run('d1', 'reboot').then(({ status, stdout }) => ({ status, stdout })), { status: 1, stdout: '' });
  assert.match((await run('d1', 'reboot')).stderr, /isn't online/);
  assert.match((await run('d2', 'reboot')).stderr, /not registered/);
  assert.match((await run('d1', 'reboot', 'soon')).stderr, /not JSON/);
  assert.strictEqual((await run('d1', 'reboot', '--timeout', '4')).status, 2);

  const key = /SharedAccessKey=(.*)$/.exec(connection_string)[1];
  const device = new MqttClient({ host: hub.address, id: 'd1', key, port: ports.mqtt });
  await device.connect();
  await device.subscribe('$iothub/methods/POST/#');
  device.on('message', ({ topic, payload }) => {
    const [, name, rid] = /^\$iothub\/methods\/POST\/([^/]+)\/\?\$rid=(.*)$/.exec(topic);
    device.publish(`$iothub/methods/res/201/?$rid=${rid}`, JSON.stringify({ name, got: JSON.parse(payload) }));
  });
  assert.deepStrictEqual(await run('d1', 'reboot', '{"delay": 5}', '--timeout', '20'),
    { status: 0, stdout: '{"status":201,"payload":{"name":"reboot","got":{"delay":5}}}\n', stderr: '' });
  assert.strictEqual((await run('d1', 'stop')).stdout, '{"status":201,"payload":{"name":"stop","got":null}}\n');
  assert.match((await run('d1', 'stop', '--module', 'm')).stderr, /Module d1\/m not registered/);
  device.disconnect();
});

test('c2d sends messages and purges them', async (t) => {
  const hub = await started(t);
  const where = ['--dev', '--data-dir', hub.data_dir, '--host-name', hub.address, '--listen', hub.address];
  assert.strictEqual(twinhub('device', 'create', 'd1', ...where).status, 0);
  for (const text of ['one', 'two']) {
    const sent = twinhub('c2d', 'send', 'd1', text, ...where);
    assert.strictEqual(sent.status, 0, sent.stderr);
  }
  assert.strictEqual(twinhub('c2d', 'purge', 'd1', ...where).stdout, '2\n');
  const unknown = twinhub('c2d', 'send', 'nobody', 'text', ...where);
  assert.strictEqual(unknown.status, 4);
  assert.match(unknown.stderr, /DeviceNotFound/);
});

test('without --dev keys are random, private and kept', async (t) => {
  const folder = scratch(t);
  const missing = twinhub('connection-string', '--data-dir', folder);
  assert.strictEqual(missing.status, 1);
  assert.match(missing.stderr, /start the hub on this data folder first/);
  const hub = new Hub();
  t.after(() => hub.remove());
  const serve = () => new Promise((resolve) => {
    const child = spawn(binary, ['serve', '--data-dir', folder, '--listen', hub.address, '--ops-port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.on('data', (chunk) => {
      const was_ready = / is ready: /.test(log);
      log += chunk;
      if (!was_ready && / is ready: /.test(log)) child.kill('SIGTERM');
    });
    child.once('exit', resolve);
  });
  assert.strictEqual(await serve(), 0);
  const first = twinhub('connection-string', '--data-dir', folder).stdout;
  assert.doesNotMatch(first, /dHdpbmh1Yi/);
  for (const file of ['policies.toml', 'tls/ca.key', 'tls/server.key']) {
    assert.strictEqual(fs.statSync(path.join(folder, file)).mode & 0o777, 0o600, file);
  }
  assert.strictEqual(await serve(), 0);
  assert.strictEqual(twinhub('connection-string', '--data-dir', folder).stdout, first);
});

test('a second hub on the same data folder is refused with a message, and the first goes on', async (t) => {
  const hub = await started(t);
  const second = twinhub('serve', '--dev', '--data-dir', hub.data_dir, '--https-port', 0, '--mqtts-port', 0, '--amqps-port', 0, '--ops-port', 0);
  assert.strictEqual(second.status, 1);
  assert.match(second.stderr, /another process uses the data folder/);
  assert.strictEqual(await hub.ops_status('/readyz'), 200);
});

test('a port in use is refused with a message that names the setting', async (t) => {
  const folder = scratch(t);
  const taken = net.createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address();
  const settings = ['--mqtts-port', '--https-port', '--amqps-port', '--mqtt-port', '--http-port', '--amqp-port', '--ops-port'];
  for (const setting of settings) {
    const others = settings.filter((s) => s !== setting);
    const refused = twinhub('serve', '--dev', '--data-dir', folder, '--listen', '127.0.0.1', setting, port, ...others.flatMap((s) => [s, 0]));
    assert.strictEqual(refused.status, 1);
    assert.match(refused.stderr, new RegExp(`^twinhub: port ${port} on 127\\.0\\.0\\.1 is in use by another process \\(${setting}\\)\n$`, 'm'));
  }
});

test('the operations port: alive, ready, metrics, the CA; and health by exit code', async (t) => {
  const hub = await started(t);
  assert.strictEqual((await page(hub, '/healthz')).status, 200);
  assert.deepStrictEqual(await page(hub, '/readyz'), { status: 200, body: 'ready\n' });
  assert.strictEqual((await page(hub, '/ca.pem')).body, fs.readFileSync(hub.ca_file, 'utf8'));
  assert.strictEqual((await page(hub, '/nothing')).status, 404);
  const metrics = (await page(hub, '/metrics')).body;
  for (const name of ['twinhub_storage_writable 1', 'twinhub_mqtt_connections 0', 'process_resident_memory_bytes ']) {
    assert.ok(metrics.includes(`\n${name}`), `${name} in\n${metrics}`);
  }
  const flags = ['--ops-listen', hub.address, '--ops-port', ports.ops];
  assert.strictEqual(twinhub('health', ...flags).status, 0);
  await hub.stop();
  assert.strictEqual(twinhub('health', ...flags).status, 3);
});

test('SIGHUP reloads the certificate, SIGTERM stops in order', async (t) => {
  const hub = await started(t);
  hub.process.kill('SIGHUP');
  const { until } = require('../support/node/until');
  await until('the reload in the log', () => /TLS certificate reloaded/.test(hub.log));
  assert.strictEqual(await hub.ops_status('/readyz'), 200);
  await hub.stop();
});

// A hub in another network namespace (a container, say) does not see the command line on its own machine.
test('events tail and twin watch send the token of ops.token, and say what the operations port refuses', async (t) => {
  const seen = [];
  const ops = http.createServer((request, response) => {
    seen.push(request.headers.authorization);
    const words = '/events needs the token of ops.token\n';
    response.writeHead(401, { 'Content-Length': words.length }).end(words);
  });
  ops.listen(0, '127.0.0.1');
  await once(ops, 'listening');
  t.after(() => ops.close());
  for (const [command, token] of [[['events', 'tail'], 'secret'], [['twin', 'watch', 'd'], 'secret'], [['events', 'tail'], '']]) {
    const child = spawn(binary, [...command, '--ops-port', String(ops.address().port), '--data-dir', scratch(t)], {
      env: { ...process.env, TWINHUB_OPS_LISTEN: '127.0.0.1', TWINHUB_OPS_TOKEN: token },
    });
    let words = '';
    child.stderr.on('data', (chunk) => { words += chunk; });
    const [code] = await once(child, 'close');
    assert.notStrictEqual(code, 0);
    assert.match(words, /needs the token of ops\.token/);
  }
  assert.deepStrictEqual(seen, ['Bearer secret', 'Bearer secret', undefined]);
});
