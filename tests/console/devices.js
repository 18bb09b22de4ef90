// Devices and a back end beside the browser: the Azure SDK, unmodified, in processes of their own that trust the hub's CA.
'use strict';

const path = require('node:path');

const { ClientProcess } = require('../support/node/client_process');

const packages = process.env.TESTS_PACKAGES || path.join(__dirname, '..', 'sdk');

// A process for SDK clients of one hub.
class Clients {
  constructor(hub) {
    this.process = new ClientProcess(path.join(__dirname, 'client_program.js'), { ca_file: hub.ca_file, packages });
    this.owner = hub.connection_string();
  }

  // Registers a device; its connection string.
  create(device, more = {}) {
    return this.process.ask({ command: 'create', owner: this.owner, identity: { deviceId: device, ...more } });
  }
  remove(device) {
    return this.process.ask({ command: 'remove', owner: this.owner, device });
  }
  update_twin(device, patch) {
    return this.process.ask({ command: 'update_twin', owner: this.owner, device, patch });
  }
  get_twin(device) {
    return this.process.ask({ command: 'get_twin', owner: this.owner, device });
  }
  // Connects; `echo`: it reports whatever is desired of it.
  connect(connection_string, { echo = false } = {}) {
    return this.process.ask({ command: 'connect', connection_string, echo });
  }
  report(connection_string, patch) {
    return this.process.ask({ command: 'report', connection_string, patch });
  }
  send(connection_string, body, properties = {}) {
    return this.process.ask({ command: 'send', connection_string, body, properties });
  }
  create_many(prefix, count) {
    return this.process.ask({ command: 'create_many', owner: this.owner, prefix, count });
  }
  // `count` messages at once.
  flood(connection_string, body, count) {
    return this.process.ask({ command: 'flood', connection_string, body, count });
  }
  disconnect(connection_string) {
    return this.process.ask({ command: 'disconnect', connection_string });
  }
  // What the device was told: { desired }, { method, payload }, { message }.
  told(what, fits) {
    return this.process.event(what, (event) => event.told && fits(event.told));
  }
  end() {
    return this.process.end();
  }
}

const other_key = (connection_string) =>
  connection_string.replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(32, 7).toString('base64')}`);

module.exports = { Clients, other_key };
