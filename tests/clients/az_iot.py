"""What `az iot hub monitor-events`, `az iot device c2d-message send` and `az iot hub monitor-feedback` do on the wire:
Debian's python3-uamqp, called as the az IoT extension calls it (azure-iot-cli-extension azext_iot/monitor and
azext_iot/operations/hub.py). It dials 5671, and knows no other port.

    az_iot.py HOST POLICY KEY monitor SINCE           SINCE: milliseconds since 1970
    az_iot.py HOST POLICY KEY send DEVICE MESSAGE_ID BODY
    az_iot.py HOST POLICY KEY feedback

JSON lines on standard output. OpenSSL takes the CA from SSL_CERT_FILE. monitor and feedback go on until they are ended.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.parse
import uuid

import uamqp


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def text(value):
    return value.decode("utf8") if isinstance(value, bytes) else value


class Hub:
    def __init__(self, host, policy, key):
        self.host, self.policy, self.key = host, policy, key

    def token(self):
        expiry = int(time.time()) + 3600
        resource = urllib.parse.quote_plus(self.host)
        signed = hmac.new(base64.b64decode(self.key), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
        return "SharedAccessSignature " + urllib.parse.urlencode(
            {"sr": self.host, "sig": base64.b64encode(signed), "se": expiry, "skn": self.policy}
        )

    def endpoint(self):
        """With user and password for SASL PLAIN."""
        user = f"{self.policy}@sas.root.{self.host.split('.')[0]}"
        return f"{urllib.parse.quote_plus(user)}:{urllib.parse.quote_plus(self.token())}@{self.host}"

    def event_hub_token(self, path):
        return uamqp.authentication.SASTokenAsync.from_shared_access_key(
            f"sb://{self.host}/{path}", self.policy, self.key
        )


async def event_hub_of(hub):
    source = uamqp.address.Source(f"amqps://{hub.endpoint()}/messages/events/$management")
    client = uamqp.ReceiveClientAsync(source, timeout=30000, prefetch=1)
    try:
        await client.open_async()
        await client.receive_message_batch_async(max_batch_size=1)
    except uamqp.errors.LinkRedirect as redirect:
        return {
            "hostname": text(redirect.hostname),
            "address": text(redirect.address),
            "port": redirect.port,
            "path": text(redirect.address).replace("amqps://", "").split("/")[1],
        }
    finally:
        await client.close_async()
    raise RuntimeError("the hub did not redirect")


async def description_of(hub, event_hub):
    client = uamqp.ReceiveClientAsync(
        uamqp.address.Source(event_hub["address"]), auth=hub.event_hub_token(event_hub["path"]), timeout=30000
    )
    try:
        await client.open_async()
        response = await client.mgmt_request_async(
            uamqp.Message(application_properties={"name": event_hub["path"]}),
            b"READ",
            op_type=b"com.microsoft:eventhub",
            status_code_field=b"status-code",
            description_fields=b"status-description",
            timeout=30000,
        )
        return response.get_data()
    finally:
        await client.close_async()


def on_event(partition, message):
    annotations = {text(key): text(value) for key, value in message.annotations.items()}
    tell(
        "event",
        partition=partition,
        device=annotations["iothub-connection-device-id"],
        source=annotations["iothub-message-source"],
        body=text(b"".join(message.get_data())),
        content_type=text(message.properties.content_type) if message.properties else None,
        content_encoding=text(message.properties.content_encoding) if message.properties else None,
        properties={text(key): text(value) for key, value in (message.application_properties or {}).items()},
    )


async def read_partition(hub, event_hub, connection, auth, partition, since):
    source = uamqp.address.Source(
        f"amqps://{event_hub['hostname']}/{event_hub['path']}/ConsumerGroups/$Default/Partitions/{partition}"
    )
    source.set_filter(f"amqp.annotation.x-opt-enqueuedtimeutc > {since}".encode())
    client = uamqp.ReceiveClientAsync(source, auth=auth, timeout=0, prefetch=0, client_name=str(uuid.uuid4()))
    await client.open_async(connection=connection)
    tell("open", partition=partition)
    while True:
        for message in await client.receive_message_batch_async(max_batch_size=10):
            on_event(partition, message)


async def monitor(hub, since):
    event_hub = await event_hub_of(hub)
    tell("redirect", **event_hub)
    description = await description_of(hub, event_hub)
    partitions = [text(partition) for partition in description[b"partition_ids"]]
    tell("described", name=text(description[b"name"]), count=description[b"partition_count"], partitions=partitions)
    auth = hub.event_hub_token(event_hub["path"])
    async with uamqp.ConnectionAsync(event_hub["hostname"], sasl=auth, container_id=str(uuid.uuid4())) as connection:
        await asyncio.gather(
            *(read_partition(hub, event_hub, connection, auth, partition, since) for partition in partitions)
        )


def send(hub, device, message_id, body):
    properties = uamqp.message.MessageProperties()
    properties.to = f"/devices/{device}/messages/devicebound"
    properties.message_id = message_id
    properties.content_type = "application/json"
    properties.content_encoding = "utf-8"
    message = uamqp.Message(
        body=body.encode(), properties=properties, application_properties={"iothub-ack": "full", "room": "attic"}
    )
    client = uamqp.SendClient(target=f"amqps://{hub.endpoint()}/messages/devicebound", client_name=str(uuid.uuid4()))
    client.queue_message(message)
    failed = [state for state in client.send_all_messages() if state == uamqp.constants.MessageState.SendFailed]
    tell("sent", failed=len(failed))


def feedback(hub):
    client = uamqp.ReceiveClient(
        source=f"amqps://{hub.endpoint()}/messages/servicebound/feedback", client_name=str(uuid.uuid4())
    )
    for message in client.receive_messages_iter():
        for record in json.loads(next(message.get_data())):
            tell("feedback", **record)
        message.accept()


def main(host, policy, key, what, *arguments):
    hub = Hub(host, policy, key)
    if what == "monitor":
        asyncio.run(monitor(hub, *arguments))
    elif what == "send":
        send(hub, *arguments)
    else:
        feedback(hub)


main(*sys.argv[1:])
