"""A back end on Debian's python3-azure (azure-eventhub), written as its README shows, over TLS or over WebSocket.

    event_hub_reader.py tls|websocket CONNECTION_STRING CA_FILE POSITION [OWNER_LEVEL]

POSITION is "-1" (the start), "@latest", or a sequence number after which to begin. JSON lines on standard output: the
event hub's and its partitions' properties, then events as they come. It ends when standard input does.
"""

import json
import sys
import threading

from azure.eventhub import EventHubConsumerClient, TransportType

output = threading.Lock()


def tell(event, **fields):
    with output:
        print(json.dumps({"event": event, **fields}), flush=True)


def text(value):
    return value.decode("utf8") if isinstance(value, bytes) else value


def plain(properties):
    return {text(key): text(value) for key, value in properties.items() if isinstance(value, (bytes, str, int))}


def on_event(partition, event):
    last = partition.last_enqueued_event_properties
    tell(
        "event",
        partition=partition.partition_id,
        body=event.body_as_str(),
        sequence=event.sequence_number,
        offset=event.offset,
        enqueued=event.enqueued_time.timestamp(),
        properties=plain(event.properties),
        system=plain(event.system_properties),
        content_type=event.content_type,
        message_id=event.message_id,
        last=last and last["sequence_number"],
    )


def on_error(partition, error):
    tell("error", name=type(error).__name__, words=str(error), partition=partition and partition.partition_id)


def main(transport, connection_string, ca_file, position, owner_level=None):
    client = EventHubConsumerClient.from_connection_string(
        connection_string,
        consumer_group="$Default",
        transport_type=TransportType.AmqpOverWebsocket if transport == "websocket" else TransportType.Amqp,
        connection_verify=ca_file,
        retry_total=0,
    )
    hub = client.get_eventhub_properties()
    tell("hub", name=hub["eventhub_name"], partitions=hub["partition_ids"], created=hub["created_at"].timestamp())
    for partition_id in hub["partition_ids"]:
        partition = client.get_partition_properties(partition_id)
        tell(
            "partition",
            id=partition["id"],
            first=partition["beginning_sequence_number"],
            last=partition["last_enqueued_sequence_number"],
            offset=partition["last_enqueued_offset"],
            empty=partition["is_empty"],
        )

    def end():
        sys.stdin.read()
        client.close()

    threading.Thread(target=end, daemon=True).start()
    client.receive(
        on_event=on_event,
        on_error=on_error,
        on_partition_initialize=lambda partition: tell("initialized", partition=partition.partition_id),
        starting_position=int(position) if position.isdigit() else position,
        track_last_enqueued_event_properties=True,
        owner_level=int(owner_level) if owner_level else None,
    )


main(*sys.argv[1:])
