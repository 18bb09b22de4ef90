"""A back end on Debian's python3-qpid-proton, which knows AMQP 1.0 and nothing of IoT Hub: what the protocol allows and
Microsoft's clients do not do.

    proton_back_end.py HOST CA_FILE POLICY TOKEN ENTITY DEVICE

JSON lines on standard output, one for each step. Before it reads events it waits for a line on standard input.
"""

import json
import sys
import uuid

from proton import ConnectionException, Delivery, Described, Link, Message, SSLDomain, symbol
from proton.reactor import Filter, ReceiverOption
from proton.utils import BlockingConnection

SELECTOR = symbol("apache.org:selector-filter:string")


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class SettlesSecond(ReceiverOption):
    """The hub has to answer each outcome before the delivery is forgotten."""

    def apply(self, receiver):
        receiver.rcv_settle_mode = Link.RCV_SECOND


class BackEnd:
    def __init__(self, host, ca_file, policy, token):
        self.url = f"amqps://{host}:5671"
        self.trust = SSLDomain(SSLDomain.MODE_CLIENT)
        self.trust.set_trusted_ca_db(ca_file)
        self.trust.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        self.user = f"{policy}@sas.root.{host.split('.')[0]}"
        self.token = token
        self.connection = None

    def connect(self, password):
        return BlockingConnection(
            self.url,
            timeout=60,
            ssl_domain=self.trust,
            user=self.user,
            password=password,
            virtual_host="localhost",  # Proton holds names against certificates, and no addresses
            allowed_mechs="PLAIN",
            reconnect=False,
        )

    def try_wrong_password(self):
        try:
            self.connect("SharedAccessSignature sr=x&sig=eA%3D%3D&se=4000000000&skn=iothubowner")
        except ConnectionException as refusal:
            return tell("plain and wrong", words=str(refusal))
        tell("plain and wrong", words="not refused")

    def open(self):
        self.connection = self.connect(self.token)

    def wait(self, condition):
        self.connection.wait(condition)


def named(value):
    return f"{type(value).__name__} {value}"


class Management:
    def __init__(self, back_end, entity):
        self.entity = entity
        self.sender = back_end.connection.create_sender("$management")
        self.receiver = back_end.connection.create_receiver("$management", credit=10)

    def read(self, kind, message_id="1", **more):
        properties = {"operation": "READ", "type": f"com.microsoft:{kind}", "name": self.entity, **more}
        self.sender.send(Message(id=message_id, properties=properties))
        reply = self.receiver.receive()
        self.receiver.accept()
        return reply

    def try_message_ids(self):
        ids = [7, uuid.uuid4(), "text", b"bytes"]
        tell("correlation", ids=[(named(one), named(self.read("eventhub", one).correlation_id)) for one in ids])


def outcome_of(delivery):
    if delivery.remote_state == Delivery.REJECTED:
        return delivery.remote.condition.name
    return str(delivery.remote_state).lower()


def message_to(device, message_id="", body=b"{}"):
    return Message(
        address=f"/devices/{device}/messages/devicebound",
        id=message_id,
        body=body,
        inferred=True,
        properties={"iothub-ack": "full"},
    )


def try_sends(back_end, device):
    sender = back_end.connection.create_sender("/messages/devicebound")
    messages = [
        message_to(device, "proton-1"),
        message_to("nobody"),
        Message(body=b"{}", inferred=True),
        message_to(device, body=bytes(70_000)),
    ]
    tell("sent", outcomes=[outcome_of(sender.send(message, error_states=[])) for message in messages])
    # A message that its sender takes back half way is none, and the next one is whole.
    aborted = sender.link.delivery("aborted")
    sender.link.stream(message_to(device, "aborted").encode()[:20])
    aborted.abort()
    tell("after an aborted one", outcome=outcome_of(sender.send(message_to(device, "proton-2"))))


def records_about(message_id, receiver):
    """Of the next batch with a record about that message. Another reader that was ended early has left its own behind."""
    while True:
        records = json.loads(receiver.receive().body)
        if any(record["originalMessageId"] == message_id for record in records):
            return records
        receiver.accept()


def try_feedback(back_end):
    """Gives a batch back in two ways before it is taken."""
    receiver = back_end.connection.create_receiver("/messages/servicebound/feedback", credit=1, options=SettlesSecond())
    deliveries = []
    for state in (Delivery.RELEASED, Delivery.MODIFIED, Delivery.ACCEPTED):
        records = records_about("proton-1", receiver)
        # Not BlockingReceiver.accept(): it settles at once.
        delivery = receiver.fetcher.unsettled.popleft()
        delivery.update(state)
        back_end.wait(lambda: delivery.settled)
        deliveries.append((str(state).lower(), outcome_of(delivery)))
        delivery.settle()
    tell("feedback", deliveries=deliveries, records=records)
    receiver.close()


def body_of(message):
    return bytes(message.body).decode()


def event_receiver(back_end, entity, partition, credit):
    everything = Filter({SELECTOR: Described(SELECTOR, "amqp.annotation.x-opt-offset > '-1'")})
    address = f"{entity}/ConsumerGroups/$Default/Partitions/{partition}"
    return back_end.connection.create_receiver(address, credit=credit, options=everything)


def drain(back_end, entity, partition):
    """All events that there are: the hub says itself that there are no more."""
    receiver = event_receiver(back_end, entity, partition, credit=0)
    receiver.link.drain(1000)
    back_end.wait(lambda: receiver.link.credit == 0)
    messages = []
    while receiver.fetcher.has_message:
        messages.append(receiver.receive())
        receiver.accept()
    receiver.close()
    return messages


def is_of(device, message):
    return message.annotations["iothub-connection-device-id"] == device


def read_events(back_end, management, device):
    partitions = management.read("eventhub").body["partition_ids"]
    drained = {partition: drain(back_end, management.entity, partition) for partition in partitions}
    found = next(one for one, messages in drained.items() if any(is_of(device, message) for message in messages))
    tell("drained", bodies=[body_of(message) for message in drained[found] if is_of(device, message)])
    # The same with a credit of one, each given when the event before it is there.
    receiver = event_receiver(back_end, management.entity, found, credit=0)
    bodies = []
    for expected in drained[found]:
        message = receiver.receive()
        receiver.accept()
        assert message.annotations["x-opt-offset"] == expected.annotations["x-opt-offset"]
        if is_of(device, message):
            bodies.append(body_of(message))
    tell("one by one", bodies=bodies)


def main(host, ca_file, policy, token, entity, device):
    back_end = BackEnd(host, ca_file, policy, token)
    back_end.try_wrong_password()
    back_end.open()
    management = Management(back_end, entity)
    management.try_message_ids()
    try_sends(back_end, device)
    try_feedback(back_end)
    sys.stdin.readline()
    read_events(back_end, management, device)
    back_end.connection.close()


main(*sys.argv[1:])
