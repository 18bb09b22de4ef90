// The hub that a suite runs against: named by the environment (see with_hub.js), so that it may be any hub, the cloud included.
'use strict';

const crypto = require('node:crypto');

const { parse_connection_string } = require('./sas');

const connection_string = process.env.HUB_CONNECTION_STRING;
if (!connection_string) throw new Error('HUB_CONNECTION_STRING is not set: run through tests/support/node/with_hub.js');

const host = parse_connection_string(connection_string).HostName;

// The connection string of a policy other than iothubowner.
function policy_connection_string(policy) {
  const text = process.env[`HUB_CONNECTION_STRING_${policy}`];
  if (!text) throw new Error(`HUB_CONNECTION_STRING_${policy} is not set`);
  return text;
}

const device_connection_string = (id, key) => `HostName=${host};DeviceId=${id};SharedAccessKey=${key}`;

// Tests share a hub: each takes ids of its own.
const new_id = (what) => `${what}-${crypto.randomBytes(4).toString('hex')}`;
const new_key = () => crypto.randomBytes(32).toString('base64');

module.exports = { connection_string, device_connection_string, host, new_id, new_key, policy_connection_string };
