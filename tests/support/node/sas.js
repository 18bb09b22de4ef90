// Connection strings and SAS tokens, written from the public rules (azure-docs, "Control access to IoT Hub using SAS").
// On purpose not the SDK's code: what is tested with both is tested twice.
'use strict';

const crypto = require('node:crypto');

// "HostName=h;DeviceId=d;SharedAccessKey=k=" -> { HostName, DeviceId, SharedAccessKey }
function parse_connection_string(text) {
  return Object.fromEntries(text.split(';').map((part) => {
    const equals = part.indexOf('=');
    return [part.slice(0, equals), part.slice(equals + 1)];
  }));
}

function sas_token({ resource, key, policy, expiry_s = Math.floor(Date.now() / 1000) + 3600 }) {
  const sr = encodeURIComponent(resource);
  const signature = crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(`${sr}\n${expiry_s}`).digest('base64');
  const skn = policy ? `&skn=${encodeURIComponent(policy)}` : '';
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(signature)}&se=${expiry_s}${skn}`;
}

module.exports = { parse_connection_string, sas_token };
