// The tutorial's own commands, as they stand there, with an unmodified az: a resource group, a hub, its connection strings, the
// samples with them, and the end of it all. Commands of the az iot extension are not among them: it comes from a download.
//   TESTS_PACKAGES: folder of the device and service packages
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');

const { Certificates } = require('../support/node/certificates');
const { ClientProcess } = require('../support/node/client_process');
const { Hub, ports } = require('../support/node/hub');
const { Rest } = require('../support/node/rest');
const { Az } = require('./az');

const packages = process.env.TESTS_PACKAGES;
const hub = new Hub();
let az;

// With the flags that the hub was started with.
const twinhub = (...words) => {
  const ran = spawnSync(process.env.TESTS_BINARY, [...words, '--dev', '--data-dir', hub.data_dir, '--host-name', hub.address], { encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
  return ran.stdout;
};

before(async () => {
  await hub.start();
  az = new Az([hub.ca_file]);
  az.paste(twinhub('az'));
});
after(async () => {
  az?.kill();
  await hub.stop();
  hub.remove();
});

test('a resource group, as in the tutorial', async () => {
  const group = await az.json('az group create --name TwinTutorial --location centralus');
  assert.equal(group.name, 'TwinTutorial');
  assert.equal(group.properties.provisioningState, 'Succeeded');
  assert.equal((await az.run('az group exists --name twintutorial')).out.trim(), 'true');
  assert.equal((await az.run('az group exists --name other')).out.trim(), 'false');
  assert.deepEqual((await az.json('az group list')).map(({ name }) => name), ['TwinTutorial']);
});

test('the hub, as in the tutorial, is this process, and there is no second one', async () => {
  const made = await az.json('az iot hub create --resource-group TwinTutorial --name my-twin-hub --sku F1 --partition-count 2');
  assert.equal(made.properties.hostName, hub.address);
  assert.deepEqual([made.sku.name, made.sku.tier], ['F1', 'Free']);
  const shown = await az.json('az iot hub show --name my-twin-hub');
  assert.equal(shown.etag, made.etag);
  assert.deepEqual((await az.json('az iot hub list')).map(({ name }) => name), ['my-twin-hub']);
  const refused = await az.refusal('az iot hub create --resource-group TwinTutorial --name second-hub --sku S1');
  assert.match(refused, /ResourceConflict/);
  assert.match(refused, /one process is one hub/);
});

test('the samples run with the strings that az prints', async () => {
  const { connectionString } = await az.json('az iot hub show-connection-string --name my-twin-hub --policy-name iothubowner');
  const service = await az.json('az iot hub show-connection-string --name my-twin-hub --policy-name service');
  assert.match(service.connectionString, new RegExp(`^HostName=${hub.address};SharedAccessKeyName=service;SharedAccessKey=.+`));
  const start = (program, text) => new ClientProcess(path.join(__dirname, '..', 'tutorial', program), { ca_file: hub.ca_file, packages, args: [text] });

  const back_end = start('back_end.js', connectionString);
  const { authentication: { symmetricKey } } = await back_end.ask({ command: 'create', device_id: 'MyTwinDevice' });
  const device = start('device.js', `HostName=${hub.address};DeviceId=MyTwinDevice;SharedAccessKey=${symmetricKey.primaryKey}`);
  await device.event('the device has its twin', ({ event }) => event === 'twin');
  await back_end.ask({ command: 'get_twin', device_id: 'MyTwinDevice' });
  await back_end.ask({ command: 'update_twin', patch: { properties: { desired: { fanOn: 'true' } } } });
  const heard = await device.event('the device hears of the patch', ({ event }) => event === 'fanOn');
  assert.equal(heard.value, 'true');
  await device.end();
  await back_end.end();
  assert.equal((await az.json('az iot hub show-stats --name my-twin-hub')).totalDeviceCount, 1);
  assert.ok((await az.json('az iot hub show-quota-metrics --name my-twin-hub')).some(({ name }) => name === 'TotalMessages'));
});

test('tags change, and what a hub has in its settings file is named', async () => {
  const updated = await az.json('az iot hub update --name my-twin-hub --set tags.site=lab');
  assert.deepEqual(updated.tags, { site: 'lab' });
  assert.match(await az.refusal('az iot hub update --name my-twin-hub --c2d-max-delivery-count 5'), /c2d\.max_delivery_count/);
  const failover = `/subscriptions/{subscriptionId}/resourceGroups/TwinTutorial/providers/Microsoft.Devices/IotHubs/my-twin-hub/failover?api-version=2023-06-30`;
  assert.match(await az.refusal(`az rest --method post --url ${failover} --body '{"failoverRegion":"eastus"}'`), /no second region/);
});

test('a policy is made, renewed and deleted for real', async () => {
  await az.run('az iot hub policy create --hub-name my-twin-hub --name mine --permissions RegistryRead ServiceConnect');
  const policy = async () => (await az.json('az iot hub policy list --hub-name my-twin-hub')).find(({ keyName }) => keyName === 'mine');
  const first = await policy();
  assert.equal(first.rights, 'RegistryRead, ServiceConnect');
  const status_with = async (key) => {
    const rest = new Rest(`HostName=${hub.address};SharedAccessKeyName=mine;SharedAccessKey=${key}`, { plain_port: ports.http });
    try { return (await rest.get('/devices')).status; } finally { rest.close(); }
  };
  assert.equal(await status_with(first.primaryKey), 200);
  await az.json('az iot hub policy renew-key --hub-name my-twin-hub --name mine --renew-key primary');
  const renewed = await policy();
  assert.notEqual(renewed.primaryKey, first.primaryKey);
  assert.equal(await status_with(first.primaryKey), 401);
  assert.equal(await status_with(renewed.primaryKey), 200);
  await az.run('az iot hub policy delete --hub-name my-twin-hub --name mine');
  assert.equal(await policy(), undefined);
  assert.equal(await status_with(renewed.primaryKey), 401);
});

test('consumer groups and certificates', async () => {
  const groups = await az.json('az iot hub consumer-group list --hub-name my-twin-hub');
  assert.deepEqual(groups.map(({ name }) => name), ['$Default']);
  assert.match(await az.refusal('az iot hub consumer-group create --hub-name my-twin-hub --name mine'), /NotImplemented/);

  const ca = new Certificates().make('az-ca', { is_ca: true });
  const made = await az.json(`az iot hub certificate create --hub-name my-twin-hub --name root --path ${ca.file}`);
  assert.equal(made.properties.isVerified, false);
  const listed = await az.json('az iot hub certificate list --hub-name my-twin-hub');
  assert.equal(listed.value[0].properties.thumbprint, made.properties.thumbprint);
  await az.json(`az iot hub certificate delete --hub-name my-twin-hub --name root --etag ${listed.value[0].etag}`);
  assert.deepEqual((await az.json('az iot hub certificate list --hub-name my-twin-hub')).value, []);
});

test('the hub is a resource like any other', async () => {
  const [listed] = await az.json('az resource list --resource-type Microsoft.Devices/IotHubs');
  assert.equal(listed.name, 'my-twin-hub');
  const shown = await az.json('az resource show -g TwinTutorial -n my-twin-hub --resource-type Microsoft.Devices/IotHubs');
  assert.equal(shown.properties.hostName, hub.address);
  const hubs = await az.json(`az rest --method get --url "${listed.id}?api-version=2023-06-30"`);
  assert.equal(hubs.name, 'my-twin-hub');
  await az.run(`az resource delete --ids ${listed.id}`);
  assert.deepEqual(await az.json('az iot hub list'), []);
});

test('a template makes the hub, and its devices of before are gone', async () => {
  const file = path.join(az.folder, 'hub.json');
  fs.writeFileSync(file, `{
  // a template as people keep it, with a comment
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": { "hubName": { "type": "string" }, "sku": { "type": "string", "defaultValue": "S1" } },
  "resources": [{
    "type": "Microsoft.Devices/IotHubs", "apiVersion": "2021-07-02", "name": "[parameters('hubName')]",
    "location": "[resourceGroup().location]", "sku": { "name": "[parameters('sku')]", "capacity": 1 }, "properties": {}
  }],
  "outputs": { "host": { "type": "string", "value": "[reference(resourceId('Microsoft.Devices/IotHubs', parameters('hubName'))).hostName]" } }
}`);
  const made = await az.json(`az deployment group create -g TwinTutorial --template-file ${file} --parameters hubName=from-template`);
  assert.equal(made.properties.provisioningState, 'Succeeded');
  assert.equal(made.properties.outputs.host.value, hub.address);
  assert.equal((await az.json('az iot hub show --name from-template')).location, 'centralus');
  assert.equal((await az.json('az iot hub show-stats --name from-template')).totalDeviceCount, 0);
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace("[parameters('hubName')]\"", "[uniqueString('x')]\""));
  assert.match(await az.refusal(`az deployment group create -g TwinTutorial --template-file ${file} --parameters hubName=other`), /uniqueString/);
});

test('the end of the tutorial: the group and everything in it', async () => {
  await az.run('az group delete --name TwinTutorial --yes');
  assert.deepEqual(await az.json('az group list'), []);
  assert.deepEqual(await az.json('az iot hub list'), []);
});
