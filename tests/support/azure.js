// The Azure IoT packages of the folder in TWINHUB_PACKAGES (default: the newest, tests/sdk).
'use strict';

const { createRequire } = require('node:module');
const path = require('node:path');

const folder = process.env.TWINHUB_PACKAGES || path.join(__dirname, '..', 'sdk');
const require_there = createRequire(path.join(folder, 'package.json'));

module.exports = {
  get iothub() { return require_there('azure-iothub'); },
  get device() { return require_there('azure-iot-device'); },
  get device_http() { return require_there('azure-iot-device-http'); },
  get mqtt() { return require_there('azure-iot-device-mqtt').Mqtt; },
  get mqtt_ws() { return require_there('azure-iot-device-mqtt').MqttWs; },
};
