"""A device, here Paho's client, and its back end on a hub of their own, without a sleep. Each test begins with seed.toml."""

import json
import queue
import re
import threading

import paho.mqtt.client as mqtt
import pytest

# Since 2.0 Paho wants to be told how it calls back.
VERSION = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []
PATIENCE_SECONDS = 30


class Device:
    def __init__(self, hub, device_id):
        self.heard = queue.Queue()
        subscribed = threading.Event()
        self.client = mqtt.Client(*VERSION, client_id=device_id, clean_session=True, protocol=mqtt.MQTTv311)
        self.client.username_pw_set(f"{hub.address}/{device_id}/?api-version=2021-04-12", hub.command("token", "--device", device_id))
        self.client.tls_set(ca_certs=hub.ca)
        self.client.on_message = lambda client, data, message: self.heard.put((message.topic, json.loads(message.payload)))
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.on_connect = lambda *_: self.client.subscribe([("$iothub/twin/PATCH/properties/desired/#", 0), ("$iothub/methods/POST/#", 0)])
        self.client.connect(hub.address, 8883)
        self.client.loop_start()
        assert subscribed.wait(PATIENCE_SECONDS)

    def report(self, properties):
        self.client.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", json.dumps(properties), qos=1)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def pump(hub):
    device = Device(hub, "pump")
    yield device
    device.close()


def test_the_pump_obeys_its_desired_interval_and_says_so(hub, pump):
    hub.request("PATCH", "/twins/pump", {"properties": {"desired": {"interval": 6}}})
    _, desired = pump.heard.get(timeout=PATIENCE_SECONDS)
    pump.report({"interval": desired["interval"]})
    twin = hub.wait("pump", condition="properties.reported.interval = 6")
    assert twin["properties"]["desired"]["interval"] == 6


def test_the_pump_stops_when_it_is_told_to(hub, pump):
    def stop():
        topic, _ = pump.heard.get(timeout=PATIENCE_SECONDS)
        request_id = re.search(r"^\$iothub/methods/POST/stop/\?\$rid=(.*)$", topic).group(1)
        pump.client.publish(f"$iothub/methods/res/200/?$rid={request_id}", json.dumps({"stopped": True}))

    threading.Thread(target=stop).start()
    answer = hub.request("POST", "/twins/pump/methods", {"methodName": "stop", "payload": {}, "responseTimeoutInSeconds": PATIENCE_SECONDS})
    assert answer["payload"] == {"stopped": True}


def test_the_pump_is_seen_as_it_comes_and_goes(hub, pump):
    hub.wait("pump", condition="connectionState = 'Connected' AND tags.room = 'attic'")
    pump.close()
    hub.wait("pump", condition="connectionState = 'Disconnected'")
