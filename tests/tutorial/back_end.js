// The back end's half of the tutorial, commanded by the test: one Registry, and one Twin object that is used for every patch,
// so that each update carries the etag of the response before it.
'use strict';

const { iothub } = require('../support/node/azure');

const registry = iothub.Registry.fromConnectionString(process.argv[2]);
let twin;

const plain = (value) => JSON.parse(JSON.stringify(value));

const commands = {
  create: ({ device_id }, done) => registry.create({ deviceId: device_id }, (error, identity) => done(error, identity && plain(identity))),
  get_twin: ({ device_id }, done) => registry.getTwin(device_id, (error, found) => {
    twin = found;
    done(error, found && plain(found));
  }),
  update_twin: ({ patch }, done) => twin.update(patch, (error, updated) => done(error, updated && plain(updated))),
};

process.on('message', (message) => {
  commands[message.command](message, (error, value) => {
    process.send({ answer: message.id, value, error: error ? { name: error.name, message: error.message } : undefined });
  });
});
process.on('disconnect', () => process.exit(0));
