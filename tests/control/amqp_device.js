// A device of the SDK over AMQP, in a process of its own: when its connection is closed the SDK waits for 45 s before it comes back, and
// keeps its process alive for as long.   amqp_device.js CONNECTION_STRING CA_FILE REPORT
'use strict';

const fs = require('node:fs');

const { amqp, device: device_sdk } = require('../support/node/azure');

const [connection_string, ca_file, report] = process.argv.slice(2);
const client = device_sdk.Client.fromConnectionString(connection_string, amqp);
client.on('error', () => {});

(async () => {
  await client.setOptions({ ca: fs.readFileSync(ca_file, 'utf8') });
  await client.open();
  const twin = await client.getTwin();
  twin.on('error', () => {});
  const { reported } = twin.properties;
  console.log(JSON.stringify({ found: Object.fromEntries(Object.entries(reported).filter(([name]) => !/^\$|update/.test(name))) }));
  await new Promise((resolve, reject) => {
    reported.update(JSON.parse(report), (error) => (error ? reject(error) : resolve()));
  });
  console.log(JSON.stringify({ reported: true }));
})();
