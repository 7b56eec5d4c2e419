"""One hop of an exactly-once chain: each record is read, decoded, one added to a field, encoded and written on. Ends at SIGTERM.

Arguments: `loop` (confluent-kafka, one transaction a batch) or `quix`, broker, group, topic to read, topic to write, schema file, header
(hex), commit interval in seconds (of quix; the loop commits each batch).
"""

import signal
import sys
import tempfile
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from kafka_records import CONSUMER, PRODUCER, Codec

ROWS, WAIT_S = 1_000, 0.005


def step(value: dict[str, Any]) -> dict[str, Any]:
    """What an agent of the chain does."""
    value["trade_id"] += 1
    return value


def loop(broker: str, group: str, source: str, sink: str, codec: Codec) -> None:
    """The plain transactional loop with one producer."""
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    producer = Producer({"bootstrap.servers": broker, "transactional.id": group, **PRODUCER, "linger.ms": 0})
    producer.init_transactions()
    consumer = Consumer({"bootstrap.servers": broker, "group.id": group, **CONSUMER})
    place = consumer.committed([TopicPartition(source, 0)], 30)[0]
    consumer.assign([TopicPartition(source, 0, max(0, place.offset))])
    print("ready", flush=True)
    while going:
        messages = consumer.consume(ROWS, WAIT_S)
        if not messages:
            continue
        producer.begin_transaction()
        for message in messages:
            if message.error() is not None:
                raise RuntimeError(message.error())
            producer.produce(sink, codec.encode(step(codec.decode(message.value()))), partition=0)
        offsets = [TopicPartition(source, 0, messages[-1].offset() + 1)]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()
    consumer.close()


def quix(broker: str, group: str, source: str, sink: str, codec: Codec, commit_s: float) -> None:
    """Quix Streams, exactly-once."""
    from kafka_quix import Reads, Writes, application

    with tempfile.TemporaryDirectory() as folder:
        app = application(broker, group, folder, processing_guarantee="exactly-once", commit_interval=commit_s)
        frame = app.dataframe(app.topic(source, value_deserializer=Reads(codec)))
        frame.apply(step).to_topic(app.topic(sink, value_serializer=Writes(codec)))
        print("ready", flush=True)
        app.run()


def main(what: str, broker: str, group: str, source: str, sink: str, schema: str, header: str, commit_s: str = "0") -> None:
    codec = Codec(schema, header)
    if what == "quix":
        quix(broker, group, source, sink, codec, float(commit_s))
    else:
        loop(broker, group, source, sink, codec)


if __name__ == "__main__":
    main(*sys.argv[1:])
