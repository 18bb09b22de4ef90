// A hub for tests of foreign clients, with what a person at its side has: the back end's REST, device tokens, the event log.
'use strict';

const crypto = require('node:crypto');

const { EventLog } = require('../support/events');
const { Hub, ports } = require('../support/hub');
const { Rest } = require('../support/rest');

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
    const id = `device-${crypto.randomBytes(3).toString('hex')}`;
    const created = await this.rest.create_device(id);
    if (created.status !== 200) throw new Error(created.text);
    return { id, user_name: `${this.host}/${id}/?api-version=${api_version}`, password: this.hub.token('--device', id) };
  }

  async patch_desired(id, desired) {
    const answer = await this.rest.patch(`/twins/${id}`, { properties: { desired } });
    if (answer.status !== 200) throw new Error(answer.text);
    return answer.json.properties.desired.$version;
  }

  async reported(id) {
    return (await this.rest.get(`/twins/${id}`)).json.properties.reported;
  }

  async is_connected(id) {
    return (await this.rest.get(`/devices/${id}`)).json.connectionState === 'Connected';
  }
}

module.exports = { World };
