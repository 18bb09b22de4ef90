// Runs as a process of its own (devices.js): SDK devices and a registry, told by its parent what to do.
'use strict';

const {
  device: { Client, Message },
  iothub: { Registry },
  mqtt,
} = require('../support/node/azure');

const devices = new Map(); // by connection string: { client, twin }

const tell = (told) => process.send({ told });

async function connect({ connection_string, echo }) {
  const client = Client.fromConnectionString(connection_string, mqtt);
  client.on('error', () => {});
  await client.open();
  const twin = await client.getTwin();
  const report = (patch) =>
    new Promise((resolve, reject) => twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve())));
  devices.set(connection_string, { client, report });
  twin.on('properties.desired', (delta) => {
    const { $version, ...desired } = delta;
    tell({ desired, version: $version });
    if (echo && Object.keys(desired).length > 0) report(desired).catch(() => {});
  });
  client.on('message', (message) => {
    tell({ message: message.getData().toString() });
    client.complete(message, () => {});
  });
  client.onDeviceMethod('greet', (request, response) => {
    tell({ method: 'greet', payload: request.payload });
    response.send(200, { hello: request.payload.name }, () => {});
  });
}

const commands = {
  async create({ owner, identity }) {
    const { responseBody } = await Registry.fromConnectionString(owner).create(identity);
    const host = /HostName=([^;]+)/.exec(owner)[1];
    return `HostName=${host};DeviceId=${responseBody.deviceId};SharedAccessKey=${responseBody.authentication.symmetricKey.primaryKey}`;
  },
  async remove({ owner, device }) {
    await Registry.fromConnectionString(owner).delete(device);
  },
  async update_twin({ owner, device, patch }) {
    await Registry.fromConnectionString(owner).updateTwin(device, patch, '*');
  },
  async get_twin({ owner, device }) {
    return (await Registry.fromConnectionString(owner).getTwin(device)).responseBody;
  },
  connect,
  report({ connection_string, patch }) {
    return devices.get(connection_string).report(patch);
  },
  async send({ connection_string, body, properties }) {
    const message = new Message(typeof body === 'string' ? body : JSON.stringify(body));
    if (typeof body !== 'string') message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    for (const [name, value] of Object.entries(properties)) message.properties.add(name, value);
    await devices.get(connection_string).client.sendEvent(message);
  },
  async create_many({ owner, prefix, count }) {
    const registry = Registry.fromConnectionString(owner);
    const ids = Array.from({ length: count }, (_, i) => ({ deviceId: `${prefix}-${String(i).padStart(5, '0')}` }));
    for (let at = 0; at < count; at += 100) await registry.addDevices(ids.slice(at, at + 100));
  },
  async flood({ connection_string, body, count }) {
    const { client } = devices.get(connection_string);
    const message = () => Object.assign(new Message(JSON.stringify(body)), { contentType: 'application/json', contentEncoding: 'utf-8' });
    await Promise.all(Array.from({ length: count }, () => client.sendEvent(message())));
  },
  async disconnect({ connection_string }) {
    await devices.get(connection_string).client.close();
    devices.delete(connection_string);
  },
};

process.on('message', (command) => {
  commands[command.command](command).then(
    (value) => process.send({ answer: command.id, value: value === undefined ? null : JSON.parse(JSON.stringify(value)) }),
    (error) => process.send({ answer: command.id, error: { name: error.name, message: error.message } }),
  );
});
process.on('disconnect', () => process.exit(0));
