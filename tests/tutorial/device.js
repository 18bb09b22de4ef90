// The device's half of Microsoft's device-twin tutorial ("Configure your devices from a back-end service"): it listens to the
// desired properties as a whole, to its components, to one component and to one property, infers from each delta what was
// added, updated and deleted, and reports. Written for this test; everything it notices goes to the parent process.
'use strict';

const { device, mqtt } = require('../support/node/azure');

const tell = (event, detail) => process.send({ event, ...detail });
const unknown = '{unknown}';

const reported = { firmwareVersion: '1.2.1', lastPatchReceivedId: '', fanOn: '', minTemperature: '', maxTemperature: '' };
const known_components = new Set();

function report(twin) {
  const patch = { ...reported };
  twin.properties.reported.update(patch, (error) => {
    if (error) tell('report refused', { message: error.message });
    else tell('reported', { patch });
  });
}

function on_desired(twin, delta) {
  tell('desired', { delta });
  if (delta.patchId) {
    reported.lastPatchReceivedId = delta.patchId;
    return;
  }
  for (const name of ['lastPatchReceivedId', 'minTemperature', 'maxTemperature', 'fanOn']) reported[name] = unknown;
  report(twin);
}

function on_climate(twin, delta) {
  tell('climate', { delta });
  if (!delta.minTemperature && !delta.maxTemperature) return;
  const { climate } = twin.properties.desired.components;  // the merged value, not just what changed
  reported.minTemperature = climate.minTemperature;
  reported.maxTemperature = climate.maxTemperature;
  report(twin);
}

function on_components(delta) {
  if (delta === null) {
    known_components.clear();
    tell('components cleared');
    return;
  }
  for (const [name, value] of Object.entries(delta)) {
    const known = known_components.has(name);
    if (value === null && known) {
      known_components.delete(name);
      tell('delete', { name });
    } else if (value) {
      known_components.add(name);
      tell(known ? 'update' : 'add', { name, value });
    }
  }
}

const client = device.Client.fromConnectionString(process.argv[2], mqtt);
client.getTwin((error, twin) => {
  if (error) {
    tell('no twin', { message: error.message });
    return;
  }
  tell('twin', { desired: twin.properties.desired, reported: JSON.parse(JSON.stringify(twin.properties.reported)) });
  twin.on('properties.desired', (delta) => on_desired(twin, delta));
  twin.on('properties.desired.components.climate', (delta) => on_climate(twin, delta));
  twin.on('properties.desired.fanOn', (fan_on) => {
    tell('fanOn', { value: fan_on });
    reported.fanOn = fan_on || unknown;
  });
  twin.on('properties.desired.components', on_components);
  process.on('message', ({ id }) => process.send({ answer: id, value: twin.properties.desired }));
});
process.on('disconnect', () => process.exit(0));
