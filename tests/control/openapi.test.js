// The document of /control/ against the hub that serves it: what it names is there, nothing else is, and answers are as it says.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { after, before, test } = require('node:test');

const Ajv = require('ajv/dist/2020');

const { Cli } = require('../support/node/cli');
const { Hub, ports } = require('../support/node/hub');

const tree = path.join(__dirname, '..', '..');
const file = path.join(tree, 'server', 'control', 'openapi.json');
const document = JSON.parse(fs.readFileSync(file, 'utf8'));
const methods = ['get', 'put', 'post', 'patch', 'delete'];

// OpenAPI's own words in schemas are none of JSON Schema's.
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'openapi', ...document });

let hub;
before(async () => { hub = await new Hub().start(); });
after(() => hub.remove());

// -> { status, headers, text, json }
function ask(method, target, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: hub.address, port: ports.ops, method, path: target, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('error', reject)
        .on('end', () => resolve({ status: response.statusCode, headers: response.headers, text, json: text && JSON.parse(text) }));
    });
    request.on('error', reject).end(body);
  });
}

const resolved = (part) => (part.$ref ? part.$ref.slice(2).split('/').reduce((whole, name) => whole[name], document) : part);
const operations = Object.entries(document.paths).flatMap(([template, item]) => Object.entries(item)
  .filter(([method]) => methods.includes(method))
  .map(([method, operation]) => ({ template, method, operation, parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolved) })));

const form = (values) => Object.entries(values).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
const filled = ({ template, parameters }) => parameters.filter(({ in: place }) => place === 'path')
  .reduce((target, { name, example }) => target.replace(`{${name}}`, encodeURIComponent(example)), template);
const in_query = ({ parameters }) => parameters.filter(({ in: place }) => place === 'query');

// Asks, and holds the answer against what the document says of its status.
async function answer_of(operation, query = {}, options = {}) {
  const body = resolved(operation.operation.requestBody ?? {}).content?.['application/json']?.example;
  const answer = await ask(operation.method.toUpperCase(), `${filled(operation)}?${form(query)}`, { body: body && JSON.stringify(body), ...options });
  const what = `${operation.method} ${operation.template} ${answer.status} ${answer.text}`;
  const response = operation.operation.responses[answer.status];
  assert.ok(response, `${what}: a status that is not in the document`);
  const { content } = resolved(response);
  if (content) fits(content['application/json'].schema, answer, what);
  else assert.equal(answer.text, '', what);
  return answer;
}

function fits(schema, { json, headers }, what) {
  assert.match(headers['content-type'], /^application\/json\b/, what);
  const check = ajv.compile(schema.$ref ? { $ref: `openapi${schema.$ref}` } : schema);
  assert.ok(check(json), `${what}: ${ajv.errorsText(check.errors)}`);
}

test('it is an OpenAPI document, and the hub serves it as it stands', async () => {
  const { Validator } = await import('@seriousme/openapi-schema-validator');
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(validator.version, '3.1');
  assert.deepEqual((await ask('GET', '/control/openapi.json')).json, document);
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, operations.length, ids.join());
});

test('each path takes the methods that it has in the document, and no other', async () => {
  for (const template of Object.keys(document.paths)) {
    const here = operations.filter((operation) => operation.template === template);
    for (const operation of here) await answer_of(operation);
    const allowed = here.map(({ method }) => method);
    for (const method of methods.filter((one) => !allowed.includes(one))) {
      const refused = await ask(method.toUpperCase(), filled(here[0]));
      assert.equal(refused.status, 405, `${method} ${template}`);
      assert.deepEqual(refused.headers.allow.toLowerCase().split(', ').sort(), [...allowed].sort(), template);
      fits({ $ref: '#/components/schemas/Error' }, refused, template);
    }
  }
  const unknown = await ask('GET', '/control/nothing');
  assert.equal(unknown.status, 404);
  fits({ $ref: '#/components/schemas/Error' }, unknown, unknown.text);
});

