// The seven patches of the tutorial's back end, in its order, and the events of the tutorial's device for each.
'use strict';

const desired = (section) => ({ properties: { desired: section } });

const system = { id: '17', units: 'farenheit', firmwareVersion: '9.75' };
const climate = { minTemperature: '68', maxTemperature: '76' };
const wifi = { channel: '6', ssid: 'my_network' };
const other_wifi = { channel: '13', ssid: 'my_other_network' };
const unknown = '{unknown}';

const report = (last_patch, fan_on, min, max) => ({
  event: 'reported',
  patch: { firmwareVersion: '1.2.1', lastPatchReceivedId: last_patch, fanOn: fan_on, minTemperature: min, maxTemperature: max },
});

// `notices`: the device's events in order, without the first one (the delta itself) and with the report at the end.
const steps = [
  {
    patch: desired({
      patchId: 'Init', fanOn: 'false', components: { system, climate },
    }),
    notices: [
      { event: 'fanOn', value: 'false' },
      { event: 'add', name: 'system', value: system },
      { event: 'add', name: 'climate', value: climate },
      { event: 'climate', delta: climate },
      report('Init', 'false', '68', '76'),
    ],
  },
  {
    patch: desired({ patchId: 'Switch fan on', fanOn: 'false' }),
    notices: [{ event: 'fanOn', value: 'false' }],
  },
  {
    patch: desired({ patchId: 'Set maximum temperature', components: { climate: { maxTemperature: '92' } } }),
    notices: [
      { event: 'update', name: 'climate', value: { maxTemperature: '92' } },
      { event: 'climate', delta: { maxTemperature: '92' } },
      report('Set maximum temperature', 'false', '68', '92'),
    ],
  },
  {
    patch: desired({ patchId: 'Add WiFi component', components: { wifi } }),
    notices: [{ event: 'add', name: 'wifi', value: wifi }],
  },
  {
    patch: desired({ patchId: 'Update WiFi component', components: { wifi: other_wifi } }),
    notices: [{ event: 'update', name: 'wifi', value: other_wifi }],
  },
  {
    patch: desired({ patchId: 'Delete WiFi component', components: { wifi: null } }),
    notices: [{ event: 'delete', name: 'wifi' }],
  },
];

const reset = desired(null);

// The desired properties when all seven are done.
const final_desired = {
  patchId: 'Delete WiFi component', fanOn: 'false',
  components: { system, climate: { minTemperature: '68', maxTemperature: '92' } },
};
const final_reported = report('Set maximum temperature', 'false', '68', '92').patch;
const initial_report = report(unknown, unknown, unknown, unknown);

module.exports = { reset, steps, final_desired, final_reported, initial_report };
