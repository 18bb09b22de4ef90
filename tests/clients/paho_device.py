"""A device on Debian's python3-paho-mqtt, connected as Microsoft's page shows it for devices without an SDK (azure-docs
iot-mqtt-connect-to-iot-hub, "Using the MQTT protocol directly (as a device)"), over TLS or over WebSocket.

    paho_device.py tls|websocket HOST DEVICE USER_NAME CA_FILE SAS_TOKEN
    paho_device.py tls|websocket HOST DEVICE USER_NAME CA_FILE CERTIFICATE PRIVATE_KEY

Lines on standard input and JSON lines on standard output are those of paho_device.cpp.
"""

import json
import os
import ssl
import sys
import threading

from paho.mqtt import client as mqtt

output = threading.Lock()
granted = threading.Event()


def tell(event, **fields):
    with output:
        print(json.dumps({"event": event, **fields}), flush=True)


def on_connect(client, userdata, flags, rc):
    if rc != 0:
        print(f"CONNECT refused with {rc}", file=sys.stderr, flush=True)
        os._exit(1)  # from Paho's thread
    tell("connected", session_present=flags["session present"])


def on_disconnect(client, userdata, rc):
    tell("lost" if rc != 0 else "disconnected")


def on_subscribe(client, userdata, mid, granted_qos):
    granted.set()


def on_message(client, userdata, message):
    tell("message", topic=message.topic, payload=message.payload.decode("utf8"))


def main(transport, host, device_id, user_name, path_to_root_cert, secret, key_file=None):
    websockets = transport == "websocket"
    client = mqtt.Client(
        client_id=device_id,
        clean_session=False,
        protocol=mqtt.MQTTv311,
        transport="websockets" if websockets else "tcp",
    )
    if websockets:
        client.ws_set_options(path="/$iothub/websocket")
    client.on_connect = on_connect
    client.on_disconnect = on_disconnect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.username_pw_set(username=user_name, password=None if key_file else secret)
    client.tls_set(
        ca_certs=path_to_root_cert,
        certfile=secret if key_file else None,
        keyfile=key_file,
        cert_reqs=ssl.CERT_REQUIRED,
        tls_version=ssl.PROTOCOL_TLSv1_2,
        ciphers=None,
    )
    client.tls_insecure_set(False)
    client.reconnect_delay_set(1, 2)
    client.connect(host, port=443 if websockets else 8883)
    client.loop_start()

    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        if verb == "subscribe":
            granted.clear()
            client.subscribe(rest, qos=1)
            granted.wait()
            tell("subscribed", filter=rest)
        elif verb == "publish":
            qos, topic, payload = rest.split(" ", 2)
            client.publish(topic, payload, qos=int(qos)).wait_for_publish()
            tell("published", topic=topic)
        elif verb == "disconnect":
            break
    client.disconnect()
    client.loop_stop()


main(*sys.argv[1:])
