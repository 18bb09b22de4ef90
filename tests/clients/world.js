// A hub for tests of foreign clients, with the tools of an operator: the back end's REST, device tokens, the event log.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const { EventLog } = require('../support/node/events');
const { Hub, ports } = require('../support/node/hub');
const { Program } = require('../support/node/program');
const { Rest } = require('../support/node/rest');

class World {
  static async start(options) {
    const world = new World();
    world.hub = new Hub(options);
    await world.hub.start();
    world.host = world.hub.address;
    world.rest = new Rest(world.hub.connection_string(), { plain_port: ports.http });
    world.events = new EventLog(world.hub);
    return world;
  }

  end() {
    this.rest.close();
    this.hub.remove();
  }

  // A new device as its configuration file has it: { id, user_name, password (a hand-made SAS token) }.
  async device(api_version = '2021-04-12') {
    const device = await this.identity(api_version);
    return { ...device, password: this.hub.token('--device', device.id) };
  }

  // A new device with a certificate that it has signed itself: { id, user_name, certificate, private_key (files) }.
  async x509_device() {
    const file = path.join(this.hub.data_dir, `device-${crypto.randomBytes(3).toString('hex')}`);
    const [certificate, private_key] = [`${file}.pem`, `${file}.key`];
    await new Program('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', 1,
      '-subj', '/CN=a device', '-out', certificate, '-keyout', private_key]).success();
    const thumbprint = crypto.createHash('sha256').update(new crypto.X509Certificate(fs.readFileSync(certificate)).raw).digest('hex');
    const device = await this.identity('2021-04-12', {
      authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint: thumbprint, secondaryThumbprint: null } },
    });
    return { ...device, certificate, private_key };
  }

  async identity(api_version, extra) {
    const id = `device-${crypto.randomBytes(3).toString('hex')}`;
    const created = await this.rest.create_device(id, extra);
    if (created.status !== 200) throw new Error(created.text);
    return { id, user_name: `${this.host}/${id}/?api-version=${api_version}` };
  }

  async patch_desired(id, desired) {
    const answer = await this.rest.patch(`/twins/${id}`, { properties: { desired } });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json.properties.desired.$version;
  }

  // Settles with the back end's answer to a direct method: { status, payload } of the device.
  async invoke(id, method, payload) {
    const answer = await this.rest.request('POST', `/twins/${id}/methods`, {
      body: { methodName: method, payload, responseTimeoutInSeconds: 30 },
    });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json;
  }

  // A cloud-to-device message; `headers` are its properties, e.g. { 'iothub-messageid': 'm1', 'iothub-app-colour': 'red' }.
  async send_message(id, body, headers = {}) {
    const answer = await this.rest.request('POST', `/devices/${id}/messages/deviceBound`, { body, headers });
    if (answer.status !== 204) throw new Error(`${answer.status} ${answer.text}`);
  }

  async waiting_messages(id) {
    return (await this.rest.get(`/devices/${id}`)).json.cloudToDeviceMessageCount;
  }

  async reported(id) {
    return (await this.rest.get(`/twins/${id}`)).json.properties.reported;
  }

  async is_connected(id) {
    return (await this.rest.get(`/devices/${id}`)).json.connectionState === 'Connected';
  }
}

// The properties in a cloud-to-device message's topic.
function properties_of(topic) {
  const bag = topic.slice(topic.lastIndexOf('/') + 1);
  return Object.fromEntries(bag.split('&').map((pair) => pair.split('=').map(decodeURIComponent)));
}

module.exports = { World, properties_of };
