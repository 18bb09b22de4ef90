// The Azure IoT packages of the folder in TESTS_PACKAGES (default: the newest, tests/sdk).
'use strict';

const { createRequire } = require('node:module');
const path = require('node:path');

const folder = process.env.TESTS_PACKAGES || path.join(__dirname, '..', '..', 'sdk');
const require_there = createRequire(path.join(folder, 'package.json'));

module.exports = {
  get iothub() { return require_there('azure-iothub'); },
  get event_hubs() { return require_there('@azure/event-hubs'); },
  get ws() { return require_there('ws'); },
  get arm_iothub() { return require_there('@azure/arm-iothub'); },
  get identity() { return require_there('@azure/identity'); },
  get device() { return require_there('azure-iot-device'); },
  get device_http() { return require_there('azure-iot-device-http'); },
  get amqp() { return require_there('azure-iot-device-amqp').Amqp; },
  get amqp_ws() { return require_there('azure-iot-device-amqp').AmqpWs; },
  get mqtt() { return require_there('azure-iot-device-mqtt').Mqtt; },
  get mqtt_ws() { return require_there('azure-iot-device-mqtt').MqttWs; },
};
