// The back end of event_hubs_restart.test.js: it keeps a checkpoint, as it goes through the events, in a file that outlives it.
//   event_hubs_reader.js CONNECTION_STRING CHECKPOINTS TRANSPORT
'use strict';

const fs = require('node:fs');

const { Reader, consumer } = require('../support/node/event_hub');

const [, , connection_string, file, transport] = process.argv;
const partitions = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
const client = consumer(connection_string, { transport });

async function main() {
  for (const partition of await client.getPartitionIds()) {
    const known = partitions[partition];
    const reader = new Reader(client, partition, { startPosition: known === undefined ? { offset: '-1' } : { offset: known } });
    let told = 0;
    setInterval(() => {
      for (; told < reader.events.length; told += 1) {
        const { body, offset, sequenceNumber } = reader.events[told];
        partitions[partition] = offset;
        process.send({ event: 'read', partition, body, offset, sequenceNumber });
      }
      fs.writeFileSync(file, JSON.stringify(partitions));
    }, 20);
  }
  process.send({ event: 'started' });
}

process.on('disconnect', () => process.exit(0));
main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
