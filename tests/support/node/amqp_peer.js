// One AMQP connection over plain TCP, without SASL: a token by $cbs, then links. By rhea, which the Azure packages are built on.
'use strict';

const { createRequire } = require('node:module');
const path = require('node:path');

const { ports } = require('./hub');
const { within } = require('./until');

const folder = process.env.TESTS_PACKAGES || path.join(__dirname, '..', '..', 'sdk');
const rhea = createRequire(path.join(folder, 'package.json'))('rhea');

class AmqpPeer {
  constructor(host) {
    const container = rhea.create_container();
    container.on('error', () => {});
    this.connection = container.connect({ host, port: ports.amqp, reconnect: false, idle_time_out: 0 });
    this.closed = new Promise((resolve) => {
      this.connection.once('disconnected', resolve);  // by a loss
      this.connection.once('connection_close', resolve);  // in order
    });
    this.connection.on('error', () => {});
    this.connection.on('connection_error', () => {});
    this.connection.on('session_error', () => {});
  }

  // Settles with the receiver or sender once it is attached; rejects with its error, or at the connection's end.
  attached(link, what) {
    const open = new Promise((resolve, reject) => {
      link.once(link.is_receiver() ? 'receiver_open' : 'sender_open', () => resolve(link));
      link.once(link.is_receiver() ? 'receiver_error' : 'sender_error', () => reject(link.error));
      this.closed.then(() => reject(new Error(`${what}: the connection has ended`)));
    });
    return within(what, open);
  }

  open_receiver(address, options = {}) {
    return this.attached(this.connection.open_receiver({ source: address, autoaccept: false, ...options }), address);
  }

  open_sender(address, options = {}) {
    return this.attached(this.connection.open_sender({ target: address, ...options }), address);
  }

  // put-token; rejects unless the hub answers 200.
  async authenticate(audience, token) {
    const replies = await this.open_receiver('$cbs', { autoaccept: true });
    const requests = await this.open_sender('$cbs');
    const reply = new Promise((resolve, reject) => {
      replies.once('message', ({ message }) => resolve(message));
      this.closed.then(() => reject(new Error('the connection has ended')));
    });
    requests.send({
      message_id: 'token', reply_to: 'cbs', body: token,
      application_properties: { operation: 'put-token', type: 'servicebus.windows.net:sastoken', name: audience },
    });
    const { application_properties: said } = await within('the reply of $cbs', reply);
    if (said['status-code'] !== 200) throw new Error(`$cbs: ${said['status-code']} ${said['status-description']}`);
    return this;
  }

  // Sends; settles with true when the hub has accepted the message, with its error when it has rejected it. Rejects at the
  // connection's end, for then nobody knows.
  send(sender, message) {
    this.waiting ??= new Map();
    if (!sender.listened) {
      sender.listened = true;
      sender.on('accepted', ({ delivery }) => this.settle(sender, delivery.id, true));
      sender.on('rejected', ({ delivery }) => this.settle(sender, delivery.id, delivery.remote_state.error));
    }
    const { id } = sender.send(message);
    return new Promise((resolve, reject) => {
      this.waiting.set(`${sender.name} ${id}`, resolve);
      this.closed.then(() => reject(new Error('the connection has ended')));
    });
  }

  settle(sender, id, outcome) {
    const key = `${sender.name} ${id}`;
    this.waiting.get(key)?.(outcome);
    this.waiting.delete(key);
  }

  close() { this.connection.close(); }
}

// What the source of a receiver of events has beside its address to begin at `position`, e.g. "x-opt-offset > '17'".
const from = (position) => ({
  filter: { 'apache.org:selector-filter:string': rhea.types.wrap_described(`amqp.annotation.${position}`, 0x468C00000004) },
});

// A body of one data section.
const data = (text) => rhea.message.data_section(Buffer.from(text));

module.exports = { AmqpPeer, data, from };