test('each path that stands in the hub\'s sources is in the document, and in TESTING.md', () => {
  const folder = path.join(tree, 'server', 'control');
  const sources = fs.readdirSync(folder).filter((name) => name.endsWith('.cpp')).map((name) => fs.readFileSync(path.join(folder, name), 'utf8')).join('\n');
  const named = [...sources.matchAll(/"(\/control\/[^" ]+)"/g)].map(([, name]) => name);
  assert.ok(named.length > 0);
  for (const name of named) assert.ok(Object.keys(document.paths).some((template) => template.startsWith(name)), `${name} is not in the document`);
  const page = fs.readFileSync(path.join(tree, 'TESTING.md'), 'utf8');
  for (const operation of operations) {
    assert.ok(page.includes(operation.template.split('{')[0]), `${operation.template} is not in TESTING.md`);
    for (const { name } of in_query(operation)) {
      assert.ok([`\`${name}\``, `?${name}=`].some((word) => page.includes(word)), `${name} of ${operation.template} is not in TESTING.md`);
    }
  }
});

test('each parameter in the document is known, an unknown one is refused, a required one is asked for', async () => {
  for (const operation of operations.filter((one) => in_query(one).length > 0)) {
    const unknown = await answer_of(operation, { nonsense: '1' });
    assert.equal(unknown.status, 400);
    for (const { name, example, required } of in_query(operation)) {
      assert.notEqual((await answer_of(operation, { [name]: example })).text, unknown.text, `${operation.template} does not know ${name}`);
      if (required) assert.equal((await answer_of(operation, { ...good_query(operation), [name]: '' })).status, 400, `${operation.template} does without ${name}`);
    }
  }
});

// Of parameters that exclude one another the first.
function good_query(operation) {
  const excluded = operation.operation.operationId === 'wait' ? ['module', 'telemetry'] : [];
  return Object.fromEntries(in_query(operation).filter(({ name }) => !excluded.includes(name)).map(({ name, example }) => [name, example]));
}

test('strangers are refused as the document says, at every path', async () => {
  for (const operation of operations) {
    assert.equal((await answer_of(operation, good_query(operation), { headers: { 'Sec-Fetch-Site': 'cross-site' } })).status, 403);
    assert.equal((await answer_of(operation, good_query(operation), { headers: { Host: 'rebound.example' } })).status, 421);
  }
});

test('a wait that is met, by a twin or by a message, and one that is not, are answered as the document says', async () => {
  const cli = new Cli(hub);
  cli.ok('device', 'create', 'pump-7');
  cli.ok('device', 'create', 'pump-8');
  const wait = operations.find(({ operation }) => operation.operationId === 'wait');
  const met = await answer_of(wait, { device: 'pump-7', condition: "status = 'enabled'" });
  assert.deepEqual([met.status, met.json.twin.deviceId], [200, 'pump-7']);
  const over = await answer_of(wait, { device: 'pump-7', condition: 'tags.never = 1', timeout: '1ms' });
  assert.deepEqual([over.status, over.json.met], [504, false]);

  for (const [device, body, member] of [['pump-7', 'a text', 'body'], ['pump-8', '{"temperature":31}', 'body']]) {
    // When the wait begins nobody is told: messages are sent until one is heard of.
    let answer;
    const asked = answer_of(wait, { device, telemetry: 'true', timeout: '1m' }).then((came) => { answer = came; });
    while (!answer) {
      cli.ok('device', 'send', device, body);
      await Promise.race([asked, new Promise((resolve) => { setTimeout(resolve, 100); })]);
    }
    await asked;
    assert.equal(answer.status, 200);
    assert.ok(member in answer.json.event, answer.text);
  }
});

test('a snapshot is saved, listed, gone back to and deleted, and the hub is reset, with answers as the document says', async () => {
  const by_id = (id) => operations.find(({ operation }) => operation.operationId === id);
  assert.equal((await answer_of(by_id('restoreSnapshot'))).status, 404);
  const saved = await answer_of(by_id('saveSnapshot'));
  assert.equal(saved.status, 200);
  assert.deepEqual((await answer_of(by_id('listSnapshots'))).json, { snapshots: [saved.json] });
  assert.equal((await answer_of(by_id('restoreSnapshot'))).json.state, saved.json.name);
  assert.equal((await answer_of(by_id('deleteSnapshot'))).status, 200);
  assert.equal((await answer_of(by_id('deleteSnapshot'))).status, 404);
  assert.equal((await answer_of(by_id('reset'))).json.state, 'empty');
  assert.equal((await answer_of(by_id('reset'), { to: 'seed' })).status, 400, 'this hub has none');
});
